/* SPDX-License-Identifier: MIT */
/* Children that outlive their parents: PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG, prctl(2). */

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "guest_process.h"

struct line {
    struct turn go, result;
    pid_t seen[4];
};

static int tell_parent(void *arg)
{
    struct line *l = arg;
    close(l->go.fds[1]);
    take(&l->go); /* until the parent has ended */
    pid_t parent = getppid();
    CHECK(write(l->result.fds[1], &parent, sizeof parent) == sizeof parent);
    return 31;
}

static int leave_child(void *arg)
{
    start(tell_parent, arg);
    return 30;
}

static void to_subreaper(void)
{
    struct line l = {turn_new(), turn_new(), {0}};
    int is = -1;
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is == 0);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is == 1);
    CHECK_ERROR(prctl(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0), EFAULT);
    CHECK_EXIT(run(leave_child, &l), 30);
    close(l.go.fds[1]);
    pid_t parent = 0;
    CHECK(read(l.result.fds[0], &parent, sizeof parent) == sizeof parent && parent == getpid());
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 31);
    CHECK_ERROR(wait(NULL), ECHILD);
    close(l.go.fds[0]);
    turn_free(&l.result);
}

/* The nearest subreaper above counts; the attribute is not inherited, and kept by nobody's fork. */
static int is_none(void *arg)
{
    (void)arg;
    int is = -1;
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is == 0);
    return 0;
}

static int nearer(void *arg)
{
    struct line *l = arg;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    CHECK_EXIT(run(leave_child, l), 30);
    give(&l->go);
    pid_t parent = 0;
    CHECK(read(l->result.fds[0], &parent, sizeof parent) == sizeof parent && parent == getpid());
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 31);
    return 0;
}

static void nearest(void)
{
    struct line l = {turn_new(), turn_new(), {0}};
    CHECK_EXIT(run(is_none, NULL), 0);
    CHECK_EXIT(run(nearer, &l), 0);
    turn_free(&l.go);
    turn_free(&l.result);
}

/* Zombies too fall to the subreaper, and are told of by SIGCHLD. */
static int leave_zombies(void *arg)
{
    signal(SIGCHLD, SIG_DFL);
    for (int i = 1; i <= 5; i++) {
        siginfo_t info;
        pid_t pid = start(exit_with, (void *)(intptr_t)i);
        CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    }
    return (int)(intptr_t)arg;
}

static void zombies(void)
{
    int status, sum = 0;
    CHECK_EXIT(run(leave_zombies, (void *)32), 32);
    for (int i = 0; i < 5; i++) {
        CHECK(wait(&status) > 0 && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    CHECK(sum == 15);
    CHECK_ERROR(wait(NULL), ECHILD);
    /* One that ignores SIGCHLD never sees them. */
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = start(leave_zombies, (void *)33);
    CHECK_ERROR(waitpid(pid, &status, 0), ECHILD);
    CHECK_ERROR(wait(NULL), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

/* A generation each: the last one sees the first as its parent. */
static int chain(void *arg)
{
    struct line *l = arg;
    int depth = ++l->seen[0];
    if (depth == 6)
        return tell_parent(l);
    start(chain, l);
    return 30;
}

static void generations(void)
{
    struct line l = {turn_new(), turn_new(), {0}};
    start(chain, &l);
    int status, middle = 0;
    while (middle < 5 && wait(&status) > 0) { /* all but the last */
        CHECK_EXIT(status, 30);
        middle++;
    }
    close(l.go.fds[1]);
    pid_t parent = 0;
    CHECK(read(l.result.fds[0], &parent, sizeof parent) == sizeof parent && parent == getpid());
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 31);
    close(l.go.fds[0]);
    turn_free(&l.result);
}

/* ---- a signal when the parent ends ---- */

static volatile sig_atomic_t got;

static void take_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    (void)info;
    got = number;
}

static int signalled(void *arg)
{
    struct line *l = arg;
    struct sigaction action = {.sa_sigaction = take_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    int number = -1;
    CHECK(prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0) == 0 && number == 0);
    CHECK_ERROR(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0), EINVAL);
    CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0) == 0);
    CHECK(prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0) == 0 && number == SIGUSR1);
    CHECK_EXIT(run(is_none, NULL), 0);
    give(&l->go);
    while (!got)
        sigsuspend(&old);
    CHECK(got == SIGUSR1);
    return 34;
}

static int parent_of_signalled(void *arg)
{
    struct line *l = arg;
    start(signalled, l);
    take(&l->go);
    return 35;
}

/* The parent is the thread that forked: its end is enough. */
static struct line of_thread;

static void *forks_and_ends(void *arg)
{
    (void)arg;
    start(signalled, &of_thread);
    take(&of_thread.go);
    return NULL;
}

static int killed_with_parent(void *arg)
{
    struct line *l = arg;
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
    give(&l->go);
    return sleep_for_ever(NULL);
}

static int parent_of_killed(void *arg)
{
    struct line *l = arg;
    start(killed_with_parent, l);
    take(&l->go);
    raise(SIGTERM);
    return 1;
}

static void death_signals(void)
{
    struct line l = {turn_new(), turn_new(), {0}};
    int status;
    CHECK_EXIT(run(parent_of_signalled, &l), 35);
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 34);

    of_thread = l;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, forks_and_ends, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 34);

    CHECK_KILLED(run(parent_of_killed, &l), SIGTERM);
    CHECK(wait(&status) > 0);
    CHECK_KILLED(status, SIGKILL);
    turn_free(&l.go);
    turn_free(&l.result);
}

int main(void)
{
    to_subreaper();
    nearest();
    zombies();
    generations();
    death_signals();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
