/* SPDX-License-Identifier: MIT */
/*
 * Waiting for what no futex tells of, and the processors.
 *
 * A thread that also waits for standard streams has to poll, and no futex can be
 * polled.  It polls the container's doorbell as well, an eventfd that all its
 * processes share: a waker that finds nobody in the futex rings.  Nobody reads
 * the doorbell; each sleeper has an edge-triggered epoll instance on it, which
 * sees every ring once.  All of them wake then, and look again.
 *
 * Source  epoll(7), eventfd(2), poll(2), sched_setaffinity(2), membarrier(2).
 */

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

/* An epoll instance that becomes readable when the doorbell rings from now on. */
static int listen_to_doorbell(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, linux_doorbell, &event) < 0) {
        close(fd);
        return -1;
    }
    epoll_wait(fd, &event, 1, 0); /* earlier rings are one edge */
    return fd;
}

int linux_sleep_on_streams(_Atomic uint32_t *word, uint32_t streams, int64_t deadline_ns)
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

void linux_sleep_for(uint64_t ns)
{
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
