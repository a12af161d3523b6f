/* SPDX-License-Identifier: MIT */
/*
 * Guest hosts: copies of the launcher, which has everything loaded that they need.
 *
 * Source  fork(2), prctl(2) PR_SET_PDEATHSIG, pidfd_open(2), getrusage(2).
 */

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "lx/errno.h"

#define NOT_STARTED 127 /* exit code of a child that could not become a guest host */

struct plat_process {
    pid_t pid;
    int pidfd;
    int ended; /* `code` is known */
    void (*on_end)(void *arg);
    void *on_end_arg;
    int32_t code;
};

/* What the child of a launcher does.  PR_SET_PDEATHSIG misses a launcher that ended before it. */
static NORETURN void be_guest_host(pid_t launcher, void (*guest)(const char *),
                                   const char *argument)
{
    sigset_t mask;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == launcher) {
        prctl(PR_SET_NAME, "tarbox-guest");
        umask(0); /* guests have their own; see plat_at_open() */
        linux_guest_mask(&mask);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        g_linux.is_guest = 1;
        guest(argument);
    }
    _exit(NOT_STARTED);
}

/*
 * Call from a thread that lives as long as the launcher: the guest host is killed when
 * that thread ends.  It is the launcher's copy, so other threads must not hold locks that it
 * needs; there is none but the one that waits for signals, once that has started.
 */
int plat_host_process_spawn(void (*guest)(const char *argument), const char *argument,
                            struct plat_file *const *files, uint32_t count,
                            struct plat_process **out)
{
    *out = NULL;
    if (count > PLAT_INHERIT_MAX || g_linux.arena < 0)
        return -LX_EINVAL;
    struct plat_process *p = calloc(1, sizeof *p);
    if (!p)
        return -LX_ENOMEM;
    for (uint32_t i = 0; i < PLAT_INHERIT_MAX; i++)
        g_linux.files[i] = i < count ? files[i]->fd : -1;
    pid_t launcher = getpid();
    while (g_linux.is_starting)
        sched_yield();
    p->pid = fork();
    if (p->pid == 0)
        be_guest_host(launcher, guest, argument);
    int err = p->pid < 0 ? linux_error() : 0;
    if (!err) {
        p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
        if (p->pidfd < 0) {
            err = linux_error();
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
        }
    }
    if (err) {
        free(p);
        return err;
    }
    *out = p;
    return 0;
}

/* 128 + n for signal n, as a shell says it. */
int plat_host_process_wait(struct plat_process *p, int64_t deadline_ns, int32_t *code)
{
    *code = 0;
    while (!p->ended) {
        struct pollfd ready = {.fd = p->pidfd, .events = POLLIN};
        struct timespec left;
        int n = ppoll(&ready, 1, linux_time_left(deadline_ns, &left), NULL);
        if (n == 0)
            return -LX_ETIMEDOUT;
        int status;
        if (n < 0 || waitpid(p->pid, &status, WNOHANG) != p->pid) {
            if (errno != EINTR)
                return linux_error();
            continue;
        }
        p->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        p->ended = 1;
    }
    *code = p->code;
    return 0;
}

void plat_host_process_kill(struct plat_process *p)
{
    if (!p->ended)
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}

/* Waits for all processes that are watched, for ever. */
static void watch(void *arg)
{
    (void)arg;
    struct epoll_event event;
    g_linux.is_starting = 0;
    for (;;) {
        if (epoll_wait(g_linux.watched, &event, 1, -1) != 1)
            continue;
        struct plat_process *p = event.data.ptr;
        epoll_ctl(g_linux.watched, EPOLL_CTL_DEL, p->pidfd, NULL);
        p->on_end(p->on_end_arg);
    }
}

static int start_watching(void)
{
    struct plat_worker *worker;
    if (g_linux.watched >= 0)
        return 0;
    g_linux.watched = epoll_create1(EPOLL_CLOEXEC);
    if (g_linux.watched < 0)
        return linux_error();
    g_linux.is_starting = 1;
    int err = plat_host_worker_start(watch, NULL, &worker);
    if (err)
        g_linux.is_starting = 0;
    return err;
}

int plat_host_process_watch(struct plat_process *p, void (*ended)(void *arg), void *arg)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    p->on_end = ended;
    p->on_end_arg = arg;
    int err = start_watching();
    if (!err && epoll_ctl(g_linux.watched, EPOLL_CTL_ADD, p->pidfd, &event) < 0)
        err = linux_error();
    return err;
}

void plat_host_process_free(struct plat_process *p)
{
    if (!p)
        return;
    close(p->pidfd);
    free(p);
}

/*
 * Linux keeps a peak of all resident memory only, mapped files and the arena
 * included.  So this is the largest anonymous memory of the moments it was
 * asked at.
 */
uint64_t plat_host_process_peak(void)
{
    uint64_t now = 0;
    FILE *status = fopen("/proc/self/status", "re");
    if (status) {
        char line[256];
        unsigned long long kib;
        while (fgets(line, sizeof line, status)) {
            if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
                now = kib * 1024;
        }
        fclose(status);
    }
    uint64_t peak = atomic_load(&g_linux.peak);
    while (peak < now && !atomic_compare_exchange_weak(&g_linux.peak, &peak, now))
        ;
    return peak > now ? peak : now;
}

static uint64_t nanoseconds(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

uint64_t plat_host_process_tick(void)
{
    return 0;
}

void plat_host_process_times(uint64_t *user_ns, uint64_t *system_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *user_ns = nanoseconds(usage.ru_utime);
    *system_ns = nanoseconds(usage.ru_stime);
}

/* The 15th word of a stat file, counted from the end of the name, which may hold blanks. */
static uint64_t system_ticks(const char *path)
{
    char text[1024], *at = NULL;
    unsigned long long ticks = 0;
    FILE *stat = fopen(path, "re");
    if (stat) {
        text[fread(text, 1, sizeof text - 1, stat)] = 0;
        at = strrchr(text, ')');
        fclose(stat);
    }
    if (!at || sscanf(at, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &ticks) != 1)
        return 0;
    return ticks;
}

/*
 * All time by its clock, to the ns; what the system's part of it is, by stat: proc_pid_stat(5).
 * The clocks of others have ids made of theirs: clock_getcpuclockid(3).
 */
static int times_of(clockid_t clock, const char *stat, uint64_t *user_ns, uint64_t *system_ns)
{
    struct timespec t;
    *user_ns = *system_ns = 0;
    if (clock_gettime(clock, &t) < 0)
        return -LX_ESRCH;
    uint64_t all = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    uint64_t system = system_ticks(stat) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
    *system_ns = system < all ? system : all;
    *user_ns = all - *system_ns;
    return 0;
}

#define CLOCK_OF(id, bits) ((clockid_t)(~(uint32_t)(id) << 3 | (bits)))
#define BY_SCHEDULER 2u
#define OF_THREAD 4u

int plat_host_process_times_of(uint32_t id, uint64_t *user_ns, uint64_t *system_ns)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/stat", id);
    return times_of(CLOCK_OF(id, BY_SCHEDULER), path, user_ns, system_ns);
}

int plat_host_thread_times(uint32_t id, uint64_t *user_ns, uint64_t *system_ns)
{
    if (id == plat_host_thread_id()) {
        struct rusage usage;
        getrusage(RUSAGE_THREAD, &usage);
        *user_ns = nanoseconds(usage.ru_utime);
        *system_ns = nanoseconds(usage.ru_stime);
        return 0;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%u/stat", id);
    return times_of(CLOCK_OF(id, BY_SCHEDULER | OF_THREAD), path, user_ns, system_ns);
}

uint32_t plat_host_thread_id(void)
{
    return (uint32_t)gettid();
}

uint32_t plat_host_process_id(void)
{
    return (uint32_t)getpid();
}
