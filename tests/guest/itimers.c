/* SPDX-License-Identifier: MIT */
/* Interval timers that count processor time, and sleeps by it. */

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "guest_clock.h"

static int set(int which, int64_t value_ms, int64_t interval_ms, struct itimerval *old)
{
    struct itimerval it = {.it_value = {value_ms / 1000, value_ms % 1000 * 1000},
                           .it_interval = {interval_ms / 1000, interval_ms % 1000 * 1000}};
    return setitimer(which, &it, old);
}

static int64_t left_us(int which)
{
    struct itimerval it;
    CHECK(getitimer(which, &it) == 0);
    return it.it_value.tv_sec * 1000000 + it.it_value.tv_usec;
}

static volatile sig_atomic_t counts[3];

static void on_signal(int sig)
{
    int which = sig == SIGALRM ? ITIMER_REAL : sig == SIGVTALRM ? ITIMER_VIRTUAL : ITIMER_PROF;
    counts[which] = counts[which] + 1;
}

static void of_cpu_time(int which)
{
    struct itimerval old;
    counts[which] = 0;
    CHECK(left_us(which) == 0);
    int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(set(which, 100, 0, NULL) == 0);
    nap(150 * MS); /* asleep: it does not come forward */
    CHECK(counts[which] == 0 && left_us(which) > 0 && left_us(which) <= 110 * 1000);
    while (!counts[which] && now(CLOCK_PROCESS_CPUTIME_ID) - start < 20 * SECOND)
        ;
    /* Linux counts by ticks as well. */
    CHECK(counts[which] == 1 && now(CLOCK_PROCESS_CPUTIME_ID) - start >= 80 * MS);
    CHECK(left_us(which) == 0);

    counts[which] = 0;
    start = now(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(set(which, 20, 20, NULL) == 0);
    while (counts[which] < 5 && now(CLOCK_PROCESS_CPUTIME_ID) - start < 20 * SECOND)
        ;
    CHECK(counts[which] >= 5 && now(CLOCK_PROCESS_CPUTIME_ID) - start >= 80 * MS);
    CHECK(set(which, 0, 0, &old) == 0 && old.it_interval.tv_usec == 20 * 1000);
    CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_usec > 0);
    int was = counts[which];
    start = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - start < 50 * MS)
        ;
    CHECK(counts[which] == was && left_us(which) == 0);
}

/* All three at once. */
static void together(void)
{
    for (int which = 0; which < 3; which++) {
        counts[which] = 0;
        CHECK(set(which, 30, 30, NULL) == 0);
    }
    int64_t start = now(CLOCK_PROCESS_CPUTIME_ID);
    while ((counts[0] < 2 || counts[1] < 2 || counts[2] < 2) &&
           now(CLOCK_PROCESS_CPUTIME_ID) - start < 20 * SECOND)
        ;
    for (int which = 0; which < 3; which++) {
        CHECK(counts[which] >= 2);
        CHECK(set(which, 0, 0, NULL) == 0);
    }
}

static void errors(void)
{
    struct itimerval it = {{0, 0}, {0, 0}};
    CHECK_ERROR(syscall(SYS_getitimer, 3, &it), EINVAL);
    CHECK_ERROR(syscall(SYS_getitimer, -1, &it), EINVAL);
    CHECK_ERROR(syscall(SYS_getitimer, 0, 1), EFAULT);
    CHECK_ERROR(syscall(SYS_setitimer, 3, &it, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_setitimer, 9, 1, NULL), EFAULT);
    for (int which = 0; which < 3; which++) {
        it.it_value.tv_usec = 1000000;
        CHECK_ERROR(setitimer(which, &it, NULL), EINVAL);
        it.it_value = (struct timeval){-1, 0};
        CHECK_ERROR(setitimer(which, &it, NULL), EINVAL);
        it.it_value = (struct timeval){which ? 2000000000 : INT64_MAX, 0};
        CHECK(setitimer(which, &it, NULL) == 0);
        CHECK(left_us(which) > 1000000ll * 1000000);
        it.it_value = (struct timeval){0, 0};
        CHECK_ERROR(syscall(SYS_setitimer, which, &it, 1), EFAULT);
        CHECK(left_us(which) == 0);
    }
}

static void sleeps_on(void)
{
    struct timespec ts = {0, MS};
    CHECK_ERROR(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, 1, NULL), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_COARSE, 0, &ts, NULL), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_clock_nanosleep, 77, 0, 1, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_clock_nanosleep, -1, 0, &ts, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_clock_nanosleep, -2, 0, &ts, NULL), EINVAL); /* this thread's */
    CHECK_ERROR(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, 1, NULL), EFAULT);
    ts.tv_nsec = SECOND;
    CHECK_ERROR(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &ts, NULL), EINVAL);
    static const clockid_t clocks[] = {CLOCK_TAI, CLOCK_BOOTTIME};
    for (int i = 0; i < 2; i++) {
        int64_t until = now(clocks[i]) + 5 * MS;
        ts = (struct timespec){until / SECOND, until % SECOND};
        CHECK(clock_nanosleep(clocks[i], TIMER_ABSTIME, &ts, NULL) == 0);
        CHECK(now(clocks[i]) >= until);
        ts = (struct timespec){0, 5 * MS};
        CHECK(clock_nanosleep(clocks[i], 0, &ts, NULL) == 0 && now(clocks[i]) >= until + 5 * MS);
    }
    /* Nobody runs: a signal ends it, and says what is left. */
    struct timespec left = {0, 0};
    counts[0] = 0;
    CHECK(set(ITIMER_REAL, 30, 0, NULL) == 0);
    ts = (struct timespec){5, 0};
    CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ts, &left) == EINTR);
    CHECK(counts[0] == 1 && (left.tv_sec == 4 || (left.tv_sec == 5 && left.tv_nsec == 0)));
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(sigaction(SIGVTALRM, &action, NULL) == 0 && sigaction(SIGPROF, &action, NULL) == 0);
    errors();
    of_cpu_time(ITIMER_VIRTUAL);
    of_cpu_time(ITIMER_PROF);
    together();
    sleeps_on();
    return guest_result();
}
