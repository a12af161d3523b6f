// SPDX-License-Identifier: MIT

// processes: a Go program that starts others, itself among them, and is told things by them.  What
// it prints is always the same, and the same natively.
//
//	processes [PART...]         some parts of it, or all
//	processes -child WHAT ...   what it starts; see children below
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Nothing takes that long, on any machine.
const late = 30 * time.Second

var me, _ = exec.LookPath(os.Args[0]) // natively there is no /proc

func main() {
	if len(os.Args) > 2 && os.Args[1] == "-child" {
		os.Exit(children[os.Args[2]](os.Args[3:]))
	}
	time.AfterFunc(4*late, func() { panic("it does not end") })
	wanted := os.Args[1:]
	for _, part := range parts {
		if len(wanted) > 0 && !contains(wanted, part.name) {
			continue
		}
		fmt.Printf("---- %s\n", part.name)
		part.run()
	}
}

func contains(list []string, word string) bool {
	for _, each := range list {
		if each == word {
			return true
		}
	}
	return false
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func child(arguments ...string) *exec.Cmd {
	return exec.Command(me, append([]string{"-child"}, arguments...)...)
}

// ready starts a child that says so before anything is done to it; its output follows.
func ready(command *exec.Cmd) *bufio.Reader {
	out, err := command.StdoutPipe()
	must(err)
	must(command.Start())
	reader := bufio.NewReader(out)
	line, err := reader.ReadString('\n')
	if line != "ready\n" {
		panic(fmt.Sprint("not ready: ", line, err))
	}
	return reader
}

// rest is what the child still prints, and how it ends.
func rest(command *exec.Cmd, reader *bufio.Reader) {
	text, err := io.ReadAll(reader)
	must(err)
	fmt.Printf("%q, %v\n", text, command.Wait())
}

func shell(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }

// takes counts what comes until it is `count`, or late.
func takes(c <-chan os.Signal, count int) (got int) {
	end := time.After(late)
	for got < count {
		select {
		case <-c:
			got++
		case <-end:
			return
		}
	}
	return
}

// spin uses a processor until `stop`.
func spin(stop *int32) {
	for atomic.LoadInt32(stop) == 0 {
	}
}

// forever has no place to be preempted at but by a signal.
//
//go:noinline
func forever(n uint64) uint64 {
	for {
		n = n*5 + 1
		if n == 0x123456789abcdef {
			n++
		}
	}
}

// ---- What it starts ----

var children = map[string]func([]string) int{
	"exit": func(a []string) int {
		code, _ := strconv.Atoi(a[0])
		return code
	},
	"both": func(a []string) int {
		for i := 0; i < 3; i++ {
			fmt.Fprintf(os.Stdout, "out %d\n", i)
			fmt.Fprintf(os.Stderr, "err %d\n", i)
		}
		return 2
	},
	"panic": func(a []string) int {
		var none map[string]int
		none["x"] = 1
		return 0
	},
	"nil": func(a []string) (n int) {
		defer func() { fmt.Println("recovered:", recover()) }()
		var none *int
		return *none
	},
	"spin":  func(a []string) int { fmt.Println("ready"); return int(forever(1)) },
	"sleep": func(a []string) int { fmt.Println("ready"); time.Sleep(10 * late); return 0 },
	"take": func(a []string) int { // signals until SIGTERM
		c := make(chan os.Signal, 100)
		signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM)
		go forever(1)
		fmt.Println("ready")
		for s := range c {
			fmt.Println("took", s)
			if s == syscall.SIGTERM {
				return 5
			}
		}
		return 1
	},
	"ignore": func(a []string) int {
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println("ignored:", signal.Ignored(syscall.SIGTERM))
		return 6
	},
	"context": func(a []string) int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGHUP)
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println(ctx.Err())
		stop() // the next one ends us
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		time.Sleep(late)
		return 1
	},
	"exec": func(a []string) int { // with other threads, which end
		for i := 0; i < 3; i++ {
			go forever(1)
		}
		time.Sleep(5 * time.Millisecond)
		pid := strconv.Itoa(os.Getpid())
		err := syscall.Exec("/bin/sh", []string{"sh", "-c", `test $$ = $PID; echo "$0 $1 $PID_IS $?"; exit 9`, "zero", "one"},
			[]string{"PID=" + pid, "PID_IS=same"})
		fmt.Println(err)
		return 1
	},
	"storm": func(a []string) int { // COUNT signals for the parent
		count, _ := strconv.Atoi(a[0])
		for i := 0; i < count; i++ {
			syscall.Kill(os.Getppid(), syscall.SIGUSR1)
		}
		return 0
	},
	"answer": func(a []string) int { // each SIGUSR1 with SIGUSR2
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGUSR1, syscall.SIGTERM)
		fmt.Println("ready")
		n := 0
		for s := range c {
			if s == syscall.SIGTERM {
				break
			}
			n++
			syscall.Kill(os.Getppid(), syscall.SIGUSR2)
		}
		fmt.Println("answered", n)
		return 0
	},
	"tree": func(a []string) int { // DEPTH: two below each, their codes are summed
		depth, _ := strconv.Atoi(a[0])
		if depth == 0 {
			return 1
		}
		var sum int32
		var group sync.WaitGroup
		for i := 0; i < 2; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				command := child("tree", strconv.Itoa(depth-1))
				command.Run()
				atomic.AddInt32(&sum, int32(command.ProcessState.ExitCode()))
			}()
		}
		group.Wait()
		return int(sum)
	},
	"files": func(a []string) int {
		text, err := io.ReadAll(os.NewFile(3, "three"))
		fmt.Fprintf(os.NewFile(4, "four"), "%s %v", text, err)
		return 0
	},
}

// ---- What it does with them ----

var parts = []struct {
	name string
	run  func()
}{
	{"command", func() {
		out, err := exec.Command("echo", "one", "two  three").Output()
		fmt.Printf("%q %v\n", out, err)
		out, err = child("both").CombinedOutput()
		fmt.Printf("%q %v\n", out, err)
		_, err = shell("echo to stderr >&2; exit 3").Output()
		var exit *exec.ExitError
		fmt.Println(errors.As(err, &exit), exit.ExitCode(), strings.TrimSpace(string(exit.Stderr)))
		for _, code := range []string{"0", "1", "77", "255", "256"} {
			fmt.Print(child("exit", code).Run(), " ")
		}
		fmt.Println()
		for _, name := range []string{"no-such-command", "/no/such/file", "/data/not-executable", "/data/sub", "/data/damaged"} {
			fmt.Println(exec.Command(name).Run())
		}
		path, err := exec.LookPath("sh")
		fmt.Println(path, err)
		out, err = child("panic").CombinedOutput()
		fmt.Printf("%q %v\n", strings.SplitN(string(out), "\n", 2)[0], err)
		out, err = child("nil").Output()
		fmt.Printf("%q %v\n", out, err)
	}},
	{"surroundings", func() {
		command := shell(`echo "$A-$B-$HOME"; pwd; umask`)
		command.Env = []string{"A=1", "B=two words", "A=3"}
		command.Dir = "/data/sub"
		out, err := command.Output()
		fmt.Printf("%q %v\n", out, err)
		command = shell("pwd")
		command.Dir = "/none"
		fmt.Println(command.Run())
		out, err = exec.Command("env").Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		sort.Strings(lines)
		fmt.Println(lines, err)
		r, w, err := os.Pipe()
		must(err)
		command = child("files")
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		back, answer, err := os.Pipe()
		must(err)
		command.ExtraFiles = []*os.File{r, answer}
		must(command.Start())
		r.Close()
		answer.Close()
		io.WriteString(w, "to the third")
		w.Close()
		text, err := io.ReadAll(back)
		fmt.Printf("%s %v %v\n", text, err, command.Wait())
	}},
	{"pipes", func() {
		command := exec.Command("md5sum")
		in, err := command.StdinPipe()
		must(err)
		go func() {
			for i := 0; i < 20000; i++ {
				fmt.Fprintf(in, "line %d\n", i)
			}
			in.Close()
		}()
		out, err := command.Output()
		fmt.Printf("%q %v\n", out, err)
		command = exec.Command("cat")
		command.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
		var buffer bytes.Buffer
		command.Stdout = &buffer
		fmt.Println(command.Run(), buffer.Len())
		// A pipeline of three.
		first, second, third := exec.Command("seq", "1", "5000"), exec.Command("grep", "7"), exec.Command("wc", "-l")
		second.Stdin, _ = first.StdoutPipe()
		third.Stdin, _ = second.StdoutPipe()
		buffer.Reset()
		third.Stdout = &buffer
		must(third.Start())
		must(second.Start())
		must(first.Run())
		must(second.Wait())
		fmt.Println(third.Wait(), buffer.String())
		// Nobody reads: SIGPIPE.
		command = exec.Command("yes")
		reader, err := command.StdoutPipe()
		must(err)
		must(command.Start())
		io.ReadFull(reader, make([]byte, 10))
		reader.Close()
		fmt.Println(command.Wait())
		// A conversation.
		command = exec.Command("cat")
		in, _ = command.StdinPipe()
		reader, _ = command.StdoutPipe()
		must(command.Start())
		lines := bufio.NewReader(reader)
		same := 0
		for i := 0; i < 300; i++ {
			fmt.Fprintf(in, "%d\n", i)
			if line, _ := lines.ReadString('\n'); line == fmt.Sprintf("%d\n", i) {
				same++
			}
		}
		in.Close()
		fmt.Println(same, command.Wait())
	}},
	{"timeouts", func() {
		for _, how := range []string{"spin", "sleep"} {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			command := exec.CommandContext(ctx, me, "-child", how)
			begin := time.Now()
			fmt.Print(command.Run(), " ", ctx.Err(), " ", time.Since(begin) < late, "\n")
			cancel()
		}
		ctx, cancel := context.WithTimeout(context.Background(), late)
		fmt.Println(exec.CommandContext(ctx, "true").Run(), ctx.Err())
		cancel()
		fmt.Println(exec.CommandContext(ctx, "true").Run())
	}},
	{"many", func() {
		var group sync.WaitGroup
		var sum, wrong int32
		for i := 0; i < 24; i++ {
			group.Add(1)
			go func(i int) {
				defer group.Done()
				command := shell(fmt.Sprintf("read x; echo $((x * 2)); exit %d", i))
				command.Stdin = strings.NewReader(fmt.Sprintln(i))
				out, _ := command.Output()
				if strings.TrimSpace(string(out)) != strconv.Itoa(2*i) {
					atomic.AddInt32(&wrong, 1)
				}
				atomic.AddInt32(&sum, int32(command.ProcessState.ExitCode()))
			}(i)
		}
		group.Wait()
		fmt.Println(sum, wrong)
		fmt.Println(child("tree", "3").Run())
		// While all processors are in use, and memory is collected.
		var stop int32
		for i := 0; i < runtime.NumCPU()+1; i++ {
			go spin(&stop)
		}
		good := 0
		for i := 0; i < 10; i++ {
			runtime.GC()
			if out, err := exec.Command("echo", "x").Output(); err == nil && string(out) == "x\n" {
				good++
			}
		}
		atomic.StoreInt32(&stop, 1)
		fmt.Println(good)
	}},
	{"state", func() {
		command := shell("exit 3")
		command.Run()
		s := command.ProcessState
		status := s.Sys().(syscall.WaitStatus)
		fmt.Println(s, s.Exited(), s.ExitCode(), s.Success(), s.Pid() == command.Process.Pid, s.UserTime() >= 0,
			status.ExitStatus(), command.Process.Signal(syscall.SIGTERM))
		for _, name := range []string{"KILL", "SEGV", "TERM", "USR1", "ABRT", "ALRM"} {
			command = shell("kill -" + name + " $$")
			command.Run()
			status = command.ProcessState.Sys().(syscall.WaitStatus)
			fmt.Println(command.ProcessState, status.Signaled(), int(status.Signal()), command.ProcessState.ExitCode())
		}
		out, err := shell("echo $$ $PPID").Output()
		fmt.Println(strings.HasSuffix(string(out), fmt.Sprintf(" %d\n", os.Getpid())), err)
		// Stopped, and going on.
		command = child("sleep")
		reader := ready(command)
		pid := command.Process.Pid
		must(command.Process.Signal(syscall.SIGSTOP))
		got, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		fmt.Println(got == pid, err, status.Stopped(), status.StopSignal())
		must(command.Process.Signal(syscall.SIGCONT))
		got, err = syscall.Wait4(pid, &status, syscall.WCONTINUED, nil)
		fmt.Println(got == pid, err, status.Continued())
		must(command.Process.Kill())
		rest(command, reader)
	}},
	{"processes", func() {
		r, w, err := os.Pipe()
		must(err)
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "pwd; echo $X; exit 4"}, &os.ProcAttr{
			Dir: "/data", Env: []string{"X=y"}, Files: []*os.File{nil, w, os.Stderr}})
		must(err)
		w.Close()
		text, err := io.ReadAll(r)
		state, waited := p.Wait()
		fmt.Printf("%q %v %v %v\n", text, err, state, waited)
		_, err = os.StartProcess("/none", nil, &os.ProcAttr{})
		fmt.Println(err)
		p, _ = os.FindProcess(os.Getpid())
		fmt.Println(p.Signal(syscall.Signal(0)))
		// A group of its own, killed as a whole.
		command := shell("sleep 1000 & sleep 1000 & echo ready; wait")
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		reader := ready(command)
		group, err := syscall.Getpgid(command.Process.Pid)
		fmt.Println(group == command.Process.Pid, err, syscall.Kill(-group, syscall.SIGKILL))
		rest(command, reader)
		command = shell("echo ready; kill -TERM 0; sleep 100")
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
		runtime.LockOSThread()
		reader = ready(command)
		rest(command, reader)
		runtime.UnlockOSThread()
		command = exec.Command("id", "-u")
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := command.Output()
		fmt.Printf("%q %v\n", out, err)
		out, err = child("exec").CombinedOutput()
		fmt.Printf("%q %v\n", out, err)
		fmt.Println(syscall.Exec("/none", []string{"x"}, nil))
	}},
	{"signals", func() {
		c := make(chan os.Signal, 200)
		signal.Notify(c, syscall.SIGUSR1)
		for i := 0; i < 100; i++ {
			syscall.Kill(os.Getpid(), syscall.SIGUSR1)
			if takes(c, 1) != 1 {
				fmt.Println("lost", i)
			}
		}
		signal.Stop(c)
		signal.Ignore(syscall.SIGUSR1)
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		fmt.Println(len(c), signal.Ignored(syscall.SIGUSR1))
		signal.Reset(syscall.SIGUSR1)
		fmt.Println(signal.Ignored(syscall.SIGUSR1))

		signal.Notify(c, syscall.SIGCHLD)
		fmt.Println(exec.Command("true").Run(), takes(c, 1))
		signal.Stop(c)

		command := child("take")
		reader := ready(command)
		for _, s := range []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGUSR1} {
			must(command.Process.Signal(s))
			line, _ := reader.ReadString('\n')
			fmt.Print(line)
		}
		must(command.Process.Signal(syscall.SIGTERM))
		rest(command, reader)

		command = child("sleep")
		reader = ready(command)
		must(command.Process.Signal(syscall.SIGTERM))
		rest(command, reader)
		command = child("spin")
		reader = ready(command)
		must(command.Process.Signal(os.Interrupt))
		rest(command, reader)

		command = child("ignore")
		in, err := command.StdinPipe()
		must(err)
		reader = ready(command)
		must(command.Process.Signal(syscall.SIGTERM))
		io.WriteString(in, "go on\n")
		rest(command, reader)

		command = child("context")
		reader = ready(command)
		must(command.Process.Signal(syscall.SIGHUP))
		rest(command, reader)
	}},
	{"storms", func() {
		// Signals that come together count once or more, but the last of them always comes.
		c := make(chan os.Signal, 10000)
		signal.Notify(c, syscall.SIGUSR1)
		var stop int32
		go spin(&stop)
		var group sync.WaitGroup
		var good int32
		for i := 0; i < 4; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				if child("storm", "500").Run() == nil {
					atomic.AddInt32(&good, 1)
				}
			}()
		}
		group.Wait()
		n := takes(c, 1)
		atomic.StoreInt32(&stop, 1)
		fmt.Println(good, n)
		signal.Stop(c)
		// One at a time none is lost.
		c = make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGUSR2)
		command := child("answer")
		reader := ready(command)
		answers := 0
		for i := 0; i < 200; i++ {
			must(command.Process.Signal(syscall.SIGUSR1))
			answers += takes(c, 1)
		}
		must(command.Process.Signal(syscall.SIGTERM))
		fmt.Println(answers)
		rest(command, reader)
		signal.Stop(c)
	}},
	{"timers", func() {
		begin := time.Now()
		ticker := time.NewTicker(2 * time.Millisecond)
		for i := 0; i < 25; i++ {
			<-ticker.C
		}
		ticker.Stop()
		took := time.Since(begin)
		fmt.Println(took >= 50*time.Millisecond, took < late)
		timer := time.NewTimer(late)
		fmt.Println(timer.Stop(), timer.Reset(time.Millisecond))
		<-timer.C
		fmt.Println(timer.Stop())
		begin = time.Now()
		early := make(chan bool, 3)
		for _, ms := range []int{60, 1, 30} {
			after := time.Duration(ms) * time.Millisecond
			time.AfterFunc(after, func() { early <- time.Since(begin) < after })
		}
		fmt.Println(<-early, <-early, <-early)
		select {
		case <-time.After(10 * time.Millisecond):
			fmt.Println("after")
		case <-early:
		}
		r, _, err := os.Pipe()
		must(err)
		r.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err = r.Read(make([]byte, 1))
		fmt.Println(err)
	}},
	// The last: some goroutines of it never end.
	{"threads", func() {
		fmt.Println(runtime.NumCPU(), runtime.GOMAXPROCS(0) == runtime.NumCPU())
		// One processor, taken by a goroutine that never lets go of it by itself.
		old := runtime.GOMAXPROCS(1)
		go forever(1)
		go forever(2)
		for i := 0; i < 5; i++ {
			time.Sleep(time.Millisecond)
			runtime.Gosched()
		}
		runtime.GC()
		out, err := exec.Command("echo", "beside them").Output()
		fmt.Printf("%q %v\n", out, err)
		runtime.GOMAXPROCS(old)
		// Many goroutines on many threads.
		var group sync.WaitGroup
		var sum int64
		for i := 1; i <= 50; i++ {
			group.Add(1)
			go func(i int) {
				defer group.Done()
				runtime.LockOSThread()
				time.Sleep(time.Millisecond)
				atomic.AddInt64(&sum, int64(i))
			}(i)
		}
		group.Wait()
		fmt.Println(sum)
	}},
}
