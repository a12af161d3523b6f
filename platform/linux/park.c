/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking, by futex in the arena; the slot is not needed.
 *
 * A thread that also waits for standard streams has to poll, and no futex can be
 * polled.  It polls the container's doorbell as well, an eventfd that all its
 * processes share: a waker that finds nobody in the futex rings.  Nobody reads
 * the doorbell; each sleeper has an edge-triggered epoll instance on it, which
 * sees every ring once.  All of them wake then, and look again.
 *
 * Source  futex(2), epoll(7), eventfd(2), poll(2), sched_setaffinity(2), membarrier(2).
 */

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

#define SECOND_NS 1000000000

static struct timespec timespec_of(int64_t ns)
{
    if (ns < 0)
        ns = 0;
    return (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

const struct timespec *linux_time_left(int64_t deadline_ns, struct timespec *out)
{
    if (deadline_ns == PLAT_FOREVER)
        return NULL;
    *out = timespec_of(deadline_ns - (int64_t)plat_host_clock_now(PLAT_CLOCK_MONOTONIC));
    return out;
}

static int sleep_on_word(_Atomic uint32_t *word, int64_t deadline_ns)
{
    struct timespec deadline = timespec_of(deadline_ns);
    long result =
        syscall(SYS_futex, word, FUTEX_WAIT_BITSET, PLAT_PARK_SLEEPING,
                deadline_ns == PLAT_FOREVER ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
    return result < 0 && errno == ETIMEDOUT ? -LX_ETIMEDOUT : 0;
}

/* An epoll instance that becomes readable when the doorbell rings from now on. */
static int listen_to_doorbell(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, g_linux.doorbell, &event) < 0) {
        close(fd);
        return -1;
    }
    epoll_wait(fd, &event, 1, 0); /* earlier rings are one edge */
    return fd;
}

static int sleep_on_streams(_Atomic uint32_t *word, uint32_t streams, int64_t deadline_ns)
{
    struct pollfd fds[4];
    nfds_t count = 0;
    for (uint32_t stream = 0; stream < 3; stream++) {
        uint32_t want = streams >> 2 * stream & 3;
        if (want)
            fds[count++] = (struct pollfd){
                .fd = (int)stream,
                .events = (short)((want & 1 ? POLLIN : 0) | (want & 2 ? POLLOUT : 0)),
            };
    }
    int doorbell = listen_to_doorbell();
    if (doorbell < 0)
        return linux_error();
    fds[count++] = (struct pollfd){.fd = doorbell, .events = POLLIN};

    int err = 0;
    if (atomic_load(word) == PLAT_PARK_SLEEPING) {
        struct timespec left;
        if (ppoll(fds, count, linux_time_left(deadline_ns, &left), NULL) == 0)
            err = -LX_ETIMEDOUT;
    }
    close(doorbell);
    return err;
}

int plat_host_thread_sleep(uint32_t slot, _Atomic uint32_t *word, uint32_t streams,
                           int64_t deadline_ns)
{
    (void)slot;
    return streams ? sleep_on_streams(word, streams, deadline_ns)
                   : sleep_on_word(word, deadline_ns);
}

void plat_host_thread_wake(uint32_t slot, _Atomic uint32_t *word)
{
    (void)slot;
    if (syscall(SYS_futex, word, FUTEX_WAKE, 1) > 0 || g_linux.doorbell < 0)
        return;
    static const uint64_t one = 1;
    if (write(g_linux.doorbell, &one, sizeof one) < 0)
        return; /* it can only be full, and then it has rung */
}

void plat_host_thread_yield(uint64_t ns)
{
    if (ns == 0) {
        sched_yield();
        return;
    }
    struct timespec left = timespec_of((int64_t)ns);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &left, NULL);
}

/* A thread may be bound to fewer later, and the process still has these. */
void linux_cpus_find(void)
{
    int err = sched_getaffinity(0, sizeof g_linux.cpus, &g_linux.cpus);
    if (err < 0) /* more processors than the set has room for */
        memset(&g_linux.cpus, 0xff, sizeof g_linux.cpus);
}

uint32_t plat_host_cpu_count(void)
{
    return (uint32_t)CPU_COUNT(&g_linux.cpus);
}

/* Counted among those allowed, so that it is below plat_cpu_count(). */
uint32_t plat_host_cpu_current(void)
{
    const cpu_set_t *set = &g_linux.cpus;
    int current = sched_getcpu();
    uint32_t rank = 0;
    for (int cpu = 0; cpu < current && cpu < CPU_SETSIZE; cpu++)
        rank += CPU_ISSET(cpu, set) != 0;
    return rank;
}

void plat_host_cpu_bind(const uint64_t *set, uint32_t words)
{
    const cpu_set_t *has = &g_linux.cpus;
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    uint32_t rank = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, has))
            continue;
        if (!words || (rank / 64 < words && set[rank / 64] >> rank % 64 & 1))
            CPU_SET(cpu, &wanted);
        rank++;
    }
    struct plat_thread *t = linux_thread_self();
    if (sched_setaffinity(0, sizeof wanted, &wanted) == 0 && t)
        t->is_bound = words != 0;
}

/* For all processes, the one command that does not ask who has registered with the kernel. */
int plat_host_barrier(int everywhere)
{
    static _Atomic uint32_t registered;
    if (everywhere)
        return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0 ? linux_error() : 0;
    if (!registered &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0)
        registered = 1;
    if (!registered)
        return plat_host_barrier(1);
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) < 0
               ? linux_error()
               : 0;
}
