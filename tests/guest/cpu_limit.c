/* SPDX-License-Identifier: MIT */
/*
 * setrlimit(2), RLIMIT_CPU: a signal at the soft limit, which moves on by a second, and the end at
 * the hard one; of the process itself, and of what it starts.
 */

#include <sys/resource.h>
#include <time.h>

#include "guest_process.h"

static volatile sig_atomic_t told;

static void on_limit(int number)
{
    (void)number;
    told++;
}

static void limit_to(rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {soft, hard};
    CHECK(setrlimit(RLIMIT_CPU, &limit) == 0);
}

static double used(void)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void spin_until_told(void)
{
    while (!told && used() < 20)
        continue;
}

static int default_action(void *arg)
{
    (void)arg;
    spin_until_told();
    return 1;
}

static int moves_on(void *arg)
{
    struct rlimit limit;
    (void)arg;
    signal(SIGXCPU, on_limit);
    limit_to(1, 9);
    spin_until_told();
    CHECK(told == 1);
    /* Linux counts ticks: on a busy machine not all of them are its own. */
    CHECK(used() > 0.5 && used() < 4);
    CHECK(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_cur == 2 && limit.rlim_max == 9);
    return 0;
}

static int killed(void *arg)
{
    (void)arg;
    signal(SIGXCPU, SIG_IGN);
    limit_to(1, 1);
    spin_until_told();
    return 1;
}

int main(void)
{
    CHECK_EXIT(run(moves_on, NULL), 0);
    CHECK_KILLED(run(killed, NULL), SIGKILL);
    limit_to(1, RLIM_INFINITY);
    CHECK_KILLED(run(default_action, NULL), SIGXCPU); /* it has the limit, and time of its own */
    puts("ended at the limit");
    return guest_result();
}
