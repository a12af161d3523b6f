/* SPDX-License-Identifier: MIT */
/*
 * Process groups and sessions without a terminal: setpgid(2), setsid(2), killpg(3), stops,
 * and groups that are orphaned.
 *
 * With a first argument the program is one that was executed: it says "x" and waits.
 */

#include <fcntl.h>
#include <sys/prctl.h>
#include <termios.h>

#include "guest_process.h"

static char *self;

static int exec_self(void *arg)
{
    struct turn *turn = arg;
    char fd[16];
    snprintf(fd, sizeof fd, "%d", turn->fds[1]);
    execl(self, self, fd, (char *)NULL);
    return 1;
}

static int group_of(void *arg)
{
    (void)arg;
    return getpgrp() == getppid() ? 1 : getpgrp() == getpid() ? 2 : 3;
}

static int new_session(void *arg)
{
    pid_t before = getsid(0);
    CHECK(before != getpid());
    CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
    CHECK_ERROR(setsid(), EPERM); /* a group leader */
    CHECK_ERROR(setpgid(0, 0), EPERM);
    CHECK_ERROR(setpgid(0, getppid()), EPERM); /* the session's leader stays */
    CHECK_EXIT(run(group_of, NULL), 1);
    return arg ? 3 : 4;
}

static int move_parent(void *arg)
{
    CHECK_ERROR(setpgid(getppid(), 0), ESRCH); /* neither we nor a child */
    return (int)(intptr_t)arg;
}

static void groups(void)
{
    struct turn turn = turn_new();
    CHECK(getpgid(0) == getpgrp() && getpgid(getpid()) == getpgrp());
    CHECK_ERROR(setpgid(-1, 0), EINVAL);
    CHECK_ERROR(setpgid(0, -1), EINVAL);
    CHECK_EXIT(run(move_parent, NULL), 0);
    CHECK_ERROR(getpgid(-1), ESRCH);
    CHECK_ERROR(getpgid(1 << 30), ESRCH);
    CHECK_ERROR(getsid(-1), ESRCH);

    pid_t first = start(sleep_for_ever, NULL), second = start(sleep_for_ever, NULL);
    CHECK_ERROR(setpgid(first, second), EPERM); /* no such group yet */
    CHECK(setpgid(first, first) == 0 && getpgid(first) == first);
    CHECK(setpgid(second, first) == 0 && getpgid(second) == first);
    CHECK(setpgid(second, 0) == 0 && getpgid(second) == second);
    CHECK(setpgid(second, first) == 0);
    CHECK(setpgid(first, getpgrp()) == 0); /* back; the group lives on with the other */
    CHECK(setpgid(first, first) == 0);
    CHECK(getsid(first) == getsid(0));
    CHECK(killpg(first, 0) == 0 && kill(-first, SIGTERM) == 0);
    CHECK_KILLED(status_of(first), SIGTERM);
    CHECK_KILLED(status_of(second), SIGTERM);
    CHECK_ERROR(killpg(first, 0), ESRCH);
    CHECK_ERROR(killpg(-2, 0), EINVAL);

    /* After its exec a child is out of its parent's hands. */
    pid_t executed = start(exec_self, &turn);
    CHECK(take(&turn));
    CHECK_ERROR(setpgid(executed, executed), EACCES);
    kill(executed, SIGKILL);
    CHECK_KILLED(status_of(executed), SIGKILL);
    turn_free(&turn);

    CHECK_EXIT(run(new_session, NULL), 4);
}

/* A child in another session cannot be moved, nor a group of another session be joined. */
static int leave_session(void *arg)
{
    struct turn *turn = arg;
    setsid();
    give(turn);
    return sleep_for_ever(NULL);
}

static void sessions(void)
{
    struct turn turn = turn_new();
    pid_t apart = start(leave_session, &turn), ours = start(sleep_for_ever, NULL);
    take(&turn);
    CHECK(getsid(apart) == apart && getpgid(apart) == apart);
    CHECK_ERROR(setpgid(apart, 0), EPERM);
    CHECK_ERROR(setpgid(ours, apart), EPERM);
    kill(apart, SIGKILL);
    kill(ours, SIGKILL);
    status_of(apart);
    status_of(ours);
    turn_free(&turn);
}

/* ---- stops ---- */

static volatile sig_atomic_t continued, hung_up, terminated;

static void note(int number)
{
    if (number == SIGCONT)
        continued++;
    else if (number == SIGHUP)
        hung_up++;
    else
        terminated++;
}

static int notes_and_waits(void *arg)
{
    struct turn *turn = arg; /* ours, and the one to end at */
    signal(SIGCONT, note);
    signal(SIGTERM, note);
    sigset_t block, none;
    sigemptyset(&none);
    sigfillset(&block);
    sigprocmask(SIG_SETMASK, &block, NULL);
    give(turn);
    while (!terminated)
        sigsuspend(&none);
    take(turn + 1);
    return continued;
}

static void stops(void)
{
    struct turn turns[2] = {turn_new(), turn_new()};
    int status;
    pid_t pid = start(notes_and_waits, turns);
    take(turns);
    /* Stopped it handles nothing; SIGCONT is handled and wakes it, whatever else is pending. */
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WSTOPSIG(status) == SIGSTOP);
    kill(pid, SIGSTOP);
    kill(pid, SIGTERM);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0);
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    give(turns + 1);
    CHECK_EXIT(status_of(pid), 1);

    /* SIGKILL needs no SIGCONT. */
    pid = start(sleep_for_ever, NULL);
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);

    /* A stop takes back a pending SIGCONT, and the other way round. */
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGCONT, note);
    raise(SIGCONT);
    sigpending(&set);
    CHECK(sigismember(&set, SIGCONT));
    raise(SIGTSTP);
    sigpending(&set);
    CHECK(!sigismember(&set, SIGCONT) && sigismember(&set, SIGTSTP));
    raise(SIGCONT);
    sigpending(&set);
    CHECK(sigismember(&set, SIGCONT) && !sigismember(&set, SIGTSTP));
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGCONT, SIG_DFL);
    turn_free(turns);
    turn_free(turns + 1);
}

/* A whole group stops and goes on. */
static void group_stops(void)
{
    pid_t pids[4];
    int status;
    for (int i = 0; i < 4; i++) {
        pids[i] = start(sleep_for_ever, NULL);
        CHECK(setpgid(pids[i], pids[0]) == 0);
    }
    CHECK(killpg(pids[0], SIGTSTP) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(waitpid(pids[i], &status, WUNTRACED) == pids[i] && WSTOPSIG(status) == SIGTSTP);
    CHECK(killpg(pids[0], SIGCONT) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(waitpid(-pids[0], &status, WCONTINUED) > 0 && WIFCONTINUED(status));
    CHECK(killpg(pids[0], SIGHUP) == 0);
    for (int i = 0; i < 4; i++)
        CHECK_KILLED(status_of(pids[i]), SIGHUP);
}

/* ---- orphaned groups ---- */

struct lines {
    struct turn ready, go, result;
};

/* In a group of its own: stop, and say which signals came when it was orphaned. */
static int stopped_member(void *arg)
{
    struct lines *l = arg;
    setpgid(0, 0);
    hung_up = continued = 0;
    signal(SIGHUP, note);
    signal(SIGCONT, note);
    give(&l->ready);
    raise(SIGSTOP);
    while (!hung_up || !continued)
        usleep(1000); /* both were sent together */
    CHECK(hung_up == 1 && continued == 1);
    /* In an orphaned group the terminal's stops do nothing by default; SIGSTOP still would. */
    raise(SIGTSTP);
    raise(SIGTTIN);
    raise(SIGTTOU);
    give(&l->result);
    return 0;
}

static int parent_that_leaves(void *arg)
{
    struct lines *l = arg;
    int status;
    pid_t pid = start(stopped_member, l);
    take(&l->ready);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    return 0;
}

static void orphaned(void)
{
    struct lines l = {turn_new(), turn_new(), turn_new()};
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    /* The parent is in a session of its own, so that we, to whom the member falls, do not count. */
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        guest_failures = 0;
        setsid();
        CHECK_EXIT(run(parent_that_leaves, &l), 0);
        fflush(stdout);
        _exit(guest_failures ? CHILD_FAILED : 0);
    }
    /*
     * The member falls to us, a subreaper of another session, when its parent ends, which orphans
     * its group while it is stopped: SIGHUP and SIGCONT.
     */
    CHECK_EXIT(status_of(pid), 0);
    close(l.result.fds[1]);
    CHECK(take(&l.result));
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EXIT(status, 0);
    turn_free(&l.ready);
    turn_free(&l.go);
    close(l.result.fds[0]);
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

static void no_terminal(void)
{
    int fds[2];
    struct termios t;
    pid_t group = 0;
    CHECK(pipe(fds) == 0);
    CHECK_ERROR(tcgetpgrp(fds[0]), ENOTTY);
    CHECK_ERROR(tcsetpgrp(fds[0], getpgrp()), ENOTTY);
    CHECK_ERROR(tcgetattr(fds[0], &t), ENOTTY);
    CHECK(!isatty(fds[0]) && group == 0);
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        CHECK(write(atoi(argv[1]), "x", 1) == 1);
        return sleep_for_ever(NULL);
    }
    groups();
    sessions();
    stops();
    group_stops();
    orphaned();
    no_terminal();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
