/* SPDX-License-Identifier: MIT */
/* Scheduling, limits and names of threads. */

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "guest.h"

static void affinity(void)
{
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    int count = CPU_COUNT(&set);
    CHECK(count >= 1);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    unsigned char bytes[128];
    long size = syscall(SYS_sched_getaffinity, 0, sizeof bytes, bytes);
    CHECK(size >= 8 && size % 8 == 0 && size <= 128);
    CHECK_ERROR(syscall(SYS_sched_getaffinity, 0, 7ul, bytes), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getaffinity, 0, sizeof bytes, 1), EFAULT);
    CHECK_ERROR(syscall(SYS_sched_getaffinity, 999999, sizeof bytes, bytes), ESRCH);
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    CPU_ZERO(&set);
    CHECK_ERROR(sched_setaffinity(0, sizeof set, &set), EINVAL);
    unsigned cpu = 12345, node = 12345;
    CHECK(getcpu(&cpu, &node) == 0 && cpu < 8192 && node < 1024);
    CHECK(sched_yield() == 0);
}

/* What was set is read back, whoever set it. */
static atomic_int bound;

static void *count_cpus(void *arg)
{
    cpu_set_t set;
    while (!bound)
        sched_yield();
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    *(int *)arg = CPU_COUNT(&set);
    return NULL;
}

static void binding(void)
{
    cpu_set_t all, one, set;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
        CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&one, &set));
        CHECK(sched_getaffinity(getpid(), sizeof set, &set) == 0 && CPU_EQUAL(&one, &set));
        CHECK(sched_getcpu() == cpu);
    }
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&all, &set));
    memset(&set, 0xff, sizeof set); /* cut to what there is */
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&all, &set));
    CHECK_ERROR(sched_setaffinity(999999, sizeof all, &all), ESRCH);
    CHECK_ERROR(syscall(SYS_sched_setaffinity, 0, 8ul, 1), EFAULT);

    pthread_t thread; /* set by another, which is what pthread_attr_setaffinity_np(3) does */
    int count = 0;
    CHECK(pthread_create(&thread, NULL, count_cpus, &count) == 0);
    CHECK(pthread_setaffinity_np(thread, sizeof one, &one) == 0);
    bound = 1;
    CHECK(pthread_join(thread, NULL) == 0 && count == 1);
}

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

static void attributes(void)
{
    struct attr a;
    char big[128] = {0};
    CHECK(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) == 0);
    CHECK(a.size == sizeof a && a.policy == SCHED_OTHER && a.nice == getpriority(PRIO_PROCESS, 0));
    CHECK(a.flags == 0 && a.priority == 0);
    CHECK(syscall(SYS_sched_getattr, 0, big, sizeof big, 0) == 0);
    CHECK(((struct attr *)big)->size == sizeof a);
    CHECK(syscall(SYS_sched_getattr, 0, big, 48, 0) == 0 && ((struct attr *)big)->size == 48);
    CHECK_ERROR(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 0, &a, sizeof a, 1), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 0, NULL, sizeof a, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 0, 8, sizeof a, 0), EFAULT);
    CHECK_ERROR(syscall(SYS_sched_getattr, -1, &a, sizeof a, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 999999, &a, sizeof a, 0), ESRCH);

    a = (struct attr){.size = sizeof a, .policy = SCHED_BATCH, .flags = SCHED_FLAG_RESET_ON_FORK};
    a.nice = getpriority(PRIO_PROCESS, 0) + 1;
    CHECK(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
    struct attr got;
    CHECK(syscall(SYS_sched_getattr, 0, &got, sizeof got, 0) == 0);
    CHECK(got.policy == SCHED_BATCH && got.flags == SCHED_FLAG_RESET_ON_FORK && got.nice == a.nice);
    CHECK(sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK));
    CHECK(sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, (&(struct sched_param){0})) ==
          0);

    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
    CHECK_ERROR(syscall(SYS_sched_setattr, 999999, &a, 0), ESRCH);
    a.policy = 77;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
    a.policy = SCHED_OTHER;
    a.flags = 1ull << 40;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
    a.flags = 0;
    a.priority = 1;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
    a.priority = 0;
    a.size = 40;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
    CHECK(a.size >= sizeof a); /* the size that it knows */
    memset(big, 0, sizeof big);
    memcpy(big, &a, sizeof a);
    ((struct attr *)big)->size = sizeof big;
    big[sizeof big - 1] = 1;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, big, 0), E2BIG);
}

static void policies(void)
{
    struct sched_param p = {.sched_priority = 99};
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    CHECK(sched_getparam(0, &p) == 0 && p.sched_priority == 0);
    CHECK(sched_setscheduler(0, SCHED_OTHER, &p) == 0);
    p.sched_priority = 5;
    CHECK_ERROR(sched_setscheduler(0, SCHED_OTHER, &p), EINVAL);
    CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_FIFO) == 1);
    CHECK(sched_get_priority_max(SCHED_OTHER) == 0);
    CHECK_ERROR(sched_get_priority_max(77), EINVAL);
    errno = 0;
    CHECK(getpriority(PRIO_PROCESS, 0) >= -20 && errno == 0);
}

static void limits(void)
{
    struct rlimit l, again, whole;
    CHECK(getrlimit(RLIMIT_NOFILE, &whole) == 0 && whole.rlim_cur <= whole.rlim_max);
    CHECK(whole.rlim_cur >= 256);
    l = whole;
    l.rlim_cur = 100;
    CHECK(setrlimit(RLIMIT_NOFILE, &l) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &again) == 0 && again.rlim_cur == 100);
    CHECK_ERROR(dup2(1, 100), EBADF);
    int fds[128], count = 0;
    while (count < 128 && (fds[count] = dup(1)) >= 0)
        count++;
    CHECK(errno == EMFILE && count > 50 && count <= 97);
    while (count > 0)
        close(fds[--count]);
    CHECK(setrlimit(RLIMIT_NOFILE, &whole) == 0);
    l.rlim_cur = l.rlim_max + 1;
    if (l.rlim_cur != 0)
        CHECK_ERROR(setrlimit(RLIMIT_NOFILE, &l), EINVAL);
    CHECK(getrlimit(RLIMIT_STACK, &l) == 0 && l.rlim_cur >= 1024 * 1024);
    CHECK_ERROR(syscall(SYS_getrlimit, 99, &l), EINVAL);
    CHECK(prlimit(0, RLIMIT_AS, NULL, &l) == 0);
    CHECK_ERROR(prlimit(999999, RLIMIT_AS, NULL, &l), ESRCH);

    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_utime.tv_usec >= 0 && usage.ru_maxrss >= 0);
    CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
    CHECK_ERROR(getrusage(99, &usage), EINVAL);
}

static void *named(void *arg)
{
    char name[16] = "";
    (void)arg;
    CHECK(prctl(PR_SET_NAME, "a name longer than fifteen") == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a name longer t") == 0);
    return NULL;
}

static void names(void)
{
    char name[16] = "";
    pthread_t thread;
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "sched") == 0); /* the program's */
    CHECK(prctl(PR_SET_NAME, "main") == 0);
    CHECK(pthread_create(&thread, NULL, named, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "main") == 0);
    CHECK_ERROR(prctl(PR_GET_NAME, 1), EFAULT);
    CHECK_ERROR(prctl(99999), EINVAL);
    CHECK(prctl(PR_GET_DUMPABLE) == 1 || prctl(PR_GET_DUMPABLE) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

int main(void)
{
    affinity();
    binding();
    policies();
    attributes();
    limits();
    names();
    return guest_result();
}
