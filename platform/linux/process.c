/* SPDX-License-Identifier: MIT */
/*
 * Guest hosts: this executable again.
 *
 * Source  clone(2), execve(2), prctl(2) PR_SET_PDEATHSIG, pidfd_open(2), getrusage(2).
 */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "inherit.h"
#include "internal.h"
#include "lx/errno.h"

#define NOT_STARTED 127 /* exit code of a child that could not become a guest host */
#define BIRTH_STACK (32u << 10)
#if defined(TARBOX_SANITIZED)
#define BIRTH_FLAGS (CLONE_VFORK | SIGCHLD) /* the runtime's clone() supposes a copy of memory */
#else
#define BIRTH_FLAGS (CLONE_VM | CLONE_VFORK | SIGCHLD)
#endif

struct plat_process {
    pid_t pid;
    int pidfd;
    int ended; /* `code` is known */
    int32_t code;
};

/* What a new process does before execve(); the parent waits meanwhile, in the same memory. */
struct birth {
    pid_t launcher;
    uint32_t count;
    int fds[INHERIT_END - INHERIT_ARENA]; /* for INHERIT_ARENA and up */
    char *argv[3];
    sigset_t mask;
    int error; /* errno of what failed */
};

/*
 * PR_SET_PDEATHSIG acts when the thread that spawned ends, and misses a launcher
 * that ended before it.  Descriptors move out of the way first: some may lie
 * where others go.
 */
static int become_guest_host(void *arg)
{
    struct birth *b = arg;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != b->launcher)
        goto fail;
    for (uint32_t i = 0; i < b->count; i++) {
        b->fds[i] = fcntl(b->fds[i], F_DUPFD_CLOEXEC, INHERIT_END);
        if (b->fds[i] < 0)
            goto fail;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        if (dup2(b->fds[i], INHERIT_ARENA + (int)i) < 0)
            goto fail;
    }
    for (int fd = INHERIT_ARENA + (int)b->count; fd < INHERIT_END; fd++)
        close(fd);
    umask(0); /* guests have their own; see plat_at_open() */
    sigprocmask(SIG_SETMASK, &b->mask, NULL);
    execv("/proc/self/exe", b->argv);
fail:
    b->error = errno;
    return NOT_STARTED; /* its exit code */
}

/*
 * As posix_spawn(3) does it, which cannot ask for PR_SET_PDEATHSIG: the child
 * borrows our memory until execve(), so nothing is copied.  All signals are
 * blocked meanwhile: a handler must not run in the child.
 */
static pid_t give_birth(struct birth *b)
{
    _Alignas(16) char stack[BIRTH_STACK];
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone(become_guest_host, stack + sizeof stack, BIRTH_FLAGS, b);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

/*
 * Call from a thread that lives as long as the launcher: the guest host is
 * killed when that thread ends.
 */
int plat_host_process_spawn(const char *argument, struct plat_file *const *files, uint32_t count,
                            struct plat_process **out)
{
    *out = NULL;
    if (count > PLAT_INHERIT_MAX || g_linux.arena < 0)
        return -LX_EINVAL;
    struct birth b = {.launcher = getpid(), .count = INHERIT_FILE - INHERIT_ARENA + count};
    b.fds[0] = g_linux.arena;
    b.fds[INHERIT_SEGMENTS - INHERIT_ARENA] = g_linux.segments;
    b.fds[INHERIT_DOORBELL - INHERIT_ARENA] = g_linux.doorbell;
    for (uint32_t i = 0; i < count; i++)
        b.fds[INHERIT_FILE - INHERIT_ARENA + i] = files[i]->fd;
    b.argv[0] = (char *)g_linux.program; /* execv(3) takes char *, and does not write */
    b.argv[1] = (char *)argument;
    linux_guest_mask(&b.mask);

    struct plat_process *p = calloc(1, sizeof *p);
    if (!p)
        return -LX_ENOMEM;
    p->pid = give_birth(&b);
    int err = p->pid < 0 ? linux_error() : 0;
    if (!err) {
        p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
        errno = b.error ? b.error : errno;
        if (b.error || p->pidfd < 0) {
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

void plat_host_process_times(uint64_t *user_ns, uint64_t *system_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *user_ns = nanoseconds(usage.ru_utime);
    *system_ns = nanoseconds(usage.ru_stime);
}

uint32_t plat_host_process_id(void)
{
    return (uint32_t)getpid();
}
