/* SPDX-License-Identifier: MIT */
/*
 * Processes that begin, end, stop, go on and execute at the same time.  Nothing that is printed
 * depends on who comes first; what hangs is ended by an alarm, which says where.
 *
 * With a first argument the program is one that was executed: it waits for the children that it
 * has, and exits with 7.
 */

#include <pthread.h>
#include <sched.h>

#include "guest_process.h"

#define THREADS 4

static const char *self, *doing = "nothing";

static void too_long(int number)
{
    (void)number;
    const char *parts[] = {"hangs: ", doing, "\n"};
    for (int i = 0; i < 3; i++)
        if (write(1, parts[i], strlen(parts[i])) < 0)
            break;
    _exit(98);
}

static void begin(const char *what)
{
    doing = what;
    alarm(getenv("TARBOX_LONG") ? 900 : 40);
}

static void reap_all(void)
{
    while (wait(NULL) > 0)
        continue;
}

static void end(void)
{
    CHECK_ERROR(wait(NULL), ECHILD);
    alarm(0);
    printf("%s\n", doing);
}

/* ---- Threads fork, and wait for their own or for anybody's ---- */

static long rounds;

static void *fork_and_wait(void *arg)
{
    long sum = 0;
    for (long i = 0; i < rounds; i++) {
        int code = (int)(i % 50) + 1;
        int status = run(exit_with, (void *)(intptr_t)code);
        sum += WIFEXITED(status) && WEXITSTATUS(status) == code;
    }
    (void)arg;
    return (void *)(intptr_t)sum;
}

static void *fork_only(void *arg)
{
    (void)arg;
    for (long i = 0; i < rounds; i++)
        start(exit_with, (void *)1);
    return NULL;
}

static _Atomic long reaped;

static void *reap(void *arg)
{
    (void)arg;
    int status;
    while (reaped < 2 * rounds) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0)
            reaped += WEXITSTATUS(status);
        else
            sched_yield();
    }
    return NULL;
}

static void threads_that_fork(void)
{
    pthread_t thread[THREADS];
    void *sum;
    rounds = guest_count(8, 500);
    begin("threads fork and wait for their own");
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, fork_and_wait, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], &sum) == 0 && (long)(intptr_t)sum == rounds);
    end();
    begin("two threads fork, two wait for any");
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, i < 2 ? fork_only : reap, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(reaped == 2 * rounds);
    end();
}

/* ---- Stops ---- */

static void *yield_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        sched_yield();
    return NULL;
}

static void *block_for_ever(void *arg)
{
    sleep_for_ever(arg);
    return NULL;
}

static void *nothing(void *arg)
{
    return arg;
}

/* Threads that begin and end all the time. */
static void *start_for_ever(void *arg)
{
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return arg;
}

static int busy(void *arg)
{
    struct turn *turns = arg;
    pthread_t thread;
    pthread_create(&thread, NULL, yield_for_ever, NULL);
    pthread_create(&thread, NULL, block_for_ever, NULL);
    pthread_create(&thread, NULL, start_for_ever, NULL);
    while (take(&turns[0]))
        give(&turns[1]);
    return 9;
}

/* Every stop is told, and every continuation; whatever the threads do. */
static void stops_of_threads(void)
{
    struct turn turns[2] = {turn_new(), turn_new()};
    int status;
    begin("threads stop and go on");
    pid_t pid = start(busy, turns);
    for (long i = 0, n = guest_count(12, 1000); i < n; i++) {
        CHECK(kill(pid, SIGSTOP) == 0);
        CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
        CHECK(kill(pid, SIGCONT) == 0);
        CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    }
    give(&turns[0]);
    CHECK(take(&turns[1])); /* it does go on */
    CHECK(kill(pid, SIGSTOP) == 0 && kill(pid, SIGKILL) == 0);
    CHECK_KILLED(status_of(pid), SIGKILL);
    end();

    /* Two that stop and continue it, without looking; the last word is SIGCONT. */
    begin("stopped and continued by two");
    pid = start(busy, turns);
    pid_t others[2];
    for (int i = 0; i < 2; i++) {
        fflush(stdout);
        others[i] = fork();
        if (others[i] == 0) {
            for (long k = 0, n = guest_count(50, 5000); k < n; k++) {
                kill(pid, k % 3 ? SIGSTOP : SIGTSTP);
                kill(pid, SIGCONT);
            }
            _exit(0);
        }
    }
    CHECK_EXIT(status_of(others[0]), 0);
    CHECK_EXIT(status_of(others[1]), 0);
    kill(pid, SIGCONT);
    give(&turns[0]);
    CHECK(take(&turns[1]));
    kill(pid, SIGTERM);
    CHECK_KILLED(status_of(pid), SIGTERM);
    end();

    /* SIGKILL at any time of a stop. */
    begin("killed while it stops");
    for (long i = 0, n = guest_count(8, 300); i < n; i++) {
        pid = start(busy, turns);
        kill(pid, SIGSTOP);
        if (i % 3 == 1)
            kill(pid, SIGCONT);
        if (i % 3 == 2)
            CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
        kill(pid, SIGKILL);
        CHECK_KILLED(status_of(pid), SIGKILL);
    }
    end();
    turn_free(&turns[0]);
    turn_free(&turns[1]);
}

/* ---- Execution ---- */

static void *fork_for_ever(void *arg)
{
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
    return arg;
}

static void *execute(void *arg)
{
    (void)arg;
    execl(self, self, "x", (char *)NULL);
    return NULL;
}

/* One thread executes, or two at once, while others fork. */
static int executes(void *arg)
{
    pthread_t thread;
    int both = arg != NULL;
    fflush(stdout);
    for (int i = 0; i < 2; i++)
        pthread_create(&thread, NULL, fork_for_ever, NULL);
    pthread_create(&thread, NULL, execute, NULL);
    if (both)
        execute(NULL);
    return sleep_for_ever(NULL);
}

static void executions(void)
{
    int status;
    begin("a thread executes while others fork");
    for (long i = 0, n = guest_count(6, 200); i < n; i++)
        CHECK_EXIT(run(executes, i % 2 ? &rounds : NULL), 7);
    end();
    begin("stopped while it executes");
    for (long i = 0, n = guest_count(4, 100); i < n; i++) {
        pid_t pid = start(executes, NULL);
        kill(pid, SIGSTOP);
        pid_t got = waitpid(pid, &status, WUNTRACED);
        CHECK(got == pid);
        if (WIFSTOPPED(status)) { /* else it had ended */
            kill(pid, SIGCONT);
            status = status_of(pid);
        }
        CHECK_EXIT(status, 7);
    }
    end();
}

/* ---- A group that multiplies is killed by one signal ---- */

static int multiply(void *arg)
{
    struct turn *alive = arg;
    setpgid(0, 0);
    give(alive);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() == 0)
                sleep_for_ever(NULL);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    return sleep_for_ever(NULL);
}

static void groups(void)
{
    static const int numbers[] = {SIGKILL, SIGTERM};
    begin("one signal ends a group that forks");
    for (long i = 0, n = guest_count(6, 200); i < n; i++) {
        struct turn alive = turn_new();
        pid_t pid = start(multiply, &alive);
        CHECK(take(&alive));
        close(alive.fds[1]);
        for (long k = 0; k < i % 6; k++)
            usleep(1000);
        CHECK(killpg(pid, numbers[i % 2]) == 0);
        CHECK_KILLED(status_of(pid), numbers[i % 2]);
        while (take(&alive)) /* the end comes when none is left */
            continue;
        close(alive.fds[0]);
    }
    reap_all(); /* as a container's first process we get them */
    end();
}

/* ---- A thread begins while its process ends, or executes ---- */

static void *sleep_as_thread(void *arg)
{
    sleep_for_ever(NULL);
    return arg;
}

static void *begin_threads(void *arg)
{
    pthread_t thread;
    while (pthread_create(&thread, NULL, sleep_as_thread, NULL) == 0)
        sched_yield();
    return arg;
}

static int ends_with_threads(void *arg)
{
    long i = (long)(intptr_t)arg;
    pthread_t thread;
    if (pthread_create(&thread, NULL, begin_threads, NULL) != 0)
        return 99;
    for (volatile long spin = i * 97 % 20000; spin; spin--)
        ;
    if (i % 2)
        _exit(5);
    return executes(NULL);
}

static void threads_begin_late(void)
{
    begin("threads begin while their process ends");
    for (long i = 0, n = guest_count(50, 10000); i < n; i++)
        CHECK_EXIT(run(ends_with_threads, (void *)(intptr_t)i), i % 2 ? 5 : 7);
    end();
}

/* ---- vfork(2) ---- */

static int vforks(void *arg)
{
    (void)arg;
    for (;;) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
}

static void parents_in_vfork(void)
{
    int status;
    begin("stopped and killed in vfork");
    for (long i = 0, n = guest_count(5, 200); i < n; i++) {
        pid_t pid = start(vforks, NULL);
        for (int k = 0; k < 4; k++) {
            kill(pid, SIGSTOP);
            CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
            kill(pid, SIGCONT);
        }
        kill(pid, SIGKILL);
        CHECK_KILLED(status_of(pid), SIGKILL);
    }
    reap_all();
    end();
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        reap_all();
        return 7;
    }
    signal(SIGALRM, too_long);
    threads_that_fork();
    stops_of_threads();
    executions();
    groups();
    threads_begin_late();
    parents_in_vfork();
    return guest_result();
}
