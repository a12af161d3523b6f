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
 * Source  futex(2), epoll(7), eventfd(2), poll(2).
 */

#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
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

static int allowed_cpus(cpu_set_t *out)
{
    CPU_ZERO(out);
    return sched_getaffinity(0, sizeof *out, out);
}

uint32_t plat_host_cpu_count(void)
{
    cpu_set_t set;
    if (allowed_cpus(&set) < 0) /* more processors than the set has room for */
        return CPU_SETSIZE;
    return (uint32_t)CPU_COUNT(&set);
}

/* Counted among those allowed, so that it is below plat_cpu_count(). */
uint32_t plat_host_cpu_current(void)
{
    cpu_set_t set;
    int current = sched_getcpu();
    if (current < 0 || allowed_cpus(&set) < 0)
        return 0;
    uint32_t rank = 0;
    for (int cpu = 0; cpu < current && cpu < CPU_SETSIZE; cpu++)
        rank += CPU_ISSET(cpu, &set) != 0;
    return rank;
}
