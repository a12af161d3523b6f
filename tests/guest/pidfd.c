/* SPDX-License-Identifier: MIT */
/*
 * Pidfds beyond what clone.c, wait.c and signals_between.c look at: of threads, in an epoll, what a
 * child sees of its own, and a descriptor of a process that shares its table.
 */

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "guest_process.h"

#define PIDFD_OF_THREAD O_EXCL

static int pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_send(int fd, int number, unsigned flags)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, flags);
}

static int events_of(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDNORM | POLLOUT};
    CHECK(poll(&p, 1, timeout) >= 0);
    return p.revents;
}

/* ---- threads ---- */

static struct turn turns[2];
static pid_t tid;
static volatile sig_atomic_t handled_by;

static void handle(int number)
{
    (void)number;
    handled_by = gettid();
}

static void *thread(void *arg)
{
    tid = gettid();
    give(&turns[0]);
    take(&turns[1]);
    return arg;
}

static void threads(void)
{
    pthread_t id;
    turns[0] = turn_new();
    turns[1] = turn_new();
    signal(SIGUSR1, handle);
    CHECK(pthread_create(&id, NULL, thread, NULL) == 0);
    take(&turns[0]);
    CHECK(pidfd_open(tid, 0) == -1); /* EINVAL or, since Linux 6.15, ENOENT */
    int fd = pidfd_open(tid, PIDFD_OF_THREAD);
    CHECK(fd >= 0 && fcntl(fd, F_GETFL) == (O_RDWR | PIDFD_OF_THREAD));
    CHECK(events_of(fd, 0) == 0);
    siginfo_t info;
    CHECK_ERROR(waitid((idtype_t)3, (id_t)fd, &info, WEXITED), ECHILD);
    CHECK_ERROR(pidfd_send(fd, 0, 3), EINVAL); /* one of the flags */
    CHECK(pidfd_send(fd, SIGUSR1, 0) == 0);    /* to that thread */
    while (!handled_by)
        sched_yield();
    CHECK(handled_by == tid);
    give(&turns[1]);
    CHECK(events_of(fd, -1) == (POLLIN | POLLRDNORM | POLLHUP)); /* nobody waits for threads */
    CHECK_ERROR(pidfd_send(fd, 0, 0), ESRCH);
    pthread_join(id, NULL);
    close(fd);

    fd = pidfd_open(getpid(), PIDFD_OF_THREAD); /* the first one */
    CHECK(fd >= 0 && events_of(fd, 0) == 0 && pidfd_send(fd, 0, 0) == 0);
    handled_by = 0;
    CHECK(pidfd_send(fd, SIGUSR1, 0) == 0 && handled_by == getpid());
    close(fd);
    turn_free(&turns[0]);
    turn_free(&turns[1]);
}

/* ---- waiting ---- */

static int wait_turn(void *arg)
{
    take(arg);
    return 5;
}

static void in_epoll(void)
{
    struct turn turn = turn_new();
    pid_t pid = start(wait_turn, &turn);
    int fd = pidfd_open(pid, O_NONBLOCK), ep = epoll_create1(0), status;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_wait(ep, &event, 1, 0) == 0);
    give(&turn);
    CHECK(epoll_wait(ep, &event, 1, -1) == 1 && event.events == EPOLLIN && event.data.u32 == 7);
    CHECK(events_of(fd, -1) == (POLLIN | POLLRDNORM)); /* a zombie */
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(events_of(fd, -1) == (POLLIN | POLLRDNORM | POLLHUP));
    CHECK(epoll_wait(ep, &event, 1, -1) == 1 && event.events == (EPOLLIN | EPOLLHUP));
    CHECK_ERROR(pidfd_open(pid, 0), ESRCH);
    siginfo_t info;
    CHECK_ERROR(waitid((idtype_t)3, (id_t)fd, &info, WEXITED), ECHILD);
    close(fd);
    close(ep);
    turn_free(&turn);

    /* Nobody waits for the child of one who ignores SIGCHLD: it is gone at once. */
    signal(SIGCHLD, SIG_IGN);
    turn = turn_new();
    fd = pidfd_open(start(wait_turn, &turn), 0);
    give(&turn);
    while (!(events_of(fd, -1) & POLLHUP))
        ;
    CHECK_ERROR(pidfd_send(fd, SIGKILL, 0), ESRCH);
    signal(SIGCHLD, SIG_DFL);
    close(fd);
    turn_free(&turn);
}

/* ---- clone ---- */

static long clone3(struct clone_args *args)
{
    return syscall(SYS_clone3, args, sizeof *args);
}

static void of_clone(void)
{
    int fd = -1;
    pid_t seen = -1;
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
                              .exit_signal = SIGCHLD,
                              .pidfd = (uintptr_t)&fd,
                              .parent_tid = (uintptr_t)&seen};
    fflush(stdout);
    pid_t pid = (pid_t)clone3(&args);
    if (pid == 0)
        _exit(fd == -1 && seen == -1 ? 3 : 4); /* the parent's memory only */
    CHECK(fd >= 0 && seen == pid);
    CHECK_EXIT(status_of(pid), 3);
    close(fd);

    args.parent_tid = 8; /* nobody minds */
    pid = (pid_t)clone3(&args);
    if (pid == 0)
        _exit(fcntl(fd, F_GETFD) == -1 ? 3 : 4); /* its table was copied before */
    CHECK_EXIT(status_of(pid), 3);
    close(fd);

    int next = dup(0);
    close(next);
    args.pidfd = 8;
    args.parent_tid = (uintptr_t)&seen;
    CHECK_ERROR((int)clone3(&args), EFAULT);
    CHECK_ERROR(wait(NULL), ECHILD);
    CHECK(dup(0) == next); /* no descriptor is left */
    close(next);
    args.pidfd = args.parent_tid = (uintptr_t)&fd;
    CHECK_ERROR((int)clone3(&args), EINVAL);
}

static char stack[1 << 16] __attribute__((aligned(16)));

static int read_own(void *arg)
{
    int self = pidfd_open(getpid(), 0);
    CHECK(syscall(SYS_pidfd_getfd, self, *(int *)arg, 0) >= 0);
    return 6;
}

static void of_sharers(void)
{
    int file = open("/", O_RDONLY);
    pid_t pid = clone(read_own, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, &file);
    CHECK(pid > 0);
    CHECK_EXIT(status_of(pid), 6);
    CHECK(fcntl(file + 1, F_GETFD) == FD_CLOEXEC && fcntl(file + 2, F_GETFD) == FD_CLOEXEC);
    int copy = pidfd_open(getpid(), 0), got = (int)syscall(SYS_pidfd_getfd, copy, file, 0);
    CHECK(got >= 0);
    close(got);
    close(copy);
}

/* ---- groups ---- */

static int group(void *arg)
{
    (void)arg;
    CHECK(setpgid(0, 0) == 0);
    pid_t pid = start(sleep_for_ever, NULL);
    int fd = pidfd_open(getpid(), 0);
    signal(SIGUSR2, handle);
    handled_by = 0;
    CHECK(pidfd_send(fd, SIGUSR2, 4) == 0); /* PIDFD_SIGNAL_PROCESS_GROUP: us and the child */
    CHECK(handled_by == getpid());
    CHECK_KILLED(status_of(pid), SIGUSR2);
    return 7;
}

/* pidfd_send_signal(2) takes a directory of /proc, too. */
static void by_directory(void)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", getpid());
    int fd = open(path, O_DIRECTORY | O_RDONLY), other = open("/", O_DIRECTORY | O_RDONLY);
    if (fd < 0)
        return; /* natively, without a /proc */
    handled_by = 0;
    signal(SIGUSR1, handle);
    CHECK(pidfd_send(fd, SIGUSR1, 0) == 0 && handled_by == getpid());
    CHECK_ERROR(pidfd_send(other, SIGUSR1, 0), EBADF);
    handled_by = 0;
    close(fd);
    close(other);
}

int main(void)
{
    by_directory();
    threads();
    in_epoll();
    of_clone();
    of_sharers();
    CHECK_EXIT(run(group, NULL), 7);
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
