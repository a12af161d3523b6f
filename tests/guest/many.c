/* SPDX-License-Identifier: MIT */
/* Many processes: 500 at once (100 in the everyday tests), a tree of them, and the limit on them, RLIMIT_NPROC. */

#include <sys/resource.h>

#include "guest_process.h"

static int until_end(void *arg)
{
    struct turn *turns = arg;
    close(turns[1].fds[1]);
    give(&turns[0]);
    take(&turns[1]);
    return getppid() & 0x7f;
}

static void at_once(int count)
{
    struct turn turns[2] = {turn_new(), turn_new()};
    pid_t *pids = calloc((size_t)count, sizeof *pids);
    for (int i = 0; i < count; i++)
        pids[i] = start(until_end, turns);
    for (int i = 0; i < count; i++)
        CHECK(take(&turns[0])); /* all live */
    int distinct = 1;
    for (int i = 1; i < count; i++)
        distinct &= pids[i] != pids[i - 1];
    CHECK(distinct);
    close(turns[1].fds[1]);
    for (int i = 0; i < count; i++)
        CHECK_EXIT(status_of(pids[i]), getpid() & 0x7f);
    free(pids);
    turn_free(&turns[0]);
    close(turns[1].fds[0]);
}

/* Each has two children until the depth is 0; the code is how many there were. */
static int tree(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    int count = 1;
    if (depth == 0)
        return count;
    pid_t left = start(tree, (void *)(depth - 1)), right = start(tree, (void *)(depth - 1));
    int status = status_of(left);
    CHECK(WIFEXITED(status));
    count += WEXITSTATUS(status);
    status = status_of(right);
    CHECK(WIFEXITED(status));
    return count + WEXITSTATUS(status);
}

/* The error of a fork, or 0 if it works. */
static int refused(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return errno;
    CHECK_EXIT(status_of(pid), 0);
    return 0;
}

/* As a user without privileges that has no other processes. */
static int limited(void *arg)
{
    (void)arg;
    struct turn turns[2] = {turn_new(), turn_new()};
    struct rlimit limit = {5, 5};
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
    CHECK(setresgid(54322, 54322, 54322) == 0 && setresuid(54322, 54322, 54322) == 0);
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = start(until_end, turns);
    CHECK(refused() == EAGAIN);
    /* A zombie counts until it was waited for. */
    kill(pids[0], SIGKILL);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)pids[0], &info, WEXITED | WNOWAIT) == 0);
    CHECK(refused() == EAGAIN);
    CHECK_KILLED(status_of(pids[0]), SIGKILL);
    pids[0] = start(until_end, turns);
    CHECK(pids[0] > 0);
    close(turns[1].fds[1]);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(pids[i]), getpid() & 0x7f);
    return 0;
}

/* Starts and waits for many, one after the other: numbers and memory come back. */
static void one_after_another(long count)
{
    for (long i = 0; i < count; i++)
        CHECK_EXIT(run(exit_with, (void *)(i & 0x7f)), (int)(i & 0x7f));
}

int main(void)
{
    int count = getenv("TARBOX_LONG") ? 500 : 100;
    at_once(count);
    CHECK_EXIT(run(tree, (void *)6), 127);
    if (geteuid() == 0)
        CHECK_EXIT(run(limited, NULL), 0);
    one_after_another(guest_count(200, 20000));
    at_once(count);
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
