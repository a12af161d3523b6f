/* SPDX-License-Identifier: MIT */
/* Several children, several waiting threads, and SIGCHLD: its information, and its refusal. */

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "guest_process.h"

static int exit_after_turn(void *arg)
{
    struct turn *turn = arg;
    close(turn->fds[1]);
    take(turn);
    return turn->fds[0] ? 5 : 6;
}

static void several(void)
{
    pid_t pids[20];
    for (int i = 0; i < 20; i++)
        pids[i] = start(exit_with, (void *)(intptr_t)(i + 1));
    for (int i = 19; i >= 10; i--) /* each by its number, in any order */
        CHECK_EXIT(status_of(pids[i]), i + 1);
    int sum = 0, status;
    for (int i = 0; i < 10; i++) {
        CHECK(wait(&status) > 0 && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    CHECK(sum == 55);
    CHECK_ERROR(wait(&status), ECHILD);

    /* By group: a child that has its own is no answer for another's. */
    struct turn turn = turn_new();
    pid_t first = start(exit_after_turn, &turn), second = start(exit_after_turn, &turn);
    CHECK(setpgid(first, first) == 0 && setpgid(second, second) == 0);
    close(turn.fds[0]);
    close(turn.fds[1]);
    CHECK(waitpid(-second, &status, 0) == second && WIFEXITED(status));
    CHECK_ERROR(waitpid(-second, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(0, &status, 0), ECHILD); /* none in ours */
    CHECK(waitpid(-first, &status, 0) == first);
}

/* ---- threads ---- */

static void *wait_for_it(void *arg)
{
    pid_t pid = *(pid_t *)arg;
    return (void *)(intptr_t)status_of(pid);
}

static void *wait_for_any(void *arg)
{
    (void)arg;
    int status;
    pid_t pid = wait(&status);
    return (void *)(intptr_t)(pid > 0 ? WEXITSTATUS(status) : errno == ECHILD ? 1000 : 2000);
}

static pid_t of_thread;

static void *fork_and_leave(void *arg)
{
    struct turn *turn = arg;
    of_thread = start(exit_after_turn, turn);
    return NULL;
}

static void *wait_not_for_others(void *arg)
{
    (void)arg;
    CHECK_ERROR(waitpid(-1, NULL, __WNOTHREAD | WNOHANG), ECHILD);
    return NULL;
}

static void threads(void)
{
    struct turn turn = turn_new();
    pthread_t thread[5], other;
    pid_t pids[4];
    void *result;
    for (int i = 0; i < 4; i++) {
        pids[i] = start(exit_after_turn, &turn);
        CHECK(pthread_create(&thread[i], NULL, wait_for_it, &pids[i]) == 0);
    }
    CHECK(pthread_create(&other, NULL, wait_not_for_others, NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    close(turn.fds[1]); /* all end */
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(thread[i], &result) == 0);
        CHECK_EXIT((int)(intptr_t)result, 5);
    }
    close(turn.fds[0]);

    /* Three children, five that wait: two find none. */
    turn = turn_new();
    for (int i = 0; i < 3; i++)
        start(exit_after_turn, &turn);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_create(&thread[i], NULL, wait_for_any, NULL) == 0);
    close(turn.fds[1]);
    int sum = 0;
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_join(thread[i], &result) == 0);
        sum += (int)(intptr_t)result;
    }
    CHECK(sum == 3 * 5 + 2 * 1000);
    close(turn.fds[0]);

    /* The child of a thread that has ended is the process's. */
    turn = turn_new();
    CHECK(pthread_create(&other, NULL, fork_and_leave, &turn) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    close(turn.fds[1]);
    CHECK_EXIT(status_of(of_thread), 5);
    close(turn.fds[0]);
}

/* ---- children that end with another signal, clone(2) ---- */

static volatile sig_atomic_t user_signals;

static void count_user_signal(int number)
{
    (void)number;
    user_signals++;
}

static pid_t clone_with(int exit_signal)
{
    fflush(stdout);
    pid_t pid = (pid_t)syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
    if (pid == 0)
        _exit(4);
    return pid;
}

static void clone_children(void)
{
    int status;
    pid_t pid = clone_with(0), plain = start(exit_with, (void *)8);
    CHECK(waitpid(-1, &status, 0) == plain);
    CHECK_ERROR(waitpid(-1, &status, 0), ECHILD); /* not seen without __WCLONE or __WALL */
    CHECK_ERROR(waitpid(pid, &status, 0), ECHILD);
    CHECK(waitpid(-1, &status, __WCLONE) == pid);
    CHECK_EXIT(status, 4);
    plain = start(exit_with, (void *)8);
    CHECK_ERROR(waitpid(plain, &status, __WCLONE), ECHILD);
    CHECK_EXIT(status_of(plain), 8);
    pid = clone_with(0);
    CHECK(waitpid(pid, &status, __WALL) == pid);

    signal(SIGUSR1, count_user_signal);
    pid = clone_with(SIGUSR1);
    CHECK(waitpid(pid, &status, __WALL) == pid);
    CHECK(user_signals == 1);
    signal(SIGUSR1, SIG_DFL);
}

/* ---- SIGCHLD ---- */

static volatile sig_atomic_t chld_count, chld_code, chld_status, chld_pid, chld_uid;

static void take_chld(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(number == SIGCHLD && info->si_signo == SIGCHLD);
    chld_count++;
    chld_code = info->si_code;
    chld_status = info->si_status;
    chld_pid = info->si_pid;
    chld_uid = (int)info->si_uid;
}

static sigset_t unblocked;

static void await_chld(const char *what, pid_t pid)
{
    while (chld_count == 0)
        sigsuspend(&unblocked);
    CHECK(chld_pid == pid && chld_uid == (int)getuid());
    printf("SIGCHLD, %s: code %d status %d count %d\n", what, chld_code, chld_status, chld_count);
    chld_count = 0;
}

static int kill_self(void *arg)
{
    prctl(PR_SET_DUMPABLE, 0); /* no core, whatever core_pattern says */
    kill(getpid(), (int)(intptr_t)arg);
    return 0;
}

static void child_signals(void)
{
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, &unblocked);
    struct sigaction action = {.sa_sigaction = take_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);

    pid_t pid = start(exit_with, (void *)42);
    await_chld("exited", pid);
    CHECK_EXIT(status_of(pid), 42);
    pid = start(kill_self, (void *)SIGTERM);
    await_chld("killed", pid);
    CHECK_KILLED(status_of(pid), SIGTERM);
    pid = start(kill_self, (void *)SIGABRT);
    await_chld("abort", pid);
    CHECK_KILLED(status_of(pid), SIGABRT);

    pid = start(sleep_for_ever, NULL);
    kill(pid, SIGSTOP);
    await_chld("stopped", pid);
    kill(pid, SIGCONT);
    await_chld("continued", pid);
    kill(pid, SIGKILL);
    await_chld("killed", pid);
    status_of(pid);

    action.sa_flags |= SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, NULL);
    siginfo_t info;
    pid = start(sleep_for_ever, NULL);
    kill(pid, SIGSTOP);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0);
    kill(pid, SIGCONT);
    CHECK(waitid(P_PID, (id_t)pid, &info, WCONTINUED) == 0);
    sigset_t pending;
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGCHLD));
    kill(pid, SIGKILL);
    await_chld("killed, no stops", pid);
    status_of(pid);

    /* Waited for before the signal was taken: it stays pending. */
    pid = start(exit_with, (void *)1);
    CHECK_EXIT(status_of(pid), 1);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD));
    await_chld("after the wait", pid);

    /* Nobody is to wait: no zombies; wait(2) waits for all to end and has nothing to say. */
    action.sa_flags = SA_SIGINFO | SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, NULL);
    pid = start(exit_with, (void *)9);
    CHECK_ERROR(waitpid(pid, NULL, 0), ECHILD);
    CHECK_ERROR(kill(pid, 0), ESRCH);
    await_chld("no wait", pid); /* sent all the same */

    signal(SIGCHLD, SIG_IGN);
    pid_t first = start(exit_with, (void *)9), second = start(exit_with, (void *)9);
    CHECK_ERROR(wait(NULL), ECHILD);
    CHECK_ERROR(kill(first, 0), ESRCH);
    CHECK_ERROR(kill(second, 0), ESRCH);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGCHLD));

    /* sigtimedwait(2) takes it as well. */
    signal(SIGCHLD, SIG_DFL);
    pid = start(exit_with, (void *)3);
    CHECK(sigwaitinfo(&chld, &info) == SIGCHLD && info.si_pid == pid);
    CHECK(info.si_code == CLD_EXITED && info.si_status == 3);
    CHECK_EXIT(status_of(pid), 3);
    sigprocmask(SIG_SETMASK, &unblocked, NULL);
}

/* A wait is interrupted by a handler without SA_RESTART, and restarted with it. */
static int interrupt_parent(void *arg)
{
    struct turn *turn = arg;
    kill(getppid(), SIGUSR1);
    close(turn->fds[1]);
    take(turn);
    return 2;
}

static void interrupted(void)
{
    struct turn turn = turn_new();
    struct sigaction action = {.sa_handler = count_user_signal};
    user_signals = 0;
    sigaction(SIGUSR1, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pid_t pid = start(interrupt_parent, &turn);
    int status = 0;
    /* Either the signal came before the wait, or it interrupts it: wait until it was seen. */
    while (user_signals == 0) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        CHECK(got == 0 || (got < 0 && errno == EINTR));
        sched_yield();
    }
    close(turn.fds[0]);
    close(turn.fds[1]);
    CHECK_EXIT(status_of(pid), 2);

    /* With an alarm that repeats, one of them meets the wait. */
    turn = turn_new();
    action.sa_handler = count_user_signal;
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 10000}, {0, 10000}};
    pid = start(exit_after_turn, &turn);
    setitimer(ITIMER_REAL, &often, NULL);
    CHECK_ERROR(waitpid(pid, &status, 0), EINTR);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    close(turn.fds[0]);
    user_signals = 0;
    pid_t closer = fork();
    if (closer == 0) { /* lets it end when signals have come; ours is not told of it */
        close(turn.fds[1]);
        usleep(100000);
        _exit(0);
    }
    CHECK(status_of(closer) == 0 && user_signals > 0);
    struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    close(turn.fds[1]);
    CHECK_EXIT(status_of(pid), 5);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
}

int main(void)
{
    several();
    threads();
    clone_children();
    child_signals();
    interrupted();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
