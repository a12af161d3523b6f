/* SPDX-License-Identifier: MIT */
/* O_ASYNC: signals when there is something to read, or room to write, in what can tell of it. */

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

#include "guest_process.h"
#include "inet_sockets.h"

#define SIGNAL (SIGRTMIN + 2) /* every one of them is queued */
#define KEPT 64

static struct {
    int sig, code, fd;
    long band;
} kept[KEPT];
static volatile sig_atomic_t told, told_here;
static _Thread_local volatile int is_here;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (told < KEPT) {
        kept[told].sig = sig;
        kept[told].code = info->si_code;
        kept[told].fd = info->si_fd;
        kept[told].band = info->si_band;
    }
    told++;
    told_here = is_here;
}

/* The signals since the last time; of several files in a row, by name. */
static const char *names[64];

static void show(const char *what)
{
    printf("%s:", what);
    for (int i = 0; i < told && i < KEPT; i++) {
        if (kept[i].code == SI_KERNEL)
            printf(" plain-%s", kept[i].sig == SIGIO ? "IO" : kept[i].sig == SIGURG ? "URG" : "?");
        else
            printf(" %s-%d-%#lx", names[kept[i].fd] ? names[kept[i].fd] : "?", kept[i].code,
                   kept[i].band);
    }
    printf("\n");
    told = 0;
}

/* Those that come by themselves, and perhaps as several: at least one, all of one kind. */
static void show_some(const char *what)
{
    SOON(told > 0);
    usleep(20000);
    printf("%s: %s-%d-%#lx\n", what, names[kept[0].fd], kept[0].code, kept[0].band);
    for (int i = 1; i < told && i < KEPT; i++)
        CHECK(kept[i].fd == kept[0].fd && kept[i].code == kept[0].code);
    told = 0;
}

static void asks(int fd, const char *name, int sig)
{
    CHECK(fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETSIG, sig) == 0);
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0);
    CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
    names[fd] = name;
}

static void both(const int fds[2], const char *first, const char *second)
{
    asks(fds[0], first, SIGNAL);
    asks(fds[1], second, SIGNAL);
}

/* ---- Pipes ---- */

static void pipes(int as_fifo)
{
    int p[2];
    char bytes[8192] = "";
    printf("%s\n", as_fifo ? "fifo" : "pipe");
    if (as_fifo) {
        CHECK(mkfifo("fifo", 0600) == 0);
        p[0] = open("fifo", O_RDONLY | O_NONBLOCK);
        p[1] = open("fifo", O_WRONLY);
    } else {
        CHECK(pipe2(p, O_NONBLOCK) == 0);
    }
    both(p, "reader", "writer");
    SHOW(write(p[1], "x", 1));
    show("write");
    SHOW(write(p[1], "xy", 2));
    show("write more");
    SHOW(write(p[1], "", 0));
    show("write nothing");
    SHOW(read(p[0], bytes, 1));
    show("read a part");
    SHOW(read(p[0], bytes, sizeof bytes));
    show("read all");
    SHOW(read(p[0], bytes, sizeof bytes));
    show("read nothing");
    CHECK(fcntl(p[1], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    while (write(p[1], bytes, sizeof bytes) > 0)
        told = 0;
    show("full");
    SHOW(read(p[0], bytes, 4096));
    show("room");
    CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0 && !(fcntl(p[0], F_GETFL) & O_ASYNC));
    SHOW(read(p[0], bytes, 4096));
    SHOW(write(p[1], "x", 1));
    show("reader does not ask any more");
    int on = 1;
    SHOW(ioctl(p[0], FIOASYNC, &on));
    SHOW(ioctl(p[0], FIOASYNC, &on));
    CHECK((fcntl(p[0], F_GETFL) & ~0100000) == (O_RDONLY | O_NONBLOCK | O_ASYNC)); /* O_LARGEFILE */
    SHOW(write(p[1], "x", 1));
    show("it asks by ioctl");
    on = 0;
    SHOW(ioctl(p[0], FIOASYNC, &on));
    CHECK((fcntl(p[0], F_GETFL) & ~0100000) == (O_RDONLY | O_NONBLOCK));
    asks(p[0], "reader", SIGNAL);
    int other = dup(p[0]);
    close(p[1]);
    show("writer closed");
    close(p[0]);
    close(other);
    CHECK(!as_fifo || unlink("fifo") == 0);
    CHECK(pipe(p) == 0);
    asks(p[1], "writer", SIGNAL);
    close(p[0]);
    show("reader closed");
    close(p[1]);
    if (!as_fifo)
        return;
    CHECK(mkfifo("fifo", 0600) == 0);
    p[0] = open("fifo", O_RDWR);
    asks(p[0], "both", SIGNAL);
    SHOW(write(p[0], "x", 1));
    show("both ends");
    close(p[0]);
    CHECK(unlink("fifo") == 0);
}

/* A reader that reads only when it is told, of a writer that waits for it. */
static int pipe_end, pipe_total;

static void drain(int sig)
{
    char bytes[4096];
    ssize_t n;
    (void)sig;
    while ((n = read(pipe_end, bytes, sizeof bytes)) > 0)
        pipe_total += (int)n;
}

static int writes_much(void *arg)
{
    const int *p = arg;
    static char bytes[300000];
    close(p[0]);
    CHECK(write(p[1], bytes, sizeof bytes) == sizeof bytes);
    return 0;
}

static void writer_waits(int is_socket)
{
    int p[2];
    sigset_t set, old;
    CHECK(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 : pipe(p) == 0);
    pipe_end = p[0];
    pipe_total = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGIO, drain);
    CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0);
    CHECK(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    pid_t pid = start(writes_much, p);
    close(p[1]);
    while (pipe_total < 300000)
        sigsuspend(&old);
    CHECK_EXIT(status_of(pid), 0);
    printf("read when told: %d\n", pipe_total);
    close(p[0]);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* ---- What is told, and whom ---- */

static void signals(void)
{
    const int each[] = {0, SIGIO, SIGUSR1, SIGCHLD, SIGSEGV, SIGRTMAX};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    int p[2];
    CHECK(pipe(p) == 0);
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        if (each[i])
            sigaction(each[i], &action, NULL);
        CHECK(fcntl(p[0], F_SETFL, 0) == 0);
        asks(p[0], "reader", each[i]);
        CHECK(fcntl(p[0], F_GETSIG) == each[i]);
        CHECK(write(p[1], "x", 1) == 1);
        printf("%s: ", each[i] ? sigabbrev_np(each[i]) ?: "RT" : "none");
        show("signal");
    }
    CHECK_ERROR(fcntl(p[0], F_SETSIG, 65), EINVAL);
    CHECK_ERROR(fcntl(p[0], F_SETSIG, -1), EINVAL);
    for (size_t i = 2; i < sizeof each / sizeof each[0]; i++)
        signal(each[i], SIG_DFL);
    CHECK(fcntl(p[0], F_SETSIG, SIGNAL) == 0);
    CHECK(dup2(p[0], 60) == 60 && close(p[0]) == 0);
    CHECK(write(p[1], "x", 1) == 1); /* it tells the descriptor that asked, whatever that is now */
    show("descriptor");
    CHECK(fcntl(60, F_SETOWN, 0) == 0 && write(p[1], "x", 1) == 1);
    show("nobody");
    close(60);
    close(p[1]);
}

static void *thread(void *arg)
{
    int *p = arg;
    struct f_owner_ex ex = {F_OWNER_TID, gettid()};
    is_here = 1;
    CHECK(fcntl(p[0], F_SETOWN_EX, &ex) == 0);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK(told == 1 && told_here == 1);
    ex = (struct f_owner_ex){F_OWNER_PID, gettid()};
    CHECK(fcntl(p[0], F_SETOWN_EX, &ex) == 0);
    CHECK(write(p[1], "x", 1) == 1);
    SOON(told == 2);
    show("threads");
    return NULL;
}

static void threads(void)
{
    pthread_t t;
    int p[2];
    CHECK(pipe(p) == 0);
    asks(p[0], "reader", SIGNAL);
    CHECK(pthread_create(&t, NULL, thread, p) == 0 && pthread_join(t, NULL) == 0);
    SHOW(write(p[1], "x", 1)); /* its owner is gone */
    show("of the thread that has ended");
    close(p[0]);
    close(p[1]);
}

/* A child is told, as itself or as its group; one that may not be told is not. */
static int is_told(void *arg)
{
    const int *fds = arg;
    char byte;
    sigset_t set, old;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, &old);
    setpgid(0, 0);
    told = 0;
    for (int i = 0; i < 2; i++) {
        CHECK(fcntl(fds[0], F_SETOWN, i ? -getpid() : getpid()) == 0);
        CHECK(fcntl(fds[0], F_SETFL, O_ASYNC) == 0);
        CHECK(write(fds[0], "r", 1) == 1);
        while (!told)
            sigsuspend(&old);
        show(i ? "group" : "process");
        CHECK(read(fds[0], &byte, 1) == 1);
    }
    return 0;
}

static int foreigner(void *arg)
{
    const int *fds = arg;
    CHECK(setuid(12345) == 0 && fcntl(fds[0], F_SETOWN, getppid()) == 0);
    return 0;
}

static void processes(void)
{
    int fds[2];
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    CHECK(fcntl(fds[0], F_SETSIG, SIGNAL) == 0);
    names[fds[0]] = "child";
    pid_t pid = start(is_told, fds);
    for (int i = 0; i < 2; i++)
        CHECK(read(fds[1], &byte, 1) == 1 && write(fds[1], "t", 1) == 1);
    CHECK_EXIT(status_of(pid), 0);
    CHECK(fcntl(fds[0], F_GETOWN) == 0);
    if (geteuid() == 0) {
        CHECK_EXIT(run(foreigner, fds), 0);
        CHECK(write(fds[1], "x", 1) == 1);
    }
    show("a foreigner's");
    close(fds[0]);
    close(fds[1]);
}

static int closes(void *arg)
{
    const int *p = arg;
    close(p[0]);
    return 0; /* and so the last writer ends */
}

static void end_of_process(void)
{
    int p[2];
    CHECK(pipe(p) == 0);
    asks(p[0], "reader", SIGNAL);
    pid_t pid = start(closes, p);
    close(p[1]);
    CHECK_EXIT(status_of(pid), 0);
    show("end of a process");
    close(p[0]);
}

/* What may not be queued becomes a SIGIO. */
static void overflow(void)
{
    struct rlimit old, none;
    int p[2];
    CHECK(getrlimit(RLIMIT_SIGPENDING, &old) == 0);
    none = (struct rlimit){0, old.rlim_max};
    CHECK(pipe(p) == 0 && setrlimit(RLIMIT_SIGPENDING, &none) == 0);
    asks(p[0], "reader", SIGNAL);
    SHOW(write(p[1], "x", 1));
    show("no room");
    CHECK(fcntl(p[0], F_SETSIG, SIGUSR1) == 0);
    signal(SIGUSR1, SIG_IGN);
    SHOW(write(p[1], "x", 1));
    show("ignored");
    CHECK(setrlimit(RLIMIT_SIGPENDING, &old) == 0);
    close(p[0]);
    close(p[1]);
}

/* ---- Sockets ---- */

static void unix_pairs(int type, const char *name)
{
    int fds[2];
    char bytes[8192] = "";
    printf("%s\n", name);
    CHECK(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds) == 0);
    both(fds, "a", "b");
    SHOW(write(fds[0], "x", 1));
    show("a writes");
    SHOW(write(fds[0], "x", 1));
    show("a writes again");
    SHOW(read(fds[1], bytes, 1));
    show("b reads");
    SHOW(read(fds[1], bytes, sizeof bytes));
    SHOW(read(fds[1], bytes, sizeof bytes));
    show("b reads all");
    while (write(fds[0], bytes, sizeof bytes) > 0) {
    }
    told = 0;
    SHOW(write(fds[0], "x", 1));
    show("full");
    while (read(fds[1], bytes, sizeof bytes) > 0) {
    }
    show("b reads all again");
    SHOW(shutdown(fds[0], SHUT_WR));
    show("a sends no more");
    SHOW(shutdown(fds[0], SHUT_RDWR));
    show("a does nothing more");
    close(fds[0]);
    show("a closed");
    close(fds[1]);
}

static void listeners(void)
{
    struct sockaddr_un un = {AF_UNIX, "socket"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(s, (void *)&un, sizeof un) == 0 && listen(s, 5) == 0);
    asks(s, "listener", SIGNAL);
    asks(c, "client", SIGNAL);
    SHOW(connect(c, (void *)&un, sizeof un));
    show("connect");
    int a = accept(s, NULL, NULL);
    CHECK(a >= 0 && !(fcntl(a, F_GETFL) & O_ASYNC));
    show("accept");
    close(a);
    show("accepted end closed");
    close(c);
    close(s);
    CHECK(unlink("socket") == 0);
}

static void streams(void)
{
    union address a;
    char bytes[4096] = "";
    int on = 1, s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = address_set(&a, "127.0.0.1", 0);
    printf("internet streams\n");
    CHECK(bind(s, &a.any, size) == 0 && listen(s, 5) == 0);
    size = address_set(&a, "127.0.0.1", port_of(s));
    asks(s, "listener", SIGNAL);
    asks(c, "client", SIGNAL);
    SHOW(connect(c, &a.any, size));
    usleep(20000);
    show("connect");
    int e = accept(s, NULL, NULL);
    asks(e, "end", SIGNAL);
    usleep(20000);
    show("accept");
    SHOW(write(c, "x", 1));
    show_some("client writes");
    SHOW(send(c, "y", 1, MSG_OOB));
    SOON(told >= 2);
    usleep(20000);
    int urgent = 0;
    for (int i = 0; i < told && i < KEPT; i++)
        urgent += kept[i].code == POLL_PRI && kept[i].band == (POLLPRI | POLLRDBAND);
    printf("urgent: %d\n", urgent);
    told = 0;
    SHOW(ioctl(c, FIONBIO, &on));
    while (write(c, bytes, sizeof bytes) > 0) {
    }
    usleep(50000);
    while (write(c, bytes, sizeof bytes) > 0) {
    }
    SHOW(ioctl(e, FIONBIO, &on));
    told = 0;
    for (int i = 0; i < 3; i++) {
        while (read(e, bytes, sizeof bytes) > 0) {
        }
        usleep(20000);
    }
    int room = 0;
    for (int i = 0; i < told && i < KEPT; i++)
        room |= kept[i].fd == c && kept[i].code == POLL_OUT;
    printf("room: %d\n", room);
    told = 0;
    SHOW(shutdown(c, SHUT_WR));
    usleep(20000);
    show("client sends no more");
    SHOW(shutdown(e, SHUT_WR));
    usleep(20000);
    show("nor does the end");
    close(e);
    close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(c, &a.any, size) == 0);
    e = accept(s, NULL, NULL);
    usleep(20000);
    told = 0;
    asks(c, "client", SIGNAL);
    CHECK(setsockopt(e, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) == 0);
    close(e);
    usleep(20000);
    show("reset");
    close(c);
    close(s);
    c = socket(AF_INET, SOCK_STREAM, 0);
    asks(c, "client", SIGNAL);
    SHOW(connect(c, &a.any, size));
    show_some("refused");
    close(c);
}

static void datagrams(void)
{
    union address a;
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
    printf("internet datagrams\n");
    CHECK(bind_to(s, "127.0.0.1", 0) == 0);
    socklen_t size = address_set(&a, "127.0.0.1", port_of(s));
    asks(s, "server", SIGNAL);
    asks(c, "client", SIGNAL);
    CHECK(connect(c, &a.any, size) == 0);
    SHOW(send(c, "x", 1, 0));
    show("sent");
    close(s);
    SHOW(send(c, "x", 1, 0));
    show_some("nobody there");
    close(c);
}

/* Who sleeps in a receive from a stream is not told as well. */
static void *sends(void *arg)
{
    int fd = *(int *)arg;
    sigset_t set;
    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    usleep(20000);
    SOON(sleeps(getpid()));
    CHECK(write(fd, "x", 1) == 1);
    return NULL;
}

static void waiting_receivers(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    pthread_t t;
    char byte;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int fds[2];
        CHECK(socketpair(AF_UNIX, types[i], 0, fds) == 0);
        asks(fds[1], "receiver", SIGNAL);
        CHECK(pthread_create(&t, NULL, sends, fds) == 0);
        CHECK(read(fds[1], &byte, 1) == 1 && pthread_join(t, NULL) == 0);
        show("who waits");
        close(fds[0]);
        show("closed");
        close(fds[1]);
    }
}

/* ---- Terminals ---- */

static void terminals(void)
{
    struct termios modes;
    struct f_owner_ex ex;
    char bytes[64];
    int m = posix_openpt(O_RDWR | O_NOCTTY), on = 1;
    CHECK(m >= 0 && grantpt(m) == 0 && unlockpt(m) == 0);
    int s = open(ptsname(m), O_RDWR | O_NOCTTY);
    printf("terminals\n");
    CHECK(fcntl(s, F_GETOWN) == 0);
    SHOW(ioctl(s, FIOASYNC, &on));
    CHECK(fcntl(s, F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_PID && ex.pid == getpid());
    CHECK(fcntl(s, F_SETFL, 0) == 0);
    asks(s, "terminal", SIGNAL);
    tcgetattr(s, &modes);
    modes.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(s, TCSANOW, &modes);
    SHOW(write(m, "ab", 2));
    usleep(20000);
    show("no line yet");
    SHOW(write(m, "c\nd\n", 4));
    SOON(told == 2);
    show("two lines");
    SHOW(read(s, bytes, sizeof bytes));
    cfmakeraw(&modes);
    tcsetattr(s, TCSAFLUSH, &modes);
    SHOW(write(m, "xyz", 3));
    show_some("raw");
    asks(m, "master", SIGNAL);
    SHOW(write(s, "hello", 5));
    show_some("shown");
    SHOW(read(m, bytes, sizeof bytes));
    close(m);
    show("hung up");
    CHECK(!(fcntl(s, F_GETFL) & O_ASYNC));
    CHECK_ERROR(fcntl(s, F_SETFL, O_ASYNC), ENOTTY);
    SHOW(ioctl(s, FIOASYNC, &on));
    close(s);
}

/* ---- Others ---- */

static void watches(void)
{
    int fd = inotify_init();
    CHECK(inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE) > 0);
    asks(fd, "inotify", SIGNAL);
    CHECK(mkdir("made", 0700) == 0);
    show("inotify");
    CHECK(rmdir("made") == 0);
    show("inotify");
    close(fd);
}

static void try_with(const char *what, int fd)
{
    int on = 1, off = 0;
    printf("%s\n", what);
    CHECK(fd >= 0);
    SHOW(fcntl(fd, F_SETFL, O_ASYNC));
    SHOW(fcntl(fd, F_GETFL) & O_ASYNC);
    SHOW(ioctl(fd, FIOASYNC, &on));
    SHOW(fcntl(fd, F_GETFL) & O_ASYNC);
    SHOW(ioctl(fd, FIOASYNC, &off));
    SHOW(fcntl(fd, F_GETFL) & O_ASYNC);
    SHOW(ioctl(fd, FIOASYNC, (void *)1));
    close(fd);
}

static void others(void)
{
    try_with("file", open("file", O_RDWR | O_CREAT, 0600));
    try_with("file with O_ASYNC", open("file", O_RDWR | O_ASYNC));
    try_with("directory", open(".", O_RDONLY));
    try_with("eventfd", eventfd(0, 0));
    try_with("/dev/null", open("/dev/null", O_RDWR));
    try_with("/dev/urandom", open("/dev/urandom", O_RDONLY));
    CHECK(mkfifo("fifo", 0600) == 0);
    int fd = open("fifo", O_RDWR | O_ASYNC), on = 1;
    CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
    CHECK(fcntl(fd, F_SETOWN, getpid()) == 0 && write(fd, "x", 1) == 1);
    show("open with O_ASYNC");
    SHOW(ioctl(fd, FIOASYNC, &on));
    SHOW(write(fd, "x", 1));
    show("open with O_ASYNC, then FIOASYNC");
    close(fd);
    CHECK(unlink("fifo") == 0 && unlink("file") == 0);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(getpgrp() == getpid() ||
          setpgid(0, 0) == 0); /* nobody else is in the group that is told */
    signal(SIGPIPE, on_pipe);
    writer_waits(0);
    writer_waits(1);
    sigaction(SIGNAL, &action, NULL);
    sigaction(SIGIO, &action, NULL);
    sigaction(SIGURG, &action, NULL);
    pipes(0);
    pipes(1);
    signals();
    threads();
    processes();
    end_of_process();
    overflow();
    unix_pairs(SOCK_STREAM, "unix streams");
    unix_pairs(SOCK_DGRAM, "unix datagrams");
    unix_pairs(SOCK_SEQPACKET, "unix packets");
    listeners();
    waiting_receivers();
    streams();
    datagrams();
    terminals();
    watches();
    others();
    return guest_result();
}
