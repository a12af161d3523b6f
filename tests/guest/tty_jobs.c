/* SPDX-License-Identifier: MIT */
/*
 * Controlling terminals: how sessions get and lose them, foreground groups, the signals that are
 * typed, job control, hangups.
 */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "docker_root.h"
#include "tty.h"

static volatile sig_atomic_t g_count[32];

static void count(int sig)
{
    g_count[sig]++;
}

static void handle(int sig, void (*handler)(int))
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(sig, &a, NULL) == 0);
}

/* ---- Processes ---- */

/* Run it as a process of its own, to its end; what it checks is checked. */
static pid_t begin(void (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child)
        return child;
    guest_failures = 0;
    body();
    fflush(stdout);
    _exit(guest_failures != 0);
}

static void end(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct pair g_pair; /* of the session that runs */
static int g_pipe[2];
static pid_t g_parent;

/* A session whose terminal is a new one, and which holds the master, too. */
static void lead(void)
{
    CHECK(setsid() == getpid());
    g_pair = tty_pair(0);
    CHECK(ioctl(g_pair.slave, TIOCSCTTY, 0) == 0);
}

/* A child in a group of its own. */
static pid_t job(void (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        guest_failures = 0;
        setpgid(0, 0);
        body();
        fflush(stdout);
        _exit(guest_failures != 0);
    }
    setpgid(child, child);
    return child;
}

/* How a child changes next: its exit code, 1000 + the signal that killed, 2000 + that stopped it. */
static int change(pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, WUNTRACED) != child)
        return -1;
    return WIFEXITED(status)     ? WEXITSTATUS(status)
           : WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
                                 : 2000 + WSTOPSIG(status);
}

/* Fields 7 and 8 of /proc/self/stat: the terminal and its foreground group. */
static void shown(int *tty, int *group)
{
    char text[512];
    FILE *f = fopen("/proc/self/stat", "r");
    *tty = *group = -2;
    CHECK(f && fgets(text, sizeof text, f));
    fclose(f);
    CHECK(sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %d %d", tty, group) == 2);
}

static void foreground(pid_t group)
{
    void (*old)(int) = signal(SIGTTOU, SIG_IGN);
    CHECK(tcsetpgrp(g_pair.slave, group) == 0);
    signal(SIGTTOU, old);
}

/* ---- Getting one ---- */

static void has_none(void)
{
    int tty, group;
    CHECK_ERROR(open("/dev/tty", O_RDWR), ENXIO);
    shown(&tty, &group);
    CHECK(tty == 0 && group == -1);
}

static void not_mine(void)
{
    CHECK_ERROR(ioctl(g_pair.slave, TIOCSCTTY, 0), EPERM); /* no leader */
    CHECK(setsid() > 0);
    has_none();
    CHECK_ERROR(ioctl(g_pair.slave, TIOCSCTTY, 0), EPERM); /* another session's */
    CHECK_ERROR(ioctl(g_pair.slave, TIOCSCTTY, 1), EPERM);
    CHECK_ERROR(tcgetpgrp(g_pair.slave), ENOTTY);
    int fd = open(g_pair.name, O_RDWR);
    CHECK(fd >= 0);
    has_none();
}

static void mine(void)
{
    struct stat st, other;
    int tty, group, fd = open("/dev/tty", O_RDWR);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && fstat(g_pair.slave, &other) == 0);
    CHECK(st.st_rdev == makedev(5, 0) && other.st_rdev != st.st_rdev);
    CHECK(tcgetsid(fd) == getsid(0));
    shown(&tty, &group);
    CHECK((dev_t)tty == other.st_rdev && group == tcgetpgrp(fd));
    CHECK(tty_types(fd, "through") && tty_reads(g_pair.master, "through"));
    close(fd);
}

static void by_opening(void)
{
    int zero = 0;
    char name[64];
    CHECK(setsid() > 0);
    has_none();
    int m = open("/dev/ptmx", O_RDWR);
    CHECK(ioctl(m, TIOCSPTLCK, &zero) == 0 && ptsname_r(m, name, sizeof name) == 0);
    has_none();
    int fd = open(name, O_RDWR | O_NOCTTY);
    has_none();
    close(fd);
    fd = open(name, O_WRONLY);
    has_none();
    CHECK_ERROR(ioctl(fd, TIOCSCTTY, 0), EPERM);
    close(fd);
    fd = open(name, O_RDONLY);
    g_pair = (struct pair){m, fd, ""};
    CHECK(tcgetsid(fd) == getpid() && tcgetpgrp(fd) == getpid());
    mine();
    CHECK(tcgetsid(m) == getpid() && tcgetpgrp(m) == getpid());
    int other = open("/dev/ptmx", O_RDWR | O_NOCTTY), got = ioctl(other, TIOCSPTLCK, &zero);
    CHECK(got == 0);
    int second = ioctl(other, TIOCGPTPEER, O_RDWR);
    CHECK(second >= 0);
    CHECK_ERROR(ioctl(second, TIOCSCTTY, 0), EPERM); /* it has one */
    CHECK_ERROR(tcgetpgrp(second), ENOTTY);
    signal(SIGHUP, SIG_IGN);
}

static void getting(void)
{
    lead();
    mine();
    CHECK(ioctl(g_pair.slave, TIOCSCTTY, 0) == 0); /* once more */
    end(begin(mine));                              /* a child has it, too */
    end(begin(not_mine));
    end(begin(by_opening));
    signal(SIGHUP, SIG_IGN);
}

/* ---- Foreground groups ---- */

static void waits(void)
{
    for (;;)
        pause();
}

static void groups(void)
{
    lead();
    pid_t child = job(waits), outside = fork();
    if (outside == 0) {
        setsid();
        waits();
    }
    SOON(getsid(outside) == outside);
    CHECK_ERROR(tcsetpgrp(g_pair.slave, -1), EINVAL);
    CHECK_ERROR(tcsetpgrp(g_pair.slave, 99999999), ESRCH);
    CHECK_ERROR(tcsetpgrp(g_pair.slave, outside), EPERM);
    CHECK(tcsetpgrp(g_pair.slave, child) == 0 && tcgetpgrp(g_pair.slave) == child);
    CHECK_ERROR(tcsetpgrp(g_pair.master, child), ENOTTY);
    int tty, group;
    shown(&tty, &group);
    CHECK(group == child);
    kill(child, SIGKILL);
    CHECK(change(child) == 1000 + SIGKILL);
    CHECK(tcgetpgrp(g_pair.slave) == child); /* though nobody is in it any more */
    foreground(getpgrp());
    kill(outside, SIGKILL);
    CHECK(change(outside) == 1000 + SIGKILL);
    signal(SIGHUP, SIG_IGN);
}

/* ---- Signals that are typed ---- */

static void typed(void)
{
    static const struct {
        const char *bytes;
        int change;
    } rows[] = {{"\003", 1000 + SIGINT}, {"\034", 1000 + SIGQUIT}, {"\032", 2000 + SIGTSTP}};
    struct rlimit none = {0, 0};
    lead();
    setrlimit(RLIMIT_CORE, &none);
    handle(SIGINT, count);
    handle(SIGWINCH, count);
    CHECK(tty_types(g_pair.master, "a\003"));
    SOON(g_count[SIGINT] == 1);
    signal(SIGINT, SIG_DFL); /* the jobs have what they are born with */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pid_t child = job(waits);
        foreground(child);
        CHECK(tty_types(g_pair.master, rows[i].bytes));
        CHECK(change(child) == rows[i].change);
        kill(child, SIGKILL);
        if (rows[i].change > 2000)
            CHECK(change(child) == 1000 + SIGKILL);
        foreground(getpgrp());
    }
    CHECK(g_count[SIGINT] == 1);
    handle(SIGINT, count);
    struct winsize w = {10, 20, 0, 0};
    CHECK(ioctl(g_pair.master, TIOCSWINSZ, &w) == 0);
    SOON(g_count[SIGWINCH] == 1);
    CHECK(ioctl(g_pair.slave, TIOCSWINSZ, &w) == 0); /* no other size */
    CHECK(ioctl(g_pair.master, TIOCSIG, SIGINT) == 0);
    SOON(g_count[SIGINT] == 2);
    CHECK(g_count[SIGWINCH] == 1);
    signal(SIGHUP, SIG_IGN);
}

/* ---- In the background ---- */

static void reads(void)
{
    char byte;
    CHECK(read(g_pair.slave, &byte, 1) == 1 && byte == '\n');
}

static void reads_in_vain(void)
{
    char byte;
    signal(SIGTTIN, SIG_IGN);
    CHECK_ERROR(read(g_pair.slave, &byte, 1), EIO);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGTTIN, SIG_DFL);
    CHECK_ERROR(read(g_pair.slave, &byte, 1), EIO);
}

static void writes(void)
{
    CHECK(write(g_pair.slave, "w", 1) == 1);
}

static void writes_anyway(void)
{
    signal(SIGTTOU, SIG_IGN);
    writes();
}

static void configures(void)
{
    struct termios t;
    CHECK(tcgetattr(g_pair.slave, &t) == 0);
    CHECK(tcsetattr(g_pair.slave, TCSANOW, &t) == 0);
}

static void configures_by_master(void)
{
    struct termios t;
    CHECK(tcgetattr(g_pair.master, &t) == 0);
    CHECK(tcsetattr(g_pair.master, TCSANOW, &t) == 0);
}

static void flushes(void)
{
    CHECK(tcflush(g_pair.slave, TCIFLUSH) == 0);
}

static void to_foreground(void)
{
    CHECK(tcsetpgrp(g_pair.slave, getpgrp()) == 0);
}

static void handles(void)
{
    char byte;
    struct sigaction a = {.sa_handler = count};
    sigaction(SIGTTIN, &a, NULL);
    CHECK_ERROR(read(g_pair.slave, &byte, 1), EINTR);
    CHECK(g_count[SIGTTIN] == 1);
}

static void background(void)
{
    static const struct {
        void (*body)(void);
        int stops; /* by which signal; 0: not at all */
        int tostop;
    } rows[] = {
        {reads, SIGTTIN, 0},   {reads_in_vain, 0, 0},       {writes, 0, 0},
        {writes, SIGTTOU, 1},  {writes_anyway, 0, 1},       {configures, SIGTTOU, 0},
        {flushes, SIGTTOU, 0}, {to_foreground, SIGTTOU, 0}, {configures_by_master, SIGTTOU, 0},
        {handles, 0, 0},
    };
    struct termios t;
    lead();
    tcgetattr(g_pair.slave, &t);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        t.c_lflag = rows[i].tostop ? t.c_lflag | TOSTOP : t.c_lflag & ~(tcflag_t)TOSTOP;
        CHECK(tcsetattr(g_pair.slave, TCSANOW, &t) == 0);
        pid_t child = job(rows[i].body);
        int how = change(child);
        if (rows[i].stops) {
            CHECK(how == 2000 + rows[i].stops);
            foreground(child);
            CHECK(tty_types(g_pair.master, "\n"));
            kill(-child, SIGCONT);
            how = change(child);
        }
        CHECK(how == 0);
        if (how)
            printf("row %zu: %d\n", i, how);
        foreground(getpgrp());
        tcflush(g_pair.slave, TCIFLUSH);
    }
    signal(SIGHUP, SIG_IGN);
}

/* Nobody could continue a group without a parent in its session: it is not stopped. */
static void orphan(void)
{
    char byte;
    struct termios t;
    SOON(getppid() != g_parent);
    CHECK_ERROR(read(g_pair.slave, &byte, 1), EIO);
    CHECK_ERROR(tcsetpgrp(g_pair.slave, getpgrp()), ENOTTY);
    CHECK(tcgetattr(g_pair.slave, &t) == 0);
    CHECK_ERROR(tcsetattr(g_pair.slave, TCSANOW, &t), EIO);
}

static void has_orphan(void)
{
    g_parent = getpid();
    if (fork() == 0) {
        setpgid(0, 0);
        char byte;
        read(g_pipe[0], &byte, 1);
        guest_failures = 0;
        orphan();
        fflush(stdout);
        _exit(guest_failures != 0);
    }
    CHECK(write(g_pipe[1], "x", 1) == 1);
}

static void orphans(void)
{
    lead();
    /* The orphan comes to a reaper in another session, who waits for it. */
    CHECK(pipe(g_pipe) == 0);
    end(begin(has_orphan));
    pause(); /* until the reaper has seen its end */
}

static void reaps(void)
{
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    pid_t leader = begin(orphans);
    int status;
    pid_t child = waitpid(-1, &status, 0); /* the orphan */
    CHECK(child > 0 && child != leader && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    kill(leader, SIGKILL);
    CHECK(change(leader) == 1000 + SIGKILL);
}

/* ---- Losing it ---- */

static void gives_up(void)
{
    CHECK(ioctl(g_pair.slave, TIOCNOTTY) == 0);
    has_none();
    CHECK_ERROR(ioctl(g_pair.slave, TIOCNOTTY), ENOTTY);
}

static void giving_up(void)
{
    lead();
    end(begin(gives_up)); /* only that process */
    mine();
    pid_t child = job(waits);
    handle(SIGHUP, count);
    handle(SIGCONT, count);
    foreground(child);
    gives_up();
    CHECK(change(child) == 1000 + SIGHUP);
    CHECK(g_count[SIGHUP] == 0);
    CHECK(ioctl(g_pair.slave, TIOCSCTTY, 0) == 0);
    mine();
    gives_up();
    SOON(g_count[SIGHUP] == 1 && g_count[SIGCONT] == 1); /* it was in the foreground itself */
}

static void tell(void)
{
    CHECK(write(g_pipe[1], guest_failures ? "-" : "+", 1) == 1);
}

static void loses_in_foreground(void)
{
    handle(SIGHUP, count);
    SOON(g_count[SIGHUP] == 1);
    has_none();
    tell();
}

static void loses_in_background(void)
{
    handle(SIGHUP, count);
    setpgid(0, 0);
    mine();
    SOON(getppid() != g_parent);
    has_none();
    CHECK_ERROR(tcgetpgrp(g_pair.slave), ENOTTY);
    CHECK(g_count[SIGHUP] == 0);
    tell();
}

static void leaves_jobs(void)
{
    CHECK(setsid() > 0 && ioctl(g_pair.slave, TIOCSCTTY, 0) == 0);
    g_parent = getpid();
    begin(loses_in_foreground);
    begin(loses_in_background);
    usleep(100000);
}

static void leader_ends(void)
{
    char bytes[2] = "";
    int group = -1;
    g_pair = tty_pair(0);
    CHECK(pipe(g_pipe) == 0);
    CHECK(ioctl(g_pair.master, TIOCGPGRP, &group) == 0 && group == 0);
    end(begin(leaves_jobs));
    CHECK(read(g_pipe[0], bytes, 1) == 1 && read(g_pipe[0], bytes + 1, 1) == 1);
    CHECK(bytes[0] == '+' && bytes[1] == '+');
    CHECK(ioctl(g_pair.master, TIOCGPGRP, &group) == 0 && group == 0);
    CHECK_ERROR(ioctl(g_pair.master, TIOCGSID, &group), ENOTTY);
    CHECK(tty_types(g_pair.slave, "alive") && tty_reads(g_pair.master, "alive"));
    tty_close(g_pair);
}

static void hung_up(void)
{
    lead();
    handle(SIGHUP, count);
    handle(SIGCONT, count);
    pid_t child = job(waits), other = job(waits);
    close(g_pair.slave);
    g_pair.slave = open("/dev/tty", O_RDWR);
    CHECK(g_pair.slave >= 0);
    foreground(child);
    close(g_pair.master); /* the children have it, too */
    kill(other, SIGKILL);
    CHECK(change(other) == 1000 + SIGKILL);
    CHECK(g_count[SIGHUP] == 0);
    kill(child, SIGKILL);
    CHECK(change(child) == 1000 + SIGKILL);
    SOON(g_count[SIGHUP] == 1 && g_count[SIGCONT] == 1);
    char byte;
    CHECK(read(g_pair.slave, &byte, 1) == 0);
    CHECK_ERROR(write(g_pair.slave, &byte, 1), EIO);
    has_none();
}

static void hears_late(void)
{
    close(g_pair.master);
    handle(SIGHUP, count);
    handle(SIGCONT, count);
    CHECK(write(g_pipe[1], "r", 1) == 1);
    SOON(getppid() != g_parent);
    SOON(g_count[SIGHUP] == 1 && g_count[SIGCONT] == 1);
    tell();
}

/* A leader that outlives his terminal: his foreground job hears of it at his end. */
static void hung_up_first(void)
{
    char byte = 0;
    lead();
    signal(SIGHUP, SIG_IGN);
    g_parent = getpid();
    foreground(job(hears_late));
    CHECK(read(g_pipe[0], &byte, 1) == 1);
    close(g_pair.master);
    has_none();
}

static void hangups(void)
{
    char byte = 0;
    CHECK(pipe(g_pipe) == 0);
    end(begin(hung_up_first));
    CHECK(read(g_pipe[0], &byte, 1) == 1 && byte == '+');
    end(begin(hung_up));
}

int main(void)
{
    signal(SIGHUP, SIG_DFL);
    become_docker_root();
    end(begin(getting));
    end(begin(groups));
    end(begin(typed));
    end(begin(background));
    end(begin(reaps));
    end(begin(giving_up));
    end(begin(leader_ends));
    end(begin(hangups));
    return guest_result();
}
