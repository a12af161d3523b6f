/* SPDX-License-Identifier: MIT */
/* Terminals and their masters: opening, moving bytes, waiting, hanging up. */

#include "vfs/tty.h"

#include <stdatomic.h>

#include "async.h"
#include "core/arena.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "lx/stat.h"
#include "mounts.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "tty_ends.h"
#include "vfs/file.h"

#define PART 2048u                      /* bytes that are written in one step */
#define MASTER_PART (TTY_LINE_SIZE - 1) /* bytes that a master reads at once, at most */
#define IN_EVENTS (LX_POLLIN | LX_POLLRDNORM)
#define OUT_EVENTS (LX_POLLOUT | LX_POLLWRNORM)
#define HUNG_UP (IN_EVENTS | OUT_EVENTS | LX_POLLERR | LX_POLLHUP)
#define VTIME_NS 100000000ll /* a tenth of a second */
#define NS_PER_S 1000000000ll
#define TOUCH_S 8 /* times of access are no finer, lest they tell how somebody types */

void vfs_tty_provide(const struct vfs_tty_provider *provider)
{
    g_providers.terminals = provider;
}

static int is_master(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_PTMX;
}

struct vfs_tty *vfs_file_tty(const struct vfs_file *file, int *master)
{
    *master = is_master(file);
    return file->kind == VFS_FILE_TTY || *master ? file->tty : NULL;
}

struct vfs_tty *vfs_tty_get(struct vfs_tty *tty)
{
    atomic_fetch_add_explicit(&tty->refs, 1, memory_order_relaxed);
    return tty;
}

void vfs_tty_put(struct vfs_tty *tty)
{
    if (tty && atomic_fetch_sub(&tty->refs, 1) == 1)
        core_arena_free(tty, sizeof *tty);
}

struct vfs_tty_owner *vfs_tty_owner(struct vfs_tty *tty)
{
    return &tty->owner;
}

uint32_t vfs_tty_number(const struct vfs_tty *tty)
{
    return tty->number;
}

uint64_t vfs_tty_device(const struct vfs_tty *tty)
{
    return LX_MAKEDEV(PTS_MAJOR, tty->number);
}

/* ---- What is ready ---- */

/* As poll(2) has it: in raw mode VMIN bytes, if it does not go by time. */
static uint32_t least_to_poll(const struct tty_line *line)
{
    const uint8_t *cc = line->termios.c_cc;
    return !cc[LX_VTIME] && cc[LX_VMIN] ? cc[LX_VMIN] : 1;
}

#define SHOWN_MAX 8u /* bytes that a byte written becomes at most: a tab */

static uint32_t ready_locked(const struct vfs_tty *tty, uint32_t least)
{
    if (!tty->master_open)
        return HUNG_UP;
    return (tty_line_has_input(&tty->line, least) ? IN_EVENTS : 0u) |
           (tty_line_room(&tty->line, &tty->out) >= SHOWN_MAX ? OUT_EVENTS : 0u);
}

static uint32_t master_room_locked(const struct vfs_tty *tty)
{
    return tty->master_held ? 0 : tty_queue_room(&tty->in);
}

static uint32_t master_ready_locked(const struct vfs_tty *tty)
{
    int status = tty->has_packets && tty->packet_status;
    return (status || tty_queue_used(&tty->out) ? IN_EVENTS : 0u) | (status ? LX_POLLPRI : 0u) |
           (master_room_locked(tty) ? OUT_EVENTS : 0u) | (tty->is_left ? LX_POLLHUP : 0u);
}

/* In packet mode the master hears what has happened. */
static void note_packet_locked(struct vfs_tty *tty, uint8_t packet)
{
    static const struct {
        uint8_t news, undoes;
    } rows[] = {
        {LX_TIOCPKT_START, LX_TIOCPKT_STOP},
        {LX_TIOCPKT_STOP, LX_TIOCPKT_START},
        {LX_TIOCPKT_DOSTOP, LX_TIOCPKT_NOSTOP},
        {LX_TIOCPKT_NOSTOP, LX_TIOCPKT_DOSTOP},
    };
    if (!tty->has_packets)
        return;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (packet & rows[i].news)
            tty->packet_status &= (uint8_t)~rows[i].undoes;
    }
    tty->packet_status |= packet;
}

/* Room again, after a write that had to stop: n_tty_write_wakeup() in Linux. */
static void tell_room(struct async *_Atomic *async, uint32_t ready, uint8_t *wanted)
{
    if (!*wanted || !(ready & LX_POLLOUT))
        return;
    *wanted = 0;
    async_tell(async, LX_POLL_OUT);
}

static void tell_async_locked(struct vfs_tty *tty, uint32_t ready, uint32_t master_ready)
{
    for (uint32_t i = 0; i < tty->line.news.arrivals && tty->async; i++)
        async_tell(&tty->async, LX_POLL_IN);
    if ((int32_t)(tty->out.head - tty->told_out) > 0)
        async_tell(&tty->master_async, LX_POLL_IN);
    tty->told_out = tty->out.head;
    tell_room(&tty->async, ready, &tty->wants_room);
    tell_room(&tty->master_async, master_ready, &tty->master_wants_room);
}

/* A write has to stop. */
static void want_room(struct vfs_file *file)
{
    struct vfs_tty *tty = file->tty;
    if (!(file->flags & LX_O_ASYNC))
        return;
    core_lock_acquire(&tty->lock);
    *(is_master(file) ? &tty->master_wants_room : &tty->wants_room) = 1;
    core_lock_release(&tty->lock);
}

/* Release the lock, wake who can go on, and pass on what the line discipline wants. */
static void finish(struct vfs_tty *tty)
{
    const struct vfs_tty_provider *provider = g_providers.terminals;
    uint32_t signals = tty->line.news.signals;
    note_packet_locked(tty, tty->line.news.packet);
    uint32_t ready = ready_locked(tty, 1), master_ready = master_ready_locked(tty);
    tell_async_locked(tty, ready, master_ready);
    tty->line.news = (struct tty_news){0};
    core_lock_release(&tty->lock);
    if (ready)
        core_waitq_wake(&tty->wait, ready, UINT32_MAX);
    if (master_ready)
        core_waitq_wake(&tty->master_wait, master_ready, UINT32_MAX);
    if (signals && provider)
        provider->signal(tty, signals);
}

/* ---- Opening and closing ---- */

static struct vfs_tty *tty_alloc(void)
{
    struct vfs_tty *tty = core_arena_alloc(sizeof *tty);
    if (!tty)
        return NULL;
    tty->refs = 1;
    tty->master_open = tty->is_locked = 1;
    core_list_init(&tty->in_list);
    core_lock_init(&tty->lock, CORE_LOCK_TTY);
    core_waitq_init(&tty->wait);
    core_waitq_init(&tty->master_wait);
    tty_line_init(&tty->line);
    return tty;
}

int vfs_ptmx_open(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out)
{
    struct vfs_tty *tty = tty_alloc();
    *out = NULL;
    if (!tty)
        return -LX_ENOMEM;
    int err = vfs_file_new(VFS_FILE_PTMX, flags, inode, out);
    if (err == 0) {
        (*out)->tty = tty; /* its reference */
        err = devpts_add(tty);
    } else {
        vfs_tty_put(tty);
    }
    if (err < 0) {
        vfs_file_put(*out);
        *out = NULL;
    }
    return err;
}

static int join(struct vfs_tty *tty)
{
    core_lock_acquire(&tty->lock);
    /* CAP_SYS_ADMIN, which may open one that is exclusive, is not a container's. */
    int err = tty->master_open && tty->is_exclusive ? -LX_EBUSY
              : tty->master_open && !tty->is_locked ? 0
                                                    : -LX_EIO;
    if (err == 0) {
        tty->file_count++;
        tty->is_left = 0;
    }
    if (err != -LX_EBUSY)
        tty->is_spoiled = err < 0;
    core_lock_release(&tty->lock);
    return err;
}

static void leave(struct vfs_tty *tty)
{
    core_lock_acquire(&tty->lock);
    uint32_t left = --tty->file_count;
    tty->is_left = !left;
    int over = !left && !tty->master_open;
    finish(tty);
    if (over)
        devpts_forget(tty);
}

/* A new open file of a terminal; `tty` moves to it. */
static int open_tty(struct vfs_tty *tty, struct vfs_inode *inode, uint32_t flags,
                    struct vfs_file **out)
{
    const struct vfs_tty_provider *provider = g_providers.terminals;
    int err = join(tty);
    if (err == 0) {
        err = vfs_file_new(VFS_FILE_TTY, flags, inode, out);
        if (err < 0)
            leave(tty);
    }
    if (err < 0) {
        vfs_tty_put(tty);
        return err;
    }
    (*out)->tty = tty;
    if (provider && !(flags & LX_O_NOCTTY) && vfs_file_may(*out, PLAT_READ))
        provider->opened(tty);
    return 0;
}

int vfs_tty_open(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out)
{
    struct vfs_tty *tty = devpts_find(inode);
    *out = NULL;
    return tty ? open_tty(tty, inode, flags, out) : -LX_EIO;
}

int vfs_tty_open_own(struct vfs_inode *inode, uint32_t flags, struct vfs_file **out)
{
    struct vfs_tty *tty = g_providers.terminals ? g_providers.terminals->own() : NULL;
    *out = NULL;
    return tty ? open_tty(tty, inode, flags, out) : -LX_ENXIO;
}

int vfs_ptmx_open_peer(struct vfs_file *master, uint32_t flags, struct vfs_file **out)
{
    struct vfs_inode *inode = devpts_inode(master->tty);
    struct vfs_place place;
    *out = NULL;
    int err = inode ? vfs_tty_open(inode, flags, out) : -LX_EIO;
    if (err == 0) {
        devpts_place(master->tty, &place);
        int is_beside = master->mount && master->mount->root->super == inode->super;
        file_set_place(*out, is_beside ? master->mount : NULL, &place);
        place_put(&place);
    }
    vfs_inode_put(inode);
    return err;
}

static void close_master(struct vfs_tty *tty)
{
    const struct vfs_tty_provider *provider = g_providers.terminals;
    devpts_unlink(tty);
    core_lock_acquire(&tty->lock);
    tty->master_open = tty->has_packets = 0;
    async_forget_all(&tty->async); /* as Linux: nobody hears of the end so */
    int over = !tty->file_count;
    finish(tty);
    if (over)
        devpts_forget(tty);
    if (provider)
        provider->hang_up(tty);
}

void vfs_tty_close(struct vfs_file *file)
{
    struct vfs_tty *tty = file->tty;
    if (!tty) /* it was never whole */
        return;
    if (is_master(file))
        close_master(tty);
    else
        leave(tty);
    vfs_tty_put(tty);
}

int vfs_tty_is_hung_up(struct vfs_tty *tty)
{
    core_lock_acquire(&tty->lock);
    int hung_up = !tty->master_open;
    core_lock_release(&tty->lock);
    return hung_up;
}

/* ---- Reading ---- */

/* The bytes that wait for room among those that are typed. */
static void pump_locked(struct vfs_tty *tty)
{
    uint32_t size, taken = 1;
    while (taken && tty_queue_used(&tty->in)) {
        const uint8_t *first = tty_queue_first(&tty->in, &size);
        taken = tty_line_receive(&tty->line, &tty->out, first, size, size);
        tty->in.tail += taken;
    }
}

/* How long a read waits: termios(3), canonical and noncanonical mode. */
struct patience {
    uint32_t least;      /* bytes that it waits for */
    uint32_t seen;       /* that it has seen so far */
    int64_t byte_ns;     /* longest time between bytes; 0: any */
    int64_t deadline_ns; /* PLAT_FOREVER, 0: it does not wait, or when it ends */
};

static int64_t from_now(int64_t ns)
{
    return (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) + ns;
}

static void set_patience_locked(const struct tty_line *line, struct patience *p)
{
    const uint8_t *cc = line->termios.c_cc;
    int64_t time_ns = cc[LX_VTIME] * VTIME_NS;
    *p = (struct patience){.least = 1, .deadline_ns = PLAT_FOREVER};
    if (line->termios.c_lflag & LX_ICANON)
        return;
    if (cc[LX_VMIN]) {
        p->least = cc[LX_VMIN];
        p->byte_ns = time_ns;
    } else {
        p->deadline_ns = time_ns ? from_now(time_ns) : 0;
    }
}

/* With every byte the time begins anew. */
static void note_bytes(struct patience *p, uint32_t count)
{
    if (count > p->seen && p->byte_ns)
        p->deadline_ns = from_now(p->byte_ns);
    else if (!count && p->byte_ns)
        p->deadline_ns = PLAT_FOREVER; /* another has read them */
    p->seen = count;
}

/* A read without anything to read ends so; 1: it waits. */
static int64_t nothing_there(const struct vfs_file *file, int is_over, const struct patience *p,
                             int err)
{
    if (is_over)
        return -LX_EIO;
    if (!p->deadline_ns || err == -LX_ETIMEDOUT)
        return 0;
    return file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : err < 0 ? err : 1;
}

/*
 * One try.
 *   err      why it does not wait any longer, or 0.
 *   done     filled: bytes, or an error.
 *   returns  1: it has ended.
 */
static int try_read(struct vfs_file *file, uint8_t *bytes, uint32_t size, struct patience *p,
                    int err, int64_t *done)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    uint32_t least = p->least < size ? p->least : size;
    int impatient = err < 0 || !tty->master_open || file->flags & LX_O_NONBLOCK;
    if (tty_line_has_input(&tty->line, impatient ? 1 : least)) {
        *done = tty_line_read(&tty->line, bytes, size);
        pump_locked(tty);
        finish(tty);
        return 1;
    }
    int is_over = !tty->master_open;
    note_bytes(p, tty_line_is_canonical(&tty->line) ? 0 : tty_line_count(&tty->line));
    core_lock_release(&tty->lock);
    *done = nothing_there(file, is_over, p, err);
    return *done != 1;
}

static int may(struct vfs_tty *tty, int32_t sig)
{
    return g_providers.terminals ? g_providers.terminals->may(tty, sig) : 0;
}

/* TOSTOP: who writes must be in the foreground, too. */
static int may_write(struct vfs_tty *tty)
{
    core_lock_acquire(&tty->lock);
    int err = tty->master_open && !tty->is_spoiled ? 0 : -LX_EIO;
    int asks = (tty->line.termios.c_lflag & LX_TOSTOP) != 0;
    core_lock_release(&tty->lock);
    return err == 0 && asks ? may(tty, LX_SIGTTOU) : err;
}

/* returns 1: there is nothing to read any more. */
static int may_read(struct vfs_tty *tty)
{
    core_lock_acquire(&tty->lock);
    int result = !tty->master_open ? 1 : tty->is_spoiled ? -LX_EIO : 0;
    core_lock_release(&tty->lock);
    return result ? result : may(tty, LX_SIGTTIN);
}

/* Let its file's times tell that it is used. */
static void touch(_Atomic int64_t *time_ns)
{
    int64_t now = vfs_now() / NS_PER_S;
    if (now / TOUCH_S != *time_ns / NS_PER_S / TOUCH_S)
        INODE_SET(*time_ns, now * NS_PER_S);
}

/* Hand out what was read. */
static int64_t give(struct vfs_file *file, void *buf, const uint8_t *bytes, int64_t size)
{
    if (size <= 0)
        return size;
    uint64_t left = plat_copy_guest(buf, bytes, (uint64_t)size);
    touch(&file->inode->atime_ns);
    return left == (uint64_t)size ? -LX_EFAULT : size - (int64_t)left;
}

static int64_t read_tty(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    struct vfs_tty *tty = file->tty;
    uint8_t bytes[TTY_LINE_SIZE];
    uint32_t part = size < sizeof bytes ? (uint32_t)size : (uint32_t)sizeof bytes;
    struct patience p;
    int64_t done = 0;
    int err = may_read(tty);
    if (err || !size)
        return err < 0 ? err : 0;
    core_lock_acquire(&tty->lock);
    set_patience_locked(&tty->line, &p);
    core_lock_release(&tty->lock);
    core_waitq_add(&tty->wait, &self->waiter, self, IN_EVENTS);
    while (!try_read(file, bytes, part, &p, err, &done))
        err = core_sleep(self, 0, p.deadline_ns);
    core_waitq_remove(&self->waiter);
    return give(file, buf, bytes, done);
}

/* What the master reads: in packet mode with a byte before it that says what it is. */
static uint32_t take_locked(struct vfs_tty *tty, uint8_t *bytes, uint32_t size)
{
    uint32_t begin = 0;
    if (tty->has_packets) {
        bytes[begin++] = tty->packet_status;
        if (tty->packet_status) {
            tty->packet_status = 0;
            return begin;
        }
    }
    return begin + tty_queue_take(&tty->out, bytes + begin, size - begin);
}

static int try_read_master(struct vfs_file *file, uint8_t *bytes, uint32_t size, int err,
                           int64_t *done)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    if (master_ready_locked(tty) & LX_POLLIN) {
        *done = take_locked(tty, bytes, size);
        finish(tty);
        return 1;
    }
    int is_left = tty->is_left;
    core_lock_release(&tty->lock);
    *done = is_left ? -LX_EIO : file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : err;
    return *done < 0;
}

static int64_t read_master(struct vfs_file *file, void *buf, uint64_t size,
                           struct core_sleeper *self)
{
    struct vfs_tty *tty = file->tty;
    uint8_t bytes[MASTER_PART];
    uint32_t part = size < sizeof bytes ? (uint32_t)size : (uint32_t)sizeof bytes;
    int64_t done = 0;
    int err = 0;
    if (!size)
        return 0;
    core_waitq_add(&tty->master_wait, &self->waiter, self, IN_EVENTS | LX_POLLHUP);
    while (!try_read_master(file, bytes, part, err, &done))
        err = core_sleep(self, 0, PLAT_FOREVER);
    core_waitq_remove(&self->waiter);
    return give(file, buf, bytes, done);
}

int64_t vfs_tty_read(struct vfs_file *file, void *buf, uint64_t size, struct core_sleeper *self)
{
    return is_master(file) ? read_master(file, buf, size, self) : read_tty(file, buf, size, self);
}

/* ---- Writing ---- */

/* What the master writes is typed, or waits for room. */
static uint32_t type_locked(struct vfs_tty *tty, const uint8_t *bytes, uint32_t size)
{
    struct tty_line *line = &tty->line;
    uint32_t taken = 0;
    if (tty->master_held)
        return 0;
    if (!tty_queue_used(&tty->in))
        taken = tty_line_receive(line, &tty->out, bytes, size, 0);
    uint32_t waits = tty_queue_put(&tty->in, bytes + taken, size - taken);
    tty_line_look_ahead(line, &tty->out, bytes + taken, waits);
    return taken + waits;
}

/* Bytes that went out; -LX_EIO. */
static int64_t try_write(struct vfs_file *file, const uint8_t *bytes, uint32_t size)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    int64_t done = is_master(file)    ? (int64_t)type_locked(tty, bytes, size)
                   : tty->master_open ? (int64_t)tty_line_write(&tty->line, &tty->out, bytes, size)
                                      : -LX_EIO;
    finish(tty);
    return done;
}

/* All of a part, unless it must not wait: returns what went out, or why nothing did. */
static int64_t write_part(struct vfs_file *file, const uint8_t *bytes, uint32_t size,
                          struct core_sleeper *self)
{
    uint32_t done = 0;
    int err = 0;
    while (done < size) {
        int64_t n = try_write(file, bytes + done, size - done);
        if (n < 0)
            return done ? done : n;
        done += (uint32_t)n;
        if (err < 0 || done == size)
            break;
        err = file->flags & LX_O_NONBLOCK ? -LX_EAGAIN : async_sleep(self, PLAT_FOREVER);
        if (err == -LX_EAGAIN)
            break;
    }
    if (done < size)
        want_room(file);
    return done ? (int64_t)done : err;
}

static int64_t write_parts(struct vfs_file *file, const void *buf, uint64_t size,
                           struct core_sleeper *self)
{
    uint8_t bytes[PART];
    uint64_t done = 0;
    int64_t n = 0;
    while (done < size) {
        uint32_t part = size - done < PART ? (uint32_t)(size - done) : PART;
        uint64_t left = plat_copy_guest(bytes, (const uint8_t *)buf + done, part);
        n = left == part ? -LX_EFAULT : write_part(file, bytes, part - (uint32_t)left, self);
        done += n > 0 ? (uint64_t)n : 0;
        if (n < (int64_t)part)
            break;
    }
    return done ? (int64_t)done : n;
}

int64_t vfs_tty_write(struct vfs_file *file, const void *buf, uint64_t size,
                      struct core_sleeper *self)
{
    int64_t done = is_master(file) ? 0 : may_write(file->tty);
    if (done < 0)
        return done;
    core_waitq_add(vfs_tty_waitq(file), &self->waiter, self, OUT_EVENTS);
    done = write_parts(file, buf, size, self);
    core_waitq_remove(&self->waiter);
    if (done > 0)
        touch(&file->inode->mtime_ns);
    return done;
}

/* ---- Waiting ---- */

uint32_t vfs_tty_poll(struct vfs_file *file)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    uint32_t ready =
        is_master(file) ? master_ready_locked(tty) : ready_locked(tty, least_to_poll(&tty->line));
    core_lock_release(&tty->lock);
    return ready;
}

struct core_waitq *vfs_tty_waitq(struct vfs_file *file)
{
    return is_master(file) ? &file->tty->master_wait : &file->tty->wait;
}

int64_t vfs_tty_available(struct vfs_file *file)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    uint32_t shown = tty_queue_used(&tty->out);
    int64_t count = is_master(file)    ? (int64_t)(shown < MASTER_PART ? shown : MASTER_PART)
                    : tty->master_open ? (int64_t)tty_line_count(&tty->line)
                                       : -LX_EIO;
    core_lock_release(&tty->lock);
    return count;
}

/* ---- Controls ---- */

void vfs_tty_termios(struct vfs_tty *tty, struct lx_termios2 *out)
{
    core_lock_acquire(&tty->lock);
    *out = tty->line.termios;
    core_lock_release(&tty->lock);
}

void vfs_tty_set_termios(struct vfs_tty *tty, const struct lx_termios2 *termios, int flush)
{
    core_lock_acquire(&tty->lock);
    if (flush)
        tty_line_flush(&tty->line);
    tty_line_set_termios(&tty->line, &tty->out, termios);
    pump_locked(tty);
    finish(tty);
    core_waitq_wake(&tty->wait, ~0u, UINT32_MAX); /* what they wait for may be another thing now */
}

/* Of its own input: what was typed, or what the terminal has shown. */
static void flush_input_locked(struct vfs_tty *tty, int master)
{
    if (master) {
        tty_queue_keep(&tty->out, 0);
        return;
    }
    tty_queue_keep(&tty->in, 0);
    tty_line_flush(&tty->line);
}

static void flush_output_locked(struct vfs_tty *tty, int master)
{
    if (master)
        tty_queue_keep(&tty->in, 0);
    else
        tty_line_flush_output(&tty->line, &tty->out);
}

int vfs_tty_flush(struct vfs_file *file, uint32_t what)
{
    struct vfs_tty *tty = file->tty;
    if (what > LX_TCIOFLUSH)
        return -LX_EINVAL;
    core_lock_acquire(&tty->lock);
    if (what != LX_TCOFLUSH)
        flush_input_locked(tty, is_master(file));
    if (what != LX_TCIFLUSH)
        flush_output_locked(tty, is_master(file));
    finish(tty);
    return 0;
}

/* Send START or STOP to the other end; a master's modes are always the first ones. */
static void send_flow_locked(struct vfs_tty *tty, int master, int start)
{
    const uint8_t c = start ? 021 : 023;
    if (master)
        type_locked(tty, &c, 1);
    else
        tty_line_send_flow(&tty->line, &tty->out, start ? LX_VSTART : LX_VSTOP);
}

int vfs_tty_flow(struct vfs_file *file, uint32_t action)
{
    struct vfs_tty *tty = file->tty;
    int master = is_master(file);
    if (action > LX_TCION)
        return -LX_EINVAL;
    core_lock_acquire(&tty->lock);
    if (action == LX_TCIOFF || action == LX_TCION)
        send_flow_locked(tty, master, action == LX_TCION);
    else if (master)
        tty->master_held = action == LX_TCOOFF;
    else
        tty_line_hold(&tty->line, action == LX_TCOOFF);
    finish(tty);
    return 0;
}

void vfs_tty_type(struct vfs_tty *tty, uint8_t byte)
{
    core_lock_acquire(&tty->lock);
    uint32_t taken = tty_line_receive(&tty->line, &tty->out, &byte, 1, 0);
    (void)taken; /* without room it is lost: as in Linux */
    finish(tty);
}

void vfs_tty_size(struct vfs_tty *tty, struct lx_winsize *out)
{
    core_lock_acquire(&tty->lock);
    *out = tty->size;
    core_lock_release(&tty->lock);
}

int vfs_tty_set_size(struct vfs_tty *tty, const struct lx_winsize *size)
{
    core_lock_acquire(&tty->lock);
    int differs = memcmp(&tty->size, size, sizeof *size) != 0;
    tty->size = *size;
    core_lock_release(&tty->lock);
    return differs;
}

static uint8_t *switch_of(const struct vfs_file *file, enum vfs_tty_switch which)
{
    struct vfs_tty *tty = file->tty;
    uint8_t *const switches[VFS_TTY_SWITCHES] = {
        [VFS_TTY_EXCLUSIVE] = is_master(file) ? &tty->master_is_exclusive : &tty->is_exclusive,
        [VFS_TTY_LOCKED] = &tty->is_locked,
        [VFS_TTY_PACKET] = &tty->has_packets,
    };
    return switches[which];
}

int vfs_tty_switch(const struct vfs_file *file, enum vfs_tty_switch which)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    int on = *switch_of(file, which);
    core_lock_release(&tty->lock);
    return on;
}

void vfs_tty_set_switch(struct vfs_file *file, enum vfs_tty_switch which, int on)
{
    struct vfs_tty *tty = file->tty;
    core_lock_acquire(&tty->lock);
    uint8_t *at = switch_of(file, which);
    if (which == VFS_TTY_PACKET && on && !*at)
        tty->packet_status = 0; /* what was before is no news */
    *at = on != 0;
    core_lock_release(&tty->lock);
}
