#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Programs at a terminal, as a user has them: an interactive shell with its jobs, stty, script, ps.
import array
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

PROMPT = b'ready> '


class Terminal:
    """A program with a terminal of its own; what it shows is printed with what varies taken out."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1=PROMPT.decode(), TERM='dumb', HISTFILE='', LC_ALL='C')
            os.execvp(command[0], command)

    def show(self, until, seconds=30):
        text = b''
        end = time.monotonic() + seconds
        while not text.endswith(until) and time.monotonic() < end:
            if not select.select([self.fd], [], [], 1)[0]:
                continue
            try:
                part = os.read(self.fd, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
        shown = text.decode(errors='replace').replace('\r\n', '\n')
        print(re.sub(r'(?m)^(\[\d\]) \d+$', r'\1 PID', shown), flush=True)

    def type(self, text, until=PROMPT):
        os.write(self.fd, text)
        self.show(until)

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        print('ended with', status)
        os.close(self.fd)


def state(command, wanted):
    """Wait until the processes that run it are in this state; '': there are none."""
    for _ in range(300):
        out = subprocess.run(['ps', '-eo', 'stat=,args='], capture_output=True, text=True).stdout
        found = [line.split(None, 1)[0] for line in out.splitlines() if line.endswith(command)]
        if bool(found) == bool(wanted) and all(s.startswith(wanted) for s in found):
            return
        time.sleep(0.05)
    print('not', wanted, command, found)


print('--- a shell and its jobs')
t = Terminal('bash', '--norc', '--noprofile', '--noediting', '-i')
t.show(PROMPT)
t.type(b'echo one two\n')
t.type(b'tty | sed s/[0-9]/N/; stty -a | head -n 2 | tail -n 1; test -t 0 && echo terminal\n')
os.write(t.fd, b'sleep 1000\n')
state('sleep 1000', 'S')
t.type(b'\x1a')
t.type(b'jobs\n')
t.type(b'bg\n')
state('sleep 1000', 'S')
os.write(t.fd, b'fg\n')
time.sleep(0.5)
t.type(b'\x03')
t.type(b'echo $?\n')
os.write(t.fd, b'cat\n')
state('cat', 'S')
t.type(b'a line\n\x04')
t.type(b'(sleep 0.5; exec cat) &\n')  # after the prompt, which else tells of it already
state('cat', 'T')
t.type(b'\n')
os.write(t.fd, b'fg\n')
state('cat', 'S')
t.type(b'\x04')
os.write(t.fd, b'read -n 1 x; echo "[$x]"\n')
time.sleep(0.5)
t.type(b'q')
t.type(b'stty tostop; sh -c "sleep 0.5; echo from behind" &\n')
state('echo from behind', 'T')
t.type(b'\n')
t.type(b'fg\n')
t.type(b'stty -tostop; stty size\n')
fcntl.ioctl(t.fd, termios.TIOCSWINSZ, array.array('H', [30, 90, 0, 0]))
t.type(b'stty size; echo $LINES $COLUMNS\n')
t.type(b'trap "echo interrupted" INT; kill -INT $$\n')
t.type(b'echo wrong\x17right\x08\x08\x7f\x7fht\n')
t.type(b"ps -o tty= -p $$ | sed 's/[0-9]/N/'; ps -o tpgid= -p $$ | grep -c .\n")
t.type(b'echo written to >/dev/tty; sh -c "echo also </dev/tty"\n')
t.type(b'exit 7\n', b'never')
t.end()

print('--- a hangup')
t = Terminal('bash', '--norc', '--noprofile', '--noediting', '-i')
t.show(PROMPT)
os.write(t.fd, b'sleep 2000\n')
state('sleep 2000', 'S')
os.close(t.fd)
print('ended with', os.waitpid(t.pid, 0)[1])
state('sleep 2000', '')

print('--- stty')
t = Terminal('sh')
t.show(b'ready> ')
for modes in ('-a', 'raw -echo; stty -a; stty sane; stty -a', '-g', 'erase ^H; stty -a', 'cols 77; stty size',
              '9600; stty speed', 'eof ^X intr undef; stty'):
    t.type(f'stty {modes}\n'.encode())
t.type(b'exit\n', b'never')
t.end()

print('--- script')
for command in ('echo in', 'tty | sed s/[0-9]/N/', 'exit 3', 'stty -echo; stty -a | grep -o -- -echo.', 'sh -c "kill -9 \\$\\$"'):
    r = subprocess.run(['script', '-qec', command, '/dev/null'], stdin=subprocess.DEVNULL, capture_output=True)
    print(r.returncode, r.stdout, r.stderr)

print('--- others')
for command in ('ls', 'grep --color=auto o', 'python3 -c "import os; print(os.get_terminal_size())"',
                'python3 -c "print(input(str(1)))"', 'sh -c "mesg; who am i; id -u"', 'bash -c "select x in a b; do echo $x; break; done"'):
    t = Terminal('sh', '-c', f'cd /etc/alternatives && {command} | head -n 3' if command == 'ls' else command)
    os.write(t.fd, b'one\ntwo\n\x04')
    t.show(b'never', 60)
    t.end()
