/* SPDX-License-Identifier: MIT */
/*
 * Waiting for files: poll(2), ppoll(2), select(2), pselect6(2), epoll_create(2),
 * epoll_create1(2), epoll_ctl(2), epoll_wait(2), epoll_pwait(2), epoll_pwait2(2), pipe(2),
 * pipe2(2), eventfd(2), eventfd2(2).
 */

#include "lx/poll.h"

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/poll.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/time.h"
#include "sys/file.h"
#include "vfs/event.h"
#include "vfs/pipe.h"

#define NS_PER_MS 1000000ll
#define SIGSET_SIZE 8
#define NO_WAIT 0

/* One file that is waited for. */
struct shim_watched {
    struct core_waiter waiter;
    struct vfs_file *file; /* a reference; NULL: a bad descriptor, or none */
    uint32_t events, ready;
};

/* The files of a wait of `t`'s; NULL: no memory. */
static struct shim_watched *watched_new(struct shim_task *t, uint32_t count)
{
    t->watched = core_arena_alloc((uint64_t)count * sizeof *t->watched);
    t->watched_count = count;
    return t->watched;
}

void shim_poll_drop(struct shim_task *t)
{
    struct shim_watched *w = t->watched;
    for (uint32_t i = 0; w && i < t->watched_count; i++) {
        struct vfs_file *file = w[i].file;
        core_waitq_remove(&w[i].waiter);
        w[i].file = NULL;
        vfs_file_put(file);
    }
    t->watched = NULL;
    core_arena_free(w, (uint64_t)t->watched_count * sizeof *w);
}

/* Ask all; returns how many are ready.  `streams` and `next_ns`: what to sleep on if none is. */
static uint32_t ask(struct shim_watched *w, uint32_t count, uint32_t *streams, int64_t *next_ns)
{
    uint32_t ready = 0;
    *streams = 0;
    *next_ns = PLAT_FOREVER;
    for (uint32_t i = 0; i < count; i++) {
        if (w[i].file) {
            w[i].ready = vfs_file_poll(w[i].file, w[i].events);
            *streams |= vfs_file_stream_bits(w[i].file, w[i].events);
            int64_t next = vfs_file_deadline(w[i].file);
            *next_ns = next < *next_ns ? next : *next_ns;
        }
        ready += w[i].ready != 0;
    }
    return ready;
}

/*
 * Wait until one is ready.
 *   deadline_ns  NO_WAIT: only ask.
 *   returns      how many are ready, 0 at the deadline; -LX_EINTR.
 */
static int64_t wait_for(struct shim_task *t, struct shim_watched *w, uint32_t count,
                        int64_t deadline_ns)
{
    int64_t next_ns;
    uint32_t streams, ready = ask(w, count, &streams, &next_ns);
    int err = 0;
    if (ready || deadline_ns == NO_WAIT)
        return ready;
    for (uint32_t i = 0; i < count; i++) {
        struct core_waitq *q = w[i].file ? vfs_file_waitq(w[i].file) : NULL;
        if (q)
            core_waitq_add(q, &w[i].waiter, &t->sleeper, ~0u);
    }
    while (err == 0 && !(ready = ask(w, count, &streams, &next_ns)))
        err = vfs_file_sleep(&t->sleeper, streams, deadline_ns, next_ns);
    for (uint32_t i = 0; i < count; i++)
        core_waitq_remove(&w[i].waiter);
    return ready ? (int64_t)ready : err == -LX_EINTR ? err : 0;
}

/* The signal mask that ppoll(2) and its kin set for the wait. */
static int enter_mask(struct shim_task *t, lx_uptr mask, uint64_t size)
{
    uint64_t set;
    if (!mask)
        return 0;
    if (size != SIGSET_SIZE)
        return -LX_EINVAL;
    int err = shim_copy_in(&set, mask, sizeof set);
    if (err < 0)
        return err;
    t->saved_sigmask = t->sigmask;
    t->restore_sigmask = 1;
    shim_signal_set_mask(t, set);
    return shim_signal_pending(t) ? -LX_EINTR : 0;
}

/* Unless a handler is to run first, the mask goes back when the call ends. */
static int64_t leave_mask(struct shim_task *t, int64_t result)
{
    if (t->restore_sigmask && result != -LX_EINTR) {
        t->restore_sigmask = 0;
        shim_signal_set_mask(t, t->saved_sigmask);
    }
    return result == -LX_EINTR ? -SHIM_ERESTARTNOHAND : result;
}

static int64_t now_ns(void)
{
    return (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC);
}

static int64_t deadline_of_ms(int32_t timeout_ms)
{
    if (timeout_ms < 0)
        return PLAT_FOREVER;
    return timeout_ms ? now_ns() + timeout_ms * NS_PER_MS : NO_WAIT;
}

/* A relative timespec; NULL waits for ever, zero does not wait. */
static int deadline_of(lx_uptr timeout, int64_t *deadline_ns)
{
    struct lx_timespec ts;
    *deadline_ns = PLAT_FOREVER;
    if (!timeout)
        return 0;
    int err = shim_copy_in(&ts, timeout, sizeof ts);
    if (err == 0)
        err = shim_time_deadline_of(&ts, LX_CLOCK_MONOTONIC, 0, deadline_ns);
    if (err == 0 && !ts.tv_sec && !ts.tv_nsec)
        *deadline_ns = NO_WAIT;
    return err;
}

/* ---- poll(2) ---- */

static int64_t poll_files(struct shim_task *t, lx_uptr fds, uint32_t count, int64_t deadline_ns,
                          struct lx_pollfd *p, struct shim_watched *w)
{
    int err = shim_copy_in(p, fds, (uint64_t)count * sizeof *p);
    if (err < 0)
        return err;
    for (uint32_t i = 0; i < count; i++) {
        w[i].events = (uint16_t)p[i].events;
        if (p[i].fd >= 0 && vfs_fdtable_get(t->process->fds, p[i].fd, &w[i].file) < 0)
            w[i].ready = LX_POLLNVAL;
    }
    int64_t result = wait_for(t, w, count, deadline_ns);
    for (uint32_t i = 0; i < count; i++) {
        p[i].revents = (int16_t)w[i].ready;
        if (result < 0)
            continue;
        err = shim_copy_out(fds + i * sizeof *p + offsetof(struct lx_pollfd, revents),
                            &p[i].revents, sizeof p[i].revents);
        if (err < 0)
            result = err;
    }
    return result;
}

static int64_t do_poll(struct shim_task *t, lx_uptr fds, uint32_t count, int64_t deadline_ns)
{
    if (count > t->process->limits[LX_RLIMIT_NOFILE].rlim_cur)
        return -LX_EINVAL;
    uint64_t p_size = count * sizeof(struct lx_pollfd);
    struct lx_pollfd *p = core_arena_alloc(p_size);
    struct shim_watched *w = watched_new(t, count);
    int64_t result = p && w ? poll_files(t, fds, count, deadline_ns, p, w) : -LX_ENOMEM;
    shim_poll_drop(t);
    core_arena_free(p, p_size);
    return result;
}

int64_t sys_poll(struct shim_task *t, lx_uptr fds, uint32_t count, int32_t timeout_ms)
{
    int64_t deadline_ns = t->restart_ns ? (int64_t)t->restart_ns : deadline_of_ms(timeout_ms);
    t->restart_ns = 0;
    int64_t result = do_poll(t, fds, count, deadline_ns);
    if (result != -LX_EINTR)
        return result;
    t->restart_ns = deadline_ns == PLAT_FOREVER ? 0 : (uint64_t)deadline_ns;
    return -SHIM_ERESTART_RESTARTBLOCK;
}

int64_t sys_ppoll(struct shim_task *t, lx_uptr fds, uint32_t count, lx_uptr timeout, lx_uptr mask,
                  uint64_t size)
{
    int64_t deadline_ns, result = deadline_of(timeout, &deadline_ns);
    if (result == 0)
        result = enter_mask(t, mask, size);
    if (result == 0)
        result = do_poll(t, fds, count, deadline_ns);
    return leave_mask(t, result);
}

/* ---- select(2) ---- */

#define SET_WORDS (LX_FD_SETSIZE / 64)
#define IN_SET (LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLIN | LX_POLLHUP | LX_POLLERR)
#define OUT_SET (LX_POLLWRBAND | LX_POLLWRNORM | LX_POLLOUT | LX_POLLERR)
#define EX_SET LX_POLLPRI

struct sets {
    uint64_t in[SET_WORDS], out[SET_WORDS], ex[SET_WORDS];
};

static int is_set(const uint64_t *set, int32_t fd)
{
    return set[fd / 64] >> (fd % 64) & 1;
}

static int64_t select_files(struct shim_task *t, int32_t nfds, struct sets *s, int64_t deadline_ns,
                            struct shim_watched *w)
{
    int64_t result = 0;
    for (int32_t fd = 0; fd < nfds; fd++) {
        uint32_t events = (is_set(s->in, fd) ? IN_SET : 0u) | (is_set(s->out, fd) ? OUT_SET : 0u) |
                          (is_set(s->ex, fd) ? EX_SET : 0u);
        if (!events)
            continue;
        w[fd].events = events;
        if (vfs_fdtable_get(t->process->fds, fd, &w[fd].file) < 0)
            result = -LX_EBADF;
    }
    if (result == 0)
        result = wait_for(t, w, (uint32_t)nfds, deadline_ns);
    int64_t bits = 0;
    for (int32_t fd = 0; fd < nfds; fd++) {
        uint64_t bit = 1ull << (fd % 64);
        if (!(w[fd].ready & IN_SET))
            s->in[fd / 64] &= ~bit;
        if (!(w[fd].ready & OUT_SET))
            s->out[fd / 64] &= ~bit;
        if (!(w[fd].ready & EX_SET))
            s->ex[fd / 64] &= ~bit;
        bits += is_set(s->in, fd) + is_set(s->out, fd) + is_set(s->ex, fd);
    }
    return result < 0 ? result : bits;
}

static int64_t do_select(struct shim_task *t, int32_t nfds, lx_uptr in, lx_uptr out, lx_uptr ex,
                         int64_t deadline_ns)
{
    struct sets s;
    if (nfds < 0)
        return -LX_EINVAL;
    if (nfds > LX_FD_SETSIZE) /* Differs from Linux: larger sets are cut */
        nfds = LX_FD_SETSIZE;
    uint64_t size = ((uint64_t)nfds + 63) / 64 * 8;
    memset(&s, 0, sizeof s);
    int64_t result = in ? shim_copy_in(s.in, in, size) : 0;
    if (result == 0 && out)
        result = shim_copy_in(s.out, out, size);
    if (result == 0 && ex)
        result = shim_copy_in(s.ex, ex, size);
    if (result < 0)
        return result;
    struct shim_watched *w = watched_new(t, (uint32_t)nfds);
    if (!w)
        return -LX_ENOMEM;
    result = select_files(t, nfds, &s, deadline_ns, w);
    shim_poll_drop(t);
    if (result < 0)
        return result;
    int err = in ? shim_copy_out(in, s.in, size) : 0;
    if (err == 0 && out)
        err = shim_copy_out(out, s.out, size);
    if (err == 0 && ex)
        err = shim_copy_out(ex, s.ex, size);
    return err < 0 ? err : result;
}

/* What is left of the time goes back to the guest, as Linux does. */
static int put_left(lx_uptr timeout, int64_t deadline_ns, int64_t unit_ns)
{
    int64_t left = deadline_ns == PLAT_FOREVER ? 0 : deadline_ns - now_ns();
    left = left < 0 ? 0 : left;
    int64_t value[2] = {left / 1000000000, left % 1000000000 / unit_ns};
    return shim_copy_out(timeout, value, sizeof value);
}

int64_t sys_select(struct shim_task *t, int32_t nfds, lx_uptr in, lx_uptr out, lx_uptr ex,
                   lx_uptr timeout)
{
    struct lx_timeval tv;
    int64_t deadline_ns = PLAT_FOREVER;
    if (timeout) {
        int err = shim_copy_in(&tv, timeout, sizeof tv);
        if (err < 0)
            return err;
        struct lx_timespec ts = {tv.tv_sec + tv.tv_usec / 1000000, tv.tv_usec % 1000000 * 1000};
        err = shim_time_deadline_of(&ts, LX_CLOCK_MONOTONIC, 0, &deadline_ns);
        if (err < 0)
            return err;
        if (!ts.tv_sec && !ts.tv_nsec)
            deadline_ns = NO_WAIT;
    }
    int64_t result = do_select(t, nfds, in, out, ex, deadline_ns);
    if (timeout) {
        int err = put_left(timeout, deadline_ns, 1000);
        (void)err; /* as Linux: a timeout that cannot be written stays */
    }
    return result == -LX_EINTR ? -SHIM_ERESTARTNOHAND : result;
}

int64_t sys_pselect6(struct shim_task *t, int32_t nfds, lx_uptr in, lx_uptr out, lx_uptr ex,
                     lx_uptr timeout, lx_uptr sigmask)
{
    struct {
        lx_uptr mask;
        uint64_t size;
    } s = {0, 0};
    int64_t deadline_ns, result = deadline_of(timeout, &deadline_ns);
    if (result == 0 && sigmask)
        result = shim_copy_in(&s, sigmask, sizeof s);
    if (result == 0)
        result = enter_mask(t, s.mask, s.size);
    if (result == 0)
        result = do_select(t, nfds, in, out, ex, deadline_ns);
    if (timeout) {
        int err = put_left(timeout, deadline_ns, 1);
        (void)err;
    }
    return leave_mask(t, result);
}

/* ---- epoll(7) ---- */

int64_t sys_epoll_create1(struct shim_task *t, uint32_t flags)
{
    struct vfs_file *file;
    if (flags & ~(uint32_t)LX_EPOLL_CLOEXEC)
        return -LX_EINVAL;
    int err = vfs_epoll_new(&file);
    return err < 0 ? err : sys_install(t, file, flags ? VFS_FD_CLOEXEC : 0);
}

int64_t sys_epoll_create(struct shim_task *t, int32_t size)
{
    return size <= 0 ? -LX_EINVAL : sys_epoll_create1(t, 0);
}

int64_t sys_epoll_ctl(struct shim_task *t, int32_t epfd, int32_t op, int32_t fd, lx_uptr event)
{
    struct lx_epoll_event e = {0, 0};
    struct vfs_file *file, *target = NULL;
    if (op != LX_EPOLL_CTL_DEL && shim_copy_in(&e, event, sizeof e) < 0)
        return -LX_EFAULT;
    int err = vfs_fdtable_get(t->process->fds, epfd, &file);
    if (err == 0)
        err = vfs_fdtable_get(t->process->fds, fd, &target);
    if (err == 0)
        err = vfs_epoll_control(file, op, fd, target, &e);
    vfs_file_put(target);
    vfs_file_put(file);
    return err;
}

#define EVENTS_AT_ONCE 128
#define EVENTS_MAX (INT32_MAX / (int32_t)sizeof(struct lx_epoll_event))

/* Wait for some, and take what else is ready, piece by piece. */
static int64_t wait_in_pieces(struct shim_task *t, struct vfs_file *file, lx_uptr events,
                              uint32_t count, int64_t deadline_ns)
{
    struct lx_epoll_event e[EVENTS_AT_ONCE];
    uint32_t done = 0, piece, turn = vfs_epoll_turn(file);
    do {
        piece = count - done < EVENTS_AT_ONCE ? count - done : EVENTS_AT_ONCE;
        int n = vfs_epoll_wait(file, e, piece, turn, done ? 0 : deadline_ns, &t->sleeper);
        if (n <= 0)
            return done ? (int64_t)done : n;
        if (shim_copy_out(events + done * sizeof *e, e, (uint32_t)n * sizeof *e) < 0)
            return -LX_EFAULT;
        done += (uint32_t)n;
        piece -= (uint32_t)n;
    } while (!piece && done < count);
    return done;
}

static int64_t epoll_wait_for(struct shim_task *t, int32_t epfd, lx_uptr events, int32_t count,
                              int64_t deadline_ns)
{
    struct vfs_file *file;
    if (count <= 0 || count > EVENTS_MAX)
        return -LX_EINVAL;
    if (!shim_user_ok(events, (uint64_t)count * sizeof(struct lx_epoll_event)))
        return -LX_EFAULT;
    int64_t result = vfs_fdtable_get(t->process->fds, epfd, &file);
    if (result < 0)
        return result;
    if (file->kind != VFS_FILE_EPOLL)
        result = -LX_EINVAL;
    else
        result = wait_in_pieces(t, file, events, (uint32_t)count, deadline_ns);
    vfs_file_put(file);
    return result;
}

int64_t sys_epoll_wait(struct shim_task *t, int32_t epfd, lx_uptr events, int32_t count,
                       int32_t timeout_ms)
{
    return epoll_wait_for(t, epfd, events, count, deadline_of_ms(timeout_ms)); /* EINTR always */
}

int64_t sys_epoll_pwait(struct shim_task *t, int32_t epfd, lx_uptr events, int32_t count,
                        int32_t timeout_ms, lx_uptr mask, uint64_t size)
{
    int64_t result = enter_mask(t, mask, size);
    if (result == 0)
        result = epoll_wait_for(t, epfd, events, count, deadline_of_ms(timeout_ms));
    result = leave_mask(t, result);
    return result == -SHIM_ERESTARTNOHAND ? -LX_EINTR : result;
}

int64_t sys_epoll_pwait2(struct shim_task *t, int32_t epfd, lx_uptr events, int32_t count,
                         lx_uptr timeout, lx_uptr mask, uint64_t size)
{
    int64_t deadline_ns, result = deadline_of(timeout, &deadline_ns);
    if (result == 0)
        result = enter_mask(t, mask, size);
    if (result == 0)
        result = epoll_wait_for(t, epfd, events, count, deadline_ns);
    result = leave_mask(t, result);
    return result == -SHIM_ERESTARTNOHAND ? -LX_EINTR : result;
}

/* ---- Pipes and event counters ---- */

int64_t sys_pipe2(struct shim_task *t, lx_uptr fds, uint32_t flags)
{
    struct vfs_file *reader, *writer;
    if (flags & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK | LX_O_DIRECT))
        return -LX_EINVAL;
    uint32_t fd_flags = flags & LX_O_CLOEXEC ? VFS_FD_CLOEXEC : 0;
    int err = vfs_pipe_new(flags & (LX_O_NONBLOCK | LX_O_DIRECT), &reader, &writer);
    if (err < 0)
        return err;
    int32_t fd[2];
    fd[0] = (int32_t)sys_install(t, reader, fd_flags);
    fd[1] = (int32_t)sys_install(t, writer, fd_flags);
    err = fd[0] < 0 ? fd[0] : fd[1] < 0 ? fd[1] : shim_copy_out(fds, fd, sizeof fd);
    if (err < 0) {
        if (fd[0] >= 0)
            sys_close(t, fd[0]);
        if (fd[1] >= 0)
            sys_close(t, fd[1]);
    }
    return err;
}

int64_t sys_pipe(struct shim_task *t, lx_uptr fds)
{
    return sys_pipe2(t, fds, 0);
}

int64_t sys_eventfd2(struct shim_task *t, uint32_t value, uint32_t flags)
{
    struct vfs_file *file;
    if (flags & ~(uint32_t)(LX_EFD_SEMAPHORE | LX_EFD_CLOEXEC | LX_EFD_NONBLOCK))
        return -LX_EINVAL;
    int err = vfs_eventfd_new(value, flags, &file);
    return err < 0 ? err : sys_install(t, file, flags & LX_EFD_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}

int64_t sys_eventfd(struct shim_task *t, uint32_t value)
{
    return sys_eventfd2(t, value, 0);
}
