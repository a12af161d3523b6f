/* SPDX-License-Identifier: MIT */
/* Timers of a process: timer_create(2) and its kin, by system call. */

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "guest_clock.h"

#define NOTIFY_TID 4 /* SIGEV_THREAD_ID */

static long create(clockid_t clock, struct sigevent *event, int *id)
{
    return syscall(SYS_timer_create, clock, event, id);
}

static int new_timer(clockid_t clock, int notify, int sig, int value)
{
    int id = -1;
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = sig};
    event.sigev_value.sival_int = value;
    CHECK(create(clock, &event, &id) == 0);
    return id;
}

static long set(int id, int64_t value, int64_t interval)
{
    struct itimerspec it = setting(value, interval);
    return syscall(SYS_timer_settime, id, 0, &it, NULL);
}

static int64_t left(int id)
{
    struct itimerspec it;
    CHECK(syscall(SYS_timer_gettime, id, &it) == 0);
    return it.it_value.tv_sec * SECOND + it.it_value.tv_nsec;
}

static void delete (int id)
{
    CHECK(syscall(SYS_timer_delete, id) == 0);
}

static void block(int how, int sig)
{
    sigset_t set_of_one;
    sigemptyset(&set_of_one);
    sigaddset(&set_of_one, sig);
    CHECK(pthread_sigmask(how, &set_of_one, NULL) == 0);
}

/* Wait for a blocked signal; its number, or 0 after some time. */
static int take(int sig, siginfo_t *info, int64_t ns)
{
    sigset_t set_of_one;
    sigemptyset(&set_of_one);
    sigaddset(&set_of_one, sig);
    struct timespec t = {ns / SECOND, ns % SECOND};
    int got = sigtimedwait(&set_of_one, info, &t);
    return got < 0 ? 0 : got;
}

static void errors(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec it = setting(SECOND, 0);
    int id, first, second;
    CHECK_ERROR(create(77, NULL, &id), EINVAL);
    CHECK_ERROR(create(-1, NULL, &id), EINVAL);
    CHECK_ERROR(create(CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
    CHECK_ERROR(create(CLOCK_REALTIME_COARSE, NULL, &id), EOPNOTSUPP);
    CHECK_ERROR(create(77, (void *)1, &id), EFAULT);
    CHECK_ERROR(create(CLOCK_MONOTONIC, NULL, (void *)1), EFAULT);
    event.sigev_signo = 0;
    CHECK_ERROR(create(CLOCK_MONOTONIC, &event, (void *)1), EINVAL);
    event.sigev_signo = 65;
    CHECK_ERROR(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event.sigev_signo = SIGUSR1;
    event.sigev_notify = 3;
    CHECK_ERROR(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event.sigev_notify = NOTIFY_TID;
    event._sigev_un._tid = 1 << 21;
    CHECK_ERROR(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
    event.sigev_notify = SIGEV_NONE;
    event.sigev_signo = 999;
    CHECK(create(CLOCK_MONOTONIC, &event, &first) == 0);
    CHECK(create(CLOCK_MONOTONIC, NULL, &second) == 0 && second == first + 1);
    delete (second);
    CHECK(create(CLOCK_TAI, NULL, &id) == 0 && id == second + 1);
    delete (id);
    delete (first);

    CHECK_ERROR(syscall(SYS_timer_settime, first, 0, &it, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_settime, first, 0, NULL, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_settime, first, 0, 1, NULL), EFAULT);
    CHECK_ERROR(syscall(SYS_timer_gettime, first, &it), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_getoverrun, first), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_delete, first), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_delete, -1), EINVAL);
    id = new_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    it.it_value.tv_nsec = SECOND;
    CHECK_ERROR(syscall(SYS_timer_settime, id, 0, &it, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_timer_gettime, id, 1), EFAULT);
    CHECK(syscall(SYS_timer_getoverrun, id) == 0);
    delete (id);
}

static volatile sig_atomic_t count, last_value, last_code, last_overrun, last_timer;
static volatile pid_t last_tid;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    last_value = info->si_value.sival_int;
    last_code = info->si_code;
    last_overrun = info->si_overrun;
    last_timer = info->si_timerid;
    last_tid = (pid_t)syscall(SYS_gettid);
    count = count + 1;
}

static void wait_for(int n)
{
    for (int64_t start = now(CLOCK_MONOTONIC);
         count < n && now(CLOCK_MONOTONIC) - start < 20 * SECOND;)
        nap(MS);
}

static void signals(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(sigaction(SIGRTMIN + 1, &action, NULL) == 0);
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    for (int i = 0; i < 4; i++) {
        count = 0;
        int id = new_timer(clocks[i], SIGEV_SIGNAL, SIGUSR1, 1000 + i);
        int64_t start = now(CLOCK_MONOTONIC);
        CHECK(left(id) == 0);
        CHECK(set(id, 10 * MS, 0) == 0);
        CHECK(left(id) > 0 && left(id) <= 10 * MS);
        wait_for(1);
        CHECK(now(CLOCK_MONOTONIC) - start >= 10 * MS - 1000);
        CHECK(count == 1 && last_value == 1000 + i && last_code == SI_TIMER);
        CHECK(last_overrun == 0 && last_timer == id && left(id) == 0);

        /* At a time; and one that is past comes at once. */
        int64_t at = now(clocks[i]) + 10 * MS;
        struct itimerspec it = setting(at, 0), old;
        CHECK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &it, &old) == 0);
        CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
        wait_for(2);
        CHECK(count == 2 && now(clocks[i]) >= at - 20000);
        CHECK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &it, NULL) == 0);
        wait_for(3);
        CHECK(count == 3);
        delete (id);
    }

    /* Without an event: SIGALRM, and the id as its value. */
    int id;
    count = 0;
    CHECK(create(CLOCK_MONOTONIC, NULL, &id) == 0 && set(id, 1, 0) == 0);
    wait_for(1);
    CHECK(count == 1 && last_value == id && last_timer == id);
    delete (id);

    /* Again and again. */
    count = 0;
    id = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 1, 7);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(set(id, 5 * MS, 5 * MS) == 0);
    wait_for(5);
    CHECK(count >= 5 && now(CLOCK_MONOTONIC) - start >= 25 * MS - 1000);
    struct itimerspec it = setting(0, 9), old;
    CHECK(syscall(SYS_timer_settime, id, 0, &it, &old) == 0 && old.it_interval.tv_nsec == 5 * MS);
    CHECK(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 5 * MS);
    CHECK(syscall(SYS_timer_gettime, id, &it) == 0);
    CHECK(it.it_interval.tv_nsec == 0 && it.it_value.tv_nsec == 0);
    int was = count;
    nap(15 * MS);
    CHECK(count == was);
    delete (id);
}

static void overruns(void)
{
    siginfo_t info;
    block(SIG_BLOCK, SIGUSR1);
    block(SIG_BLOCK, SIGRTMIN + 1);
    for (int i = 0; i < 2; i++) {
        int sig = i ? SIGRTMIN + 1 : SIGUSR1;
        int id = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 5);
        int64_t start = now(CLOCK_MONOTONIC);
        CHECK(set(id, 2 * MS, 2 * MS) == 0);
        nap(31 * MS);
        CHECK(left(id) > 0 && left(id) <= 2 * MS);
        CHECK(syscall(SYS_timer_getoverrun, id) == 0); /* of none that was taken */
        CHECK(take(sig, &info, 0) == sig);
        int64_t most = (now(CLOCK_MONOTONIC) - start) / (2 * MS) - 1;
        CHECK(info.si_code == SI_TIMER && info.si_overrun >= 13 && info.si_overrun <= most);
        CHECK(syscall(SYS_timer_getoverrun, id) == info.si_overrun);
        CHECK(take(sig, &info, 10 * SECOND) == sig); /* it goes on */
        CHECK(set(id, 0, 0) == 0);
        CHECK(syscall(SYS_timer_getoverrun, id) == 0);
        delete (id);
        take(sig, &info, 0);
    }

    /* Each timer has its own signal, a standard one too. */
    int ids[3], sum = 0;
    for (int i = 0; i < 3; i++) {
        ids[i] = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 1 << i);
        CHECK(set(ids[i], MS, 0) == 0);
    }
    nap(20 * MS);
    for (int i = 0; i < 3; i++) {
        CHECK(take(SIGUSR1, &info, 0) == SIGUSR1);
        sum += info.si_value.sival_int;
    }
    CHECK(sum == 7 && take(SIGUSR1, &info, 0) == 0);
    for (int i = 0; i < 3; i++)
        delete (ids[i]);

    /* What is ignored is not queued, and the timer goes on. */
    int id = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2, 3);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    CHECK(set(id, 2 * MS, 2 * MS) == 0);
    nap(20 * MS);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    count = 0;
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    wait_for(2);
    CHECK(count >= 2);
    /* Forgotten while it waits; it comes again. */
    block(SIG_BLOCK, SIGUSR2);
    nap(10 * MS);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    count = 0;
    block(SIG_UNBLOCK, SIGUSR2);
    wait_for(2);
    CHECK(count >= 2);
    delete (id);
    CHECK(signal(SIGUSR2, SIG_DFL) != SIG_ERR);
    block(SIG_UNBLOCK, SIGRTMIN + 1);
}

static void silent(void)
{
    int id = new_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    CHECK(set(id, 5 * MS, 0) == 0 && left(id) > 0);
    nap(7 * MS);
    CHECK(left(id) == 0);
    CHECK(set(id, 5 * MS, SECOND) == 0);
    nap(7 * MS);
    CHECK(left(id) > 0 && left(id) <= SECOND);
    delete (id);
}

static volatile pid_t other_tid;
static volatile int stop;

static void *other(void *arg)
{
    (void)arg;
    block(SIG_UNBLOCK, SIGUSR1);
    other_tid = (pid_t)syscall(SYS_gettid);
    while (!stop)
        nap(MS);
    return NULL;
}

static void to_a_thread(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, other, NULL) == 0);
    while (!other_tid)
        nap(MS);
    int id = -1;
    struct sigevent event = {.sigev_notify = NOTIFY_TID, .sigev_signo = SIGUSR1};
    event._sigev_un._tid = other_tid;
    event.sigev_value.sival_int = 55;
    CHECK(create(CLOCK_MONOTONIC, &event, &id) == 0);
    block(SIG_UNBLOCK, SIGUSR1);
    for (int i = 0; i < 5; i++) {
        count = 0;
        CHECK(set(id, MS, 0) == 0);
        wait_for(1);
        CHECK(count == 1 && last_tid == other_tid && last_value == 55);
    }
    count = 0;
    CHECK(set(id, 2 * MS, 2 * MS) == 0);
    wait_for(3);
    CHECK(count >= 3 && last_tid == other_tid);
    stop = 1;
    pthread_join(t, NULL);
    nap(10 * MS); /* nobody to tell: nothing happens */
    int was = count;
    nap(10 * MS);
    CHECK(count == was);
    delete (id);
}

static void burn(int64_t ns)
{
    int64_t end = now(CLOCK_PROCESS_CPUTIME_ID) + ns;
    while (now(CLOCK_PROCESS_CPUTIME_ID) < end)
        ;
}

static void *run_until_stopped(void *arg)
{
    other_tid = (pid_t)syscall(SYS_gettid);
    (void)arg;
    while (!stop)
        ;
    return NULL;
}

/* Clocks of processor time: nothing while it sleeps, and not before it was used. */
static void of_cpu_time(void)
{
    static const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int i = 0; i < 2; i++) {
        int id = new_timer(clocks[i], SIGEV_SIGNAL, SIGUSR1, 70 + i);
        count = 0;
        int64_t start = now(clocks[i]);
        CHECK(set(id, 60 * MS, 0) == 0);
        nap(100 * MS);
        CHECK(count == 0 && left(id) > 0 && left(id) <= 60 * MS);
        while (!count && now(clocks[i]) - start < 20 * SECOND)
            ;
        CHECK(count == 1 && last_value == 70 + i && now(clocks[i]) - start >= 59 * MS);
        count = 0;
        CHECK(set(id, 20 * MS, 20 * MS) == 0);
        start = now(clocks[i]);
        while (count < 4 && now(clocks[i]) - start < 20 * SECOND)
            ;
        CHECK(count >= 4);
        CHECK(set(id, 0, 0) == 0);
        struct itimerspec it = setting(now(clocks[i]) + 20 * MS, 0);
        count = 0;
        CHECK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &it, NULL) == 0);
        while (!count && now(clocks[i]) - start < 40 * SECOND)
            ;
        CHECK(count == 1);
        delete (id);
    }

    /* Another thread's clock. */
    pthread_t t;
    clockid_t clock;
    stop = 0;
    other_tid = 0;
    block(SIG_BLOCK, SIGUSR1);
    CHECK(pthread_create(&t, NULL, run_until_stopped, NULL) == 0);
    while (!other_tid)
        nap(MS);
    CHECK(pthread_getcpuclockid(t, &clock) == 0);
    int64_t used = now(clock);
    burn(30 * MS);
    siginfo_t info;
    int id = new_timer(clock, SIGEV_SIGNAL, SIGUSR1, 9);
    CHECK(set(id, 30 * MS, 0) == 0);
    CHECK(take(SIGUSR1, &info, 40 * SECOND) == SIGUSR1 && info.si_value.sival_int == 9);
    CHECK(now(clock) - used >= 29 * MS);
    int64_t until = now(clock) + 30 * MS;
    CHECK(syscall(SYS_clock_nanosleep, clock, 0, &(struct timespec){0, 30 * MS}, NULL) == 0);
    CHECK(now(clock) >= until);
    until = now(CLOCK_PROCESS_CPUTIME_ID) + 30 * MS;
    struct timespec at = {until / SECOND, until % SECOND};
    CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &at, NULL) == 0);
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) >= until);
    stop = 1;
    pthread_join(t, NULL);
    struct timespec gone;
    SOON(clock_gettime(clock, &gone) == -1 && errno == EINVAL);
    delete (id);
    block(SIG_UNBLOCK, SIGUSR1);
}

#define MANY 200

static void many(void)
{
    static int ids[MANY], seen[MANY];
    siginfo_t info;
    int sig = SIGRTMIN + 2;
    block(SIG_BLOCK, sig);
    for (int i = 0; i < MANY; i++)
        ids[i] = new_timer(i % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, i);
    for (int i = 0; i < MANY; i++)
        CHECK(set(ids[i], 10 * MS + (MANY - i) * MS / 20, 0) == 0);
    for (int i = 0; i < MANY; i++) {
        CHECK(take(sig, &info, 20 * SECOND) == sig);
        seen[info.si_value.sival_int]++;
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(seen[i] == 1);
        delete (ids[i]);
    }
    CHECK(take(sig, &info, 0) == 0);
}

static void *set_always(void *arg)
{
    int id = (int)(intptr_t)arg;
    for (int i = 0; !stop; i++)
        CHECK(set(id, i % 3 ? 1 : 50000, i % 2 ? 0 : 20000) == 0);
    return NULL;
}

static void races(void)
{
    siginfo_t info;
    pthread_t t;
    int sig = SIGRTMIN + 2, id = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 1);
    stop = 0;
    CHECK(pthread_create(&t, NULL, set_always, (void *)(intptr_t)id) == 0);
    for (long i = guest_count(300, 30000); i > 0; i--) {
        int extra = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 2);
        CHECK(set(extra, 1, 1000) == 0);
        take(sig, &info, MS);
        delete (extra);
    }
    stop = 1;
    pthread_join(t, NULL);
    delete (id);
    while (take(sig, &info, 0))
        ;
    id = new_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, sig, 3);
    CHECK(set(id, 1, 0) == 0);
    CHECK(take(sig, &info, 20 * SECOND) == sig && info.si_value.sival_int == 3);
    delete (id);
}

int main(void)
{
    errors();
    signals();
    overruns();
    silent();
    to_a_thread();
    of_cpu_time();
    many();
    races();
    return guest_result();
}
