/* SPDX-License-Identifier: MIT */
/* Clocks of processor time, what was used of it: getrusage(2), times(2); adjtimex(2). */

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/timex.h>

#include "guest_clock.h"

static volatile pid_t other_tid;
static volatile int stop;

static void *burn(void *arg)
{
    (void)arg;
    other_tid = (pid_t)syscall(SYS_gettid);
    while (!stop)
        ;
    return NULL;
}

static int64_t us(struct timeval t)
{
    return t.tv_sec * INT64_C(1000000) + t.tv_usec;
}

/* Processor time by all who tell it. */
static void used(void)
{
    struct rusage self, thread, children;
    struct tms tms;
    struct timespec ts;
    int64_t mine = now(CLOCK_THREAD_CPUTIME_ID);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, burn, NULL) == 0);
    while (!other_tid)
        nap(MS);
    clockid_t process, others, my_own;
    CHECK(clock_getcpuclockid(0, &process) == 0);
    CHECK(pthread_getcpuclockid(t, &others) == 0);
    CHECK(pthread_getcpuclockid(pthread_self(), &my_own) == 0);
    int64_t others_start = now(others), process_start = now(process);
    while (now(others) - others_start < 100 * MS)
        nap(5 * MS);
    CHECK(now(process) - process_start >= 90 * MS);
    CHECK(now(CLOCK_THREAD_CPUTIME_ID) - mine < now(others));
    CHECK(llabs(now(my_own) - now(CLOCK_THREAD_CPUTIME_ID)) < 50 * MS);
    CHECK(clock_getcpuclockid(getpid(), &process) == 0 && now(process) - process_start >= 90 * MS);
    CHECK(llabs(now(process) - now(CLOCK_PROCESS_CPUTIME_ID)) < SECOND);

    /* Clock ids by their bits: user time, user and system, the scheduler's. */
    for (int which = 0; which < 3; which++) {
        clockid_t clock = (clockid_t)(~(unsigned)getpid() << 3) | which;
        CHECK(now(clock) > 0 && now(clock) <= now(CLOCK_PROCESS_CPUTIME_ID) + SECOND);
        CHECK(clock_getres(clock, &ts) == 0 && ts.tv_nsec >= 1 && ts.tv_nsec <= 10 * MS);
        CHECK(now(clock | 4) >= 0); /* of the first thread */
    }
    CHECK_ERROR(clock_gettime((clockid_t)(~(unsigned)getpid() << 3) | 7, &ts), EINVAL);
    CHECK_ERROR(clock_gettime((clockid_t)(~1999999u << 3) | 2, &ts), EINVAL);
    CHECK_ERROR(clock_getres((clockid_t)(~1999999u << 3) | 6, &ts), EINVAL);

    CHECK(getrusage(RUSAGE_SELF, &self) == 0 && getrusage(RUSAGE_THREAD, &thread) == 0);
    CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0);
    CHECK(us(self.ru_utime) + us(self.ru_stime) >= 80000 && self.ru_maxrss > 0);
    CHECK(us(thread.ru_utime) <= us(self.ru_utime) + 20000);
    CHECK(us(children.ru_utime) == 0 && us(children.ru_stime) == 0 && children.ru_maxrss == 0);
    CHECK_ERROR(syscall(SYS_getrusage, 2, &self), EINVAL);
    CHECK_ERROR(syscall(SYS_getrusage, RUSAGE_SELF, 1), EFAULT);
    CHECK(times(&tms) != -1 && tms.tms_utime + tms.tms_stime >= 8);
    CHECK(tms.tms_cutime == 0 && tms.tms_cstime == 0);
    stop = 1;
    pthread_join(t, NULL);
}

static void adjustments(void)
{
    struct timex tx;
    memset(&tx, 0, sizeof tx);
    int state = (int)syscall(SYS_adjtimex, &tx);
    CHECK(state >= 0 && state <= 5 && tx.tick >= 9000 && tx.tick <= 11000);
    CHECK(llabs(tx.time.tv_sec - time(NULL)) <= 1);
    memset(&tx, 0, sizeof tx);
    CHECK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx) == state);
    CHECK_ERROR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_clock_adjtime, 77, &tx), EINVAL);
    CHECK_ERROR(syscall(SYS_adjtimex, 1), EFAULT);
}

int main(void)
{
    used();
    adjustments();
    return guest_result();
}
