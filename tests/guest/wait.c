/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2), waitpid(2): which child, what of it, and errors. */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest_process.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int die_by(void *arg)
{
    int number = (int)(intptr_t)arg;
    signal(number, SIG_DFL);
    prctl(PR_SET_DUMPABLE, 0); /* core(5): a handler in core_pattern would be run without a limit */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    kill(getpid(), number);
    return 1;
}

/* The status of each signal whose default action ends a process. */
static void statuses(void)
{
    static const int numbers[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                  15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 35, 50, 63, 64};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int status = run(die_by, (void *)(intptr_t)numbers[i]);
        printf("signal %d: %#x\n", numbers[i], status);
    }
    static const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        CHECK_EXIT(run(die_by, (void *)(intptr_t)ignored[i]), 1);
}

/* waitid's words: code, status, whether pid and user are right; signo is always SIGCHLD. */
static void print_info(const char *what, const siginfo_t *info, pid_t pid)
{
    CHECK(info->si_signo == SIGCHLD && info->si_errno == 0);
    CHECK(info->si_pid == pid && info->si_uid == getuid());
    printf("%s: code %d status %d\n", what, info->si_code, info->si_status);
}

static void infos(void)
{
    siginfo_t info;
    pid_t pid = start(exit_with, (void *)7);
    memset(&info, -1, sizeof info);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    print_info("exit, looked at", &info, pid);
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid);
    CHECK(kill(pid, 0) == 0); /* a zombie is there */
    CHECK(kill(pid, SIGKILL) == 0);
    int status;
    CHECK(waitpid(pid, &status, WNOHANG) == pid);
    CHECK_EXIT(status, 7);
    CHECK_ERROR(kill(pid, 0), ESRCH);
    CHECK_ERROR(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);

    pid = start(die_by, (void *)SIGKILL);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
    print_info("killed", &info, pid);
    pid = start(die_by, (void *)SIGSEGV);
    CHECK(waitid(P_PGID, 0, &info, WEXITED) == 0); /* 0: our own group */
    print_info("dumped, or would be", &info, pid);
    pid = start(exit_with, (void *)300);
    CHECK(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED) == 0);
    print_info("exit 300", &info, pid); /* low 8 bits */
    pid = start(exit_with, NULL);
    CHECK(waitid(P_PID, (id_t)pid, NULL, WEXITED) == 0);

    /* The bare call gives usage as well. */
    pid = start(exit_with, NULL);
    struct rusage usage;
    memset(&usage, -1, sizeof usage);
    CHECK(syscall(SYS_waitid, P_PID, pid, NULL, WEXITED, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec == 0 && usage.ru_nsignals == 0);
}

static void stopped_and_continued(void)
{
    siginfo_t info;
    int status = -1;
    pid_t pid = start(sleep_for_ever, NULL);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0 && status == -1);
    memset(&info, -1, sizeof info);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) == 0);
    CHECK(info.si_pid == 0 && info.si_signo == 0); /* nothing yet */

    kill(pid, SIGSTOP);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0);
    print_info("stopped", &info, pid);
    CHECK(waitpid(pid, &status, WNOHANG) == 0); /* not asked for stops */
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    printf("stopped: %#x\n", status);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED) == 0); /* told once */

    kill(pid, SIGCONT);
    CHECK(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT) == 0);
    print_info("continued", &info, pid);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid);
    printf("continued: %#x\n", status);
    CHECK(waitpid(pid, &status, WNOHANG | WCONTINUED) == 0);

    static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};
    for (int i = 0; i < 3; i++) {
        setpgid(pid, pid); /* with a parent elsewhere in the session: not orphaned */
        kill(pid, stops[i]);
        CHECK(waitpid(-pid, &status, WUNTRACED) == pid);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == stops[i]);
        kill(pid, SIGCONT);
        CHECK(waitid(P_ALL, 0, &info, WCONTINUED) == 0);
        print_info("again", &info, pid);
    }

    /* A stop that nobody asked about before the continue is forgotten. */
    kill(pid, SIGSTOP);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0);
    kill(pid, SIGCONT);
    CHECK(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT) == 0);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED) == 0);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0);
    CHECK(info.si_code == CLD_CONTINUED);
    kill(pid, SIGTERM);
    CHECK_KILLED(status_of(pid), SIGTERM);
}

static void errors(void)
{
    siginfo_t info;
    int status = 123;
    CHECK_ERROR(wait(NULL), ECHILD);
    CHECK_ERROR(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_ERROR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERROR(waitpid(1 << 30, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(-getpgrp(), &status, 0), ECHILD);
    CHECK_ERROR(waitpid(INT32_MIN, &status, 0), ESRCH);
    CHECK_ERROR(waitpid(-1, &status, 0x100), EINVAL);
    CHECK_ERROR(waitpid(-1, &status, WNOWAIT), EINVAL);
    CHECK_ERROR(waitpid(-1, &status, WEXITED), EINVAL);
    CHECK_ERROR(waitpid(-1, &status, WNOHANG | __WALL | __WCLONE | __WNOTHREAD), ECHILD);
    CHECK(status == 123);

    CHECK_ERROR(waitid(P_ALL, 0, &info, 0), EINVAL);
    CHECK_ERROR(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    CHECK_ERROR(waitid(P_ALL, 0, &info, WEXITED | 0x10000), EINVAL);
    CHECK_ERROR(waitid((idtype_t)9, 0, &info, WEXITED), EINVAL);
    CHECK_ERROR(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    CHECK_ERROR(waitid(P_PID, (id_t)-1, &info, WEXITED), EINVAL);
    CHECK_ERROR(waitid(P_PGID, (id_t)-1, &info, WEXITED), EINVAL);
    CHECK_ERROR(waitid((idtype_t)P_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
    CHECK_ERROR(waitid((idtype_t)P_PIDFD, 999, &info, WEXITED), EBADF);
    CHECK_ERROR(waitid((idtype_t)P_PIDFD, 0, &info, WEXITED), EBADF); /* no pidfd */
    CHECK_ERROR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);

    /* A bad address is found when the child is gone already. */
    pid_t pid = start(exit_with, NULL);
    CHECK_ERROR(waitpid(pid, (int *)8, 0), EFAULT);
    CHECK_ERROR(waitpid(pid, NULL, 0), ECHILD);
    pid = start(exit_with, NULL);
    CHECK_ERROR(wait4(pid, NULL, 0, (struct rusage *)8), EFAULT);
    CHECK_ERROR(waitpid(pid, NULL, 0), ECHILD);
}

static void pidfds(void)
{
    siginfo_t info;
    pid_t pid = start(sleep_for_ever, NULL);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    CHECK(fd >= 0);
    CHECK(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
    kill(pid, SIGINT);
    CHECK(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED) == 0);
    print_info("by pidfd", &info, pid);
    CHECK_ERROR(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    close(fd);

    fd = (int)syscall(SYS_pidfd_open, pid = start(sleep_for_ever, NULL), 0x800 /* O_NONBLOCK */);
    CHECK_ERROR(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN);
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);
    close(fd);
}

static int use_processor(void *arg)
{
    (void)arg;
    struct timespec used;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_nsec < 60000000 && used.tv_sec == 0);
    return 0;
}

static long long microseconds(const struct rusage *u)
{
    return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000ll + u->ru_utime.tv_usec +
           u->ru_stime.tv_usec;
}

static int use_in_grandchild(void *arg)
{
    CHECK_EXIT(run(use_processor, arg), 0);
    return 0;
}

static void usage(void)
{
    struct rusage own, all;
    int status;
    pid_t pid = start(use_processor, NULL);
    CHECK(wait4(pid, &status, 0, &own) == pid);
    CHECK(microseconds(&own) >= 50000);
    CHECK(getrusage(RUSAGE_CHILDREN, &all) == 0 && microseconds(&all) >= microseconds(&own));
    /* Of a child that waited for its children, theirs is part. */
    pid = start(use_in_grandchild, NULL);
    CHECK(wait4(pid, &status, 0, &own) == pid && microseconds(&own) >= 50000);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(getrusage(RUSAGE_CHILDREN, &all) == 0 && microseconds(&all) >= 100000);
}

int main(void)
{
    errors();
    statuses();
    infos();
    stopped_and_continued();
    pidfds();
    usage();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
