/* SPDX-License-Identifier: MIT */
/*
 * Signals from one process to another: kill(2), rt_sigqueueinfo(2), pidfd_send_signal(2), who may
 * send, their information, order and queueing.
 */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest_process.h"

static sigset_t all, real_time;

/* ---- information ---- */

static int expect(int number, siginfo_t *info)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return (int)syscall(SYS_rt_sigtimedwait, &set, info, NULL, 8); /* glibc changes SI_TKILL */
}

static int send_each(void *arg)
{
    pid_t to = *(pid_t *)arg, self = getpid();
    CHECK(kill(to, SIGUSR1) == 0);
    union sigval value = {.sival_ptr = (void *)0x123456789abcul};
    CHECK(sigqueue(to, SIGUSR2, value) == 0);
    CHECK(syscall(SYS_tgkill, to, to, SIGHUP) == 0);
    int fd = (int)syscall(SYS_pidfd_open, to, 0);
    CHECK(fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0);
    siginfo_t info = {.si_signo = SIGINT, .si_code = SI_QUEUE};
    info.si_pid = self;
    info.si_value.sival_int = 77;
    CHECK(syscall(SYS_pidfd_send_signal, fd, SIGINT, &info, 0) == 0);
    info.si_signo = SIGQUIT;
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, SIGINT, &info, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, SIGINT, NULL, 0x100), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, 99, SIGINT, NULL, 0), EBADF);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, 0, SIGINT, NULL, 0), EBADF);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0), EINVAL);
    /* Nobody pretends that the kernel, or kill(2), sent it. */
    info.si_signo = SIGINT;
    info.si_code = SI_USER;
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, SIGINT, &info, 0), EPERM);
    CHECK_ERROR((int)syscall(SYS_rt_sigqueueinfo, to, SIGINT, &info), EPERM);
    info.si_code = 0x80;
    CHECK_ERROR((int)syscall(SYS_rt_sigqueueinfo, to, SIGINT, &info), EPERM);
    close(fd);
    return 0;
}

static void information(void)
{
    pid_t self = getpid(), pid = start(send_each, &self);
    siginfo_t info;
    int uid = (int)getuid();
    CHECK(expect(SIGUSR1, &info) == SIGUSR1 && info.si_code == SI_USER);
    CHECK(info.si_pid == pid && (int)info.si_uid == uid && info.si_errno == 0);
    CHECK(expect(SIGUSR2, &info) == SIGUSR2 && info.si_code == SI_QUEUE);
    CHECK(info.si_pid == pid && (int)info.si_uid == uid);
    CHECK(info.si_value.sival_ptr == (void *)0x123456789abcul);
    CHECK(expect(SIGHUP, &info) == SIGHUP && info.si_code == SI_TKILL && info.si_pid == pid);
    CHECK(expect(SIGTERM, &info) == SIGTERM && info.si_code == SI_USER && info.si_pid == pid);
    CHECK(expect(SIGINT, &info) == SIGINT && info.si_code == SI_QUEUE);
    CHECK(info.si_value.sival_int == 77);
    CHECK_EXIT(status_of(pid), 0);
    CHECK(expect(SIGCHLD, &info) == SIGCHLD && info.si_pid == pid);
}

/* ---- order and queues ---- */

static int send_in_disorder(void *arg)
{
    pid_t to = *(pid_t *)arg;
    for (int i = 0; i < 50; i++)
        for (int number = 60; number >= 40; number -= 10)
            CHECK(sigqueue(to, number, (union sigval){.sival_int = i}) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(sigqueue(to, SIGUSR1, (union sigval){.sival_int = i}) == 0);
    return 0;
}

static void order(void)
{
    pid_t self = getpid();
    siginfo_t info;
    CHECK_EXIT(run(send_in_disorder, &self), 0);
    CHECK(expect(SIGUSR1, &info) == SIGUSR1 && info.si_value.sival_int == 0); /* the first, once */
    int right = 1;
    for (int number = 40; number <= 60; number += 10)
        for (int i = 0; i < 50; i++)
            right &= sigwaitinfo(&real_time, &info) == number && info.si_value.sival_int == i;
    CHECK(right);
    struct timespec none = {0, 0};
    CHECK_ERROR(sigtimedwait(&real_time, &info, &none), EAGAIN);
    CHECK(expect(SIGCHLD, &info) == SIGCHLD);

    /* RLIMIT_SIGPENDING counts those of the user. */
    struct rlimit limit, old;
    CHECK(getrlimit(RLIMIT_SIGPENDING, &old) == 0);
    limit = old;
    limit.rlim_cur = 0;
    CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    CHECK_ERROR(sigqueue(self, 40, (union sigval){0}), EAGAIN);
    CHECK(kill(self, SIGUSR1) == 0); /* an ordinary one arrives all the same */
    CHECK(expect(SIGUSR1, &info) == SIGUSR1);
    CHECK(setrlimit(RLIMIT_SIGPENDING, &old) == 0);
}

/* ---- to whom ---- */

/* Not the first process's group: -1 is everybody. */
static int look_at_own_group(void *arg)
{
    (void)arg;
    CHECK(setpgid(0, 0) == 0);
    CHECK(kill(-getpgrp(), 0) == 0 && kill(0, 0) == 0);
    return 0;
}

static void nobody(void)
{
    CHECK_ERROR(kill(1 << 30, 0), ESRCH);
    CHECK_ERROR(kill(-(1 << 30), SIGTERM), ESRCH);
    CHECK_ERROR(kill(INT32_MIN, SIGTERM), ESRCH);
    CHECK_ERROR(kill(getpid(), 65), EINVAL);
    CHECK_ERROR(kill(getpid(), -1), EINVAL);
    CHECK_ERROR(kill(1 << 30, 65), ESRCH); /* looked up first */
    CHECK(kill(getpid(), 0) == 0 && kill(0, 0) == 0);
    CHECK_ERROR((int)syscall(SYS_tgkill, -1, getpid(), 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_tgkill, getpid(), 1 << 30, 0), ESRCH);
    CHECK_ERROR((int)syscall(SYS_tkill, 0, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_rt_sigqueueinfo, 1 << 30, 40, 8), EFAULT);

    siginfo_t info;
    CHECK_EXIT(run(look_at_own_group, NULL), 0);
    CHECK(expect(SIGCHLD, &info) == SIGCHLD);
    pid_t zombie = start(exit_with, NULL);
    CHECK(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT) == 0);
    CHECK(kill(zombie, SIGKILL) == 0 && kill(zombie, 0) == 0);
    CHECK_EXIT(status_of(zombie), 0);
    CHECK(expect(SIGCHLD, &info) == SIGCHLD);
}

static int member(void *arg)
{
    (void)arg;
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    return sleep_for_ever(NULL);
}

/* A leader and three members; kill(0) from one of them reaches all and nobody else. */
static int kill_own_group(void *arg)
{
    pid_t pids[3];
    siginfo_t info;
    CHECK(setsid() == getpid());
    for (int i = 0; i < 3; i++)
        pids[i] = start(member, NULL);
    CHECK(kill(0, SIGTERM) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_KILLED(status_of(pids[i]), SIGTERM);
    CHECK(expect(SIGTERM, &info) == SIGTERM && info.si_pid == getpid()); /* the sender too */
    (void)arg;
    return 0;
}

/* As a user of its own: kill(-1) is all of the user's processes, but not the sender. */
static int kill_all_own(void *arg)
{
    pid_t pids[3];
    siginfo_t info;
    (void)arg;
    if (geteuid() != 0)
        return 0; /* a user who has other processes */
    CHECK(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    if (getuid() != 54321 || geteuid() != 54321)
        return 1; /* never as another */
    for (int i = 0; i < 3; i++)
        pids[i] = start(member, NULL);
    CHECK(kill(-1, SIGTERM) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_KILLED(status_of(pids[i]), SIGTERM);
    struct timespec none = {0, 0};
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    CHECK_ERROR(sigtimedwait(&term, &info, &none), EAGAIN);
    CHECK_ERROR(kill(getppid(), SIGTERM), EPERM);
    CHECK_ERROR(kill(getppid(), 0), EPERM);
    CHECK_ERROR(kill(getppid(), SIGCONT), EPERM); /* of another session */
    CHECK_ERROR(sigqueue(getppid(), 40, (union sigval){0}), EPERM);
    int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
    CHECK(fd >= 0);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), EPERM);
    CHECK_ERROR((int)syscall(SYS_pidfd_getfd, fd, 0, 0), EPERM);
    return 0;
}

static int kill_all_from_session(void *arg)
{
    setsid();
    return kill_all_own(arg);
}

static void permissions(void)
{
    siginfo_t info;
    CHECK_EXIT(run(kill_own_group, NULL), 0);
    CHECK_EXIT(run(kill_all_from_session, NULL), 0);
    expect(SIGCHLD, &info);
}

static int continue_parent(void *arg)
{
    (void)arg;
    if (geteuid() == 0)
        CHECK(setresuid(54321, 54321, 54321) == 0);
    CHECK(kill(getppid(), SIGCONT) == 0); /* of the same session: anybody may */
    return 0;
}

/* ---- pidfds ---- */

static int opens_file(void *arg)
{
    struct turn *turns = arg;
    int fd = open("shared", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
    CHECK(write(turns[0].fds[1], &fd, sizeof fd) == sizeof fd);
    take(&turns[1]);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5);
    return 8;
}

static void pidfds(void)
{
    siginfo_t info;
    struct turn turns[2] = {turn_new(), turn_new()};
    pid_t pid = start(opens_file, turns);
    CHECK_ERROR((int)syscall(SYS_pidfd_open, 0, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_open, -1, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_open, pid, 1), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_open, 1 << 30, 0), ESRCH);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), theirs, ours;
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 0);
    CHECK_ERROR(read(fd, &info, 1), EINVAL);

    CHECK(read(turns[0].fds[0], &theirs, sizeof theirs) == sizeof theirs);
    ours = (int)syscall(SYS_pidfd_getfd, fd, theirs, 0);
    CHECK(ours >= 0 && fcntl(ours, F_GETFD) == FD_CLOEXEC);
    CHECK(lseek(ours, 0, SEEK_CUR) == 3 && write(ours, "de", 2) == 2); /* the very same file */
    CHECK_ERROR((int)syscall(SYS_pidfd_getfd, fd, 999, 0), EBADF);
    CHECK_ERROR((int)syscall(SYS_pidfd_getfd, fd, theirs, 1), EINVAL);
    CHECK_ERROR((int)syscall(SYS_pidfd_getfd, ours, theirs, 0), EBADF);
    close(ours);
    give(&turns[1]);
    CHECK(poll(&p, 1, -1) == 1 && p.revents & POLLIN);
    CHECK_ERROR((int)syscall(SYS_pidfd_getfd, fd, theirs, 0), ESRCH);
    CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0); /* a zombie still */
    CHECK_EXIT(status_of(pid), 8);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    CHECK(poll(&p, 1, 0) == 1);
    close(fd);
    CHECK(unlink("shared") == 0);
    CHECK(expect(SIGCHLD, &info) == SIGCHLD);
    turn_free(&turns[0]);
    turn_free(&turns[1]);
}

/* ---- into code that makes no system call ---- */

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static int spin_until_signalled(void *arg)
{
    give(arg);
    while (!handled)
        ;
    return 9;
}

static void spinning(void)
{
    siginfo_t info;
    struct turn turn = turn_new();
    signal(SIGUSR1, handle);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    pid_t pid = start(spin_until_signalled, &turn);
    take(&turn);
    kill(pid, SIGUSR1);
    CHECK_EXIT(status_of(pid), 9);
    expect(SIGCHLD, &info);
    static const int deadly[] = {SIGTERM, SIGKILL, SIGUSR2, SIGALRM};
    for (int i = 0; i < 4; i++) {
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        pid = start(spin_until_signalled, &turn);
        sigprocmask(SIG_BLOCK, &all, NULL);
        take(&turn);
        kill(pid, deadly[i]);
        CHECK_KILLED(status_of(pid), deadly[i]);
        struct timespec none = {0, 0};
        sigset_t chld;
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        sigtimedwait(&chld, &info, &none);
    }
    turn_free(&turn);
}

int main(void)
{
    sigemptyset(&real_time);
    for (int number = 40; number <= 60; number += 10)
        sigaddset(&real_time, number);
    all = real_time;
    static const int used[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        sigaddset(&all, used[i]);
    sigprocmask(SIG_BLOCK, &all, NULL);
    information();
    order();
    nobody();
    permissions();
    CHECK_EXIT(run(continue_parent, NULL), 0);
    siginfo_t info;
    expect(SIGCHLD, &info);
    pidfds();
    spinning();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
