/* SPDX-License-Identifier: MIT */
/* Urgent bytes of internet streams, and the signal for them. */

#include "guest_process.h"
#include "inet_sockets.h"

static void show_mark(int fd)
{
    int mark = -1, bytes = -1;
    CHECK(ioctl(fd, SIOCATMARK, &mark) == 0 && ioctl(fd, FIONREAD, &bytes) == 0);
    printf("mark %d, %d bytes\n", mark, bytes);
    show_poll("it", fd);
}

static void show_read(int fd, size_t size, int flags)
{
    char buf[32] = "";
    shown("recv", recv(fd, buf, size, flags | MSG_DONTWAIT));
    printf("'%s'\n", buf);
}

static void urgent(int in_line)
{
    int fds[2];
    printf("in line: %d\n", in_line);
    connected_pair("127.0.0.1", fds);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_OOBINLINE, &in_line, sizeof in_line) == 0);
    show_read(fds[1], 8, MSG_OOB);
    SHOW(send(fds[0], "abc", 3, 0));
    SHOW(send(fds[0], "deF", 3, MSG_OOB));
    SHOW(send(fds[0], "gh", 2, 0));
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 2, 0);
    show_read(fds[1], 20, MSG_PEEK);
    show_read(fds[1], 20, 0); /* to the mark */
    show_mark(fds[1]);
    show_read(fds[1], 20, MSG_PEEK);
    show_read(fds[1], 1, MSG_OOB | MSG_PEEK);
    show_read(fds[1], 1, MSG_OOB);
    show_read(fds[1], 1, MSG_OOB);
    show_mark(fds[1]);
    show_read(fds[1], 20, 0); /* beyond */
    show_mark(fds[1]);
    show_read(fds[1], 1, MSG_OOB);
    SHOW(send(fds[0], "X", 1, MSG_OOB)); /* alone */
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 20, 0);
    show_mark(fds[1]);
    SHOW(send(fds[0], "y", 1, 0));
    settle();
    show_read(fds[1], 20, 0);
    SHOW(send(fds[0], "1", 1, MSG_OOB)); /* the second counts */
    SHOW(send(fds[0], "2", 1, MSG_OOB));
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 1, MSG_OOB);
    show_read(fds[1], 20, 0);
    show_read(fds[1], 20, 0);
    char big[5000] = "";
    SHOW(send(fds[0], big, sizeof big, MSG_OOB));
    settle();
    SHOW(recv(fds[1], big, sizeof big, MSG_DONTWAIT));
    show_mark(fds[1]);
    SHOW(recv(fds[1], big, sizeof big, MSG_DONTWAIT | MSG_TRUNC));
    close_both(fds);
}

/* ---- SIGURG ---- */

static volatile sig_atomic_t urgent_signals, urgent_code, urgent_here;
static _Thread_local int is_here;

static void on_urgent(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    urgent_signals++;
    urgent_code = info->si_code;
    urgent_here = is_here;
}

static void show_signals(const char *what)
{
    settle();
    printf("%s: %d signals, code %#x here %d\n", what, (int)urgent_signals, urgent_code,
           (int)urgent_here);
    urgent_signals = urgent_code = urgent_here = 0;
}

static void owners(void)
{
    int fds[2], id = 0;
    struct f_owner_ex ex = {F_OWNER_TID, gettid()};
    is_here = 1;
    connected_pair("127.0.0.1", fds);
    SHOW(send(fds[0], "a", 1, MSG_OOB));
    show_signals("nobody's");
    CHECK(fcntl(fds[1], F_SETOWN, getpid()) == 0 && fcntl(fds[0], F_SETOWN, getpid()) == 0);
    SHOW(send(fds[0], "b", 1, 0));
    show_signals("not urgent");
    SHOW(send(fds[0], "cd", 2, MSG_OOB));
    show_signals("process");
    SHOW(send(fds[1], "e", 1, MSG_OOB));
    show_signals("other direction");
    CHECK(fcntl(fds[1], F_SETOWN_EX, &ex) == 0);
    SHOW(send(fds[0], "f", 1, MSG_OOB));
    show_signals("thread");
    CHECK(fcntl(fds[1], F_SETOWN, -getpgrp()) == 0);
    SHOW(ioctl(fds[1], SIOCGPGRP, &id));
    CHECK(id == -getpgrp());
    id = getpid();
    SHOW(ioctl(fds[1], FIOSETOWN, &id));
    id = 0;
    SHOW(ioctl(fds[1], FIOGETOWN, &id));
    CHECK(id == getpid() && fcntl(fds[1], F_GETOWN) == getpid());
    CHECK(fcntl(fds[1], F_SETFL, O_ASYNC) == 0 && fcntl(fds[1], F_SETFL, 0) == 0);
    SHOW(send(fds[0], "g", 1, MSG_OOB));
    show_signals("by ioctl");
    id = 0;
    SHOW(ioctl(fds[1], SIOCSPGRP, &id));
    SHOW(send(fds[0], "h", 1, MSG_OOB));
    show_signals("nobody's again");
    id = 4000000;
    SHOW(ioctl(fds[1], SIOCSPGRP, &id));
    SHOW(ioctl(fds[1], SIOCSPGRP, (void *)1));
    close_both(fds);
}

/* What is known of it when the signal comes. */
static int looked_at = -1;

static void on_urgent_look(int sig)
{
    char byte = 0;
    (void)sig;
    struct pollfd p = {looked_at, POLLPRI, 0};
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLPRI);
    CHECK(recv(looked_at, &byte, 1, MSG_OOB) == 1);
    printf("looked: %c\n", byte);
}

/* A child is the owner, or its group is, and its parent sends; or somebody may not tell it. */
static int owner(void *arg)
{
    const int *fds = arg;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGURG, on_urgent_look);
    looked_at = fds[1];
    setpgid(0, 0);
    CHECK(fcntl(fds[1], F_SETOWN, getpid()) == 0);
    CHECK(write(fds[1], "1", 1) == 1);
    sigsuspend(&old);
    CHECK(fcntl(fds[1], F_SETOWN, -getpid()) == 0);
    CHECK(write(fds[1], "2", 1) == 1);
    sigsuspend(&old);
    return 0;
}

static int foreigner(void *arg)
{
    const int *fds = arg;
    CHECK(setuid(12345) == 0 && fcntl(fds[1], F_SETOWN, getppid()) == 0);
    return 0;
}

static void other_processes(void)
{
    int fds[2];
    char byte;
    connected_pair("127.0.0.1", fds);
    pid_t pid = start(owner, fds);
    for (int i = 0; i < 2; i++) {
        CHECK(read(fds[0], &byte, 1) == 1 && byte == '1' + i);
        CHECK(send(fds[0], &byte, 1, MSG_OOB) == 1);
    }
    CHECK_EXIT(status_of(pid), 0);
    CHECK(fcntl(fds[1], F_GETOWN) == 0); /* it is gone */
    SHOW(send(fds[0], "3", 1, MSG_OOB));
    if (geteuid() == 0)
        CHECK_EXIT(run(foreigner, fds), 0);
    CHECK(geteuid() || fcntl(fds[1], F_GETOWN) == getpid());
    SHOW(send(fds[0], "4", 1, MSG_OOB));
    show_signals("a foreigner's");
    close_both(fds);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGURG, &action, NULL);
    signal(SIGPIPE, on_pipe);
    owners();
    other_processes();
    urgent(0);
    urgent(1);
    return guest_result();
}
