/* SPDX-License-Identifier: MIT */
/* Message queues: messages, those who wait for them or for room, and who is to be told. */

#include "vfs/mqueue.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "core/wait.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "netlink.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/text.h"

#define FILE_SIZE 80      /* that stat(2) shows */
#define MESSAGE_COST 48u  /* bytes that Linux counts for a message besides its own */
#define PRIORITY_COST 48u /* and for a priority */

/* A thread that waits for a message, or for room. */
struct mqueue_wait {
    struct core_list node; /* in the queue's `senders`, `receivers` or `served` */
    struct core_sleeper *sleeper;
    struct vfs_mqueue_message *message; /* a sender's; what a receiver was given; or NULL */
    int32_t nice;
    uint32_t is_served;
};

/* Who is to be told of a message. */
struct told {
    const struct vfs_fdtable *owner; /* no reference: it goes before the table does; NULL: nobody */
    int32_t method;                  /* LX_SIGEV_* */
    struct vfs_mqueue_signal signal; /* its `pid` in any case */
    struct netlink_notice *cookie;   /* LX_SIGEV_THREAD: owned */
};

struct vfs_mqueue {
    uint32_t uid;                 /* constant, as the next three: whose limit it counts for */
    uint32_t max_count, max_size; /* messages, and bytes of each */
    uint64_t cost;                /* bytes of that limit */
    struct core_list in_list;     /* guarded by LOCK_MQUEUES */
    struct core_waitq waitq;      /* own lock: who polls it */
    struct core_lock lock;        /* LOCK_MQUEUE: guards all below */
    struct core_list messages;    /* the next one first */
    uint32_t count;               /* of them */
    uint64_t size;                /* bytes in them */
    struct core_list senders;     /* while it is full: who is to be served first */
    struct core_list receivers;   /* while it is empty: likewise */
    struct core_list served;      /* who waits no more, and has yet to find out */
    struct told told;
};

void vfs_mqueue_provide(const struct vfs_mqueue_provider *provider)
{
    g_providers.mqueues = provider;
}

static struct vfs_mqueue *queue_of(const struct vfs_file *file)
{
    return file && file->kind == VFS_FILE_MQUEUE ? file->inode->mqueue : NULL;
}

/* ---- Making ---- */

static uint64_t cost_of(uint64_t max_count, uint64_t max_size)
{
    uint64_t priorities = max_count < LX_MQ_PRIO_MAX ? max_count : LX_MQ_PRIO_MAX;
    return max_count * (max_size + MESSAGE_COST) + priorities * PRIORITY_COST;
}

static uint64_t user_cost_locked(const struct vfs_state *s, uint32_t uid)
{
    uint64_t cost = 0;
    CORE_LIST_FOR_EACH(node, &s->mqueues)
    {
        const struct vfs_mqueue *q = CORE_LIST_ENTRY(node, struct vfs_mqueue, in_list);
        cost += q->uid == uid ? q->cost : 0;
    }
    return cost;
}

/* May there be such a queue?  In the order of mqueue_create_attr() in Linux. */
static int check_limits_locked(const struct vfs_state *s, const struct vfs_mqueue_caller *caller,
                               const struct lx_mq_attr *attr)
{
    int64_t count = LX_MQ_MSG_MAX, size = LX_MQ_MSGSIZE_MAX;
    if (caller->is_privileged) {
        count = LX_MQ_HARD_MSG_MAX;
        size = LX_MQ_HARD_MSGSIZE_MAX;
    } else if (s->mqueue_count >= LX_MQ_QUEUES_MAX) {
        return -LX_ENOSPC;
    }
    if (attr->mq_maxmsg <= 0 || attr->mq_msgsize <= 0 || attr->mq_maxmsg > count ||
        attr->mq_msgsize > size)
        return -LX_EINVAL;
    uint64_t cost = cost_of((uint64_t)attr->mq_maxmsg, (uint64_t)attr->mq_msgsize);
    return cost + user_cost_locked(s, caller->uid) > caller->limit ? -LX_EMFILE : 0;
}

static void queue_init(struct vfs_mqueue *q, uint32_t uid, const struct lx_mq_attr *attr)
{
    q->uid = uid;
    q->max_count = (uint32_t)attr->mq_maxmsg;
    q->max_size = (uint32_t)attr->mq_msgsize;
    q->cost = cost_of(q->max_count, q->max_size);
    core_waitq_init(&q->waitq);
    core_lock_init(&q->lock, CORE_LOCK_MQUEUE);
    core_list_init(&q->messages);
    core_list_init(&q->senders);
    core_list_init(&q->receivers);
    core_list_init(&q->served);
}

int mqueue_new(struct vfs_inode *inode, const struct lx_mq_attr *attr)
{
    static const struct lx_mq_attr usual = {.mq_maxmsg = LX_MQ_MSG_DEFAULT,
                                            .mq_msgsize = LX_MQ_MSGSIZE_DEFAULT};
    struct vfs_state *s = vfs_state();
    struct vfs_mqueue_caller caller;
    struct vfs_mqueue *q = core_arena_alloc(sizeof *q);
    if (!q)
        return -LX_ENOMEM;
    if (!attr)
        attr = &usual;
    g_providers.mqueues->caller(&caller);
    core_lock_acquire(&s->mqueue_lock);
    int err = check_limits_locked(s, &caller, attr);
    if (err == 0) {
        queue_init(q, caller.uid, attr);
        core_list_add(&s->mqueues, &q->in_list);
        s->mqueue_count++;
    }
    core_lock_release(&s->mqueue_lock);
    if (err < 0) {
        core_arena_free(q, sizeof *q);
        return err;
    }
    inode->mqueue = q;
    inode->size = FILE_SIZE; /* nobody else knows it yet */
    return 0;
}

void mqueue_free(struct vfs_inode *inode)
{
    struct vfs_state *s = vfs_state();
    struct vfs_mqueue *q = mqueue_of(inode);
    if (!q)
        return;
    core_lock_acquire(&s->mqueue_lock);
    core_list_remove(&q->in_list);
    s->mqueue_count--;
    core_lock_release(&s->mqueue_lock);
    CORE_LIST_FOR_EACH_SAFE(node, &q->messages)
    {
        vfs_mqueue_message_free(CORE_LIST_ENTRY(node, struct vfs_mqueue_message, node));
    }
    netlink_notice_free(q->told.cookie);
    core_arena_free(q, sizeof *q);
}

/* ---- Times ---- */

static void touch_access(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    inode_touch_attributes(inode);
    INODE_SET(inode->atime_ns, inode->ctime_ns);
    core_lock_release(&inode->lock);
}

/* A message came or went. */
static void touch(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    inode_touch(inode);
    INODE_SET(inode->atime_ns, inode->mtime_ns);
    core_lock_release(&inode->lock);
}

/* ---- Messages ---- */

static uint64_t message_size(uint64_t size)
{
    return sizeof(struct vfs_mqueue_message) + size;
}

int vfs_mqueue_message_new(struct vfs_file *file, uint64_t size, uint32_t priority,
                           struct vfs_mqueue_message **out)
{
    const struct vfs_mqueue *q = queue_of(file);
    *out = NULL;
    if (!q || !vfs_file_may(file, PLAT_WRITE))
        return -LX_EBADF;
    if (size > q->max_size)
        return -LX_EMSGSIZE;
    struct vfs_mqueue_message *m = core_arena_alloc_dirty(message_size(size));
    if (!m)
        return -LX_ENOMEM;
    m->priority = priority;
    m->size = (uint32_t)size;
    *out = m;
    return 0;
}

void vfs_mqueue_message_free(struct vfs_mqueue_message *m)
{
    if (m)
        core_arena_free(m, message_size(m->size));
}

static void insert_locked(struct vfs_mqueue *q, struct vfs_mqueue_message *m)
{
    struct core_list *after = q->messages.prev; /* the last one that is to be taken before it */
    while (after != &q->messages &&
           CORE_LIST_ENTRY(after, struct vfs_mqueue_message, node)->priority < m->priority)
        after = after->prev;
    core_list_add_first(after, &m->node);
    q->count++;
    q->size += m->size;
}

static struct vfs_mqueue_message *take_locked(struct vfs_mqueue *q)
{
    struct vfs_mqueue_message *m =
        CORE_LIST_ENTRY(q->messages.next, struct vfs_mqueue_message, node);
    core_list_remove(&m->node);
    q->count--;
    q->size -= m->size;
    return m;
}

/* ---- Waiting ---- */

/* By nice value, and among equals as they came: wq_add() in Linux. */
static void join_locked(struct core_list *list, struct mqueue_wait *w)
{
    struct core_list *after = list->prev;
    while (after != list && CORE_LIST_ENTRY(after, struct mqueue_wait, node)->nice > w->nice)
        after = after->prev;
    core_list_add_first(after, &w->node);
}

/*
 * Wait in a list until served.  The lock is released meanwhile.
 *   m  what is to be sent; afterwards what was received, or could not be sent.
 */
static int wait_locked(struct vfs_mqueue *q, struct core_list *list, struct vfs_mqueue_message **m,
                       int64_t deadline_ns, struct core_sleeper *self)
{
    struct mqueue_wait *w = core_arena_alloc(sizeof *w);
    struct vfs_mqueue_caller caller;
    int err = 0;
    if (!w)
        return -LX_ENOMEM;
    g_providers.mqueues->caller(&caller);
    w->sleeper = self;
    w->message = *m;
    w->nice = caller.nice;
    join_locked(list, w);
    while (!w->is_served && err == 0) {
        core_lock_release(&q->lock);
        err = core_sleep(self, 0, deadline_ns);
        core_lock_acquire(&q->lock);
    }
    if (w->is_served) /* whatever ended the sleep */
        err = 0;
    core_list_remove(&w->node);
    *m = w->message;
    core_arena_free(w, sizeof *w);
    return err;
}

/*
 * Serve who comes first; 0: nobody waits.
 *   m  for a receiver; NULL: a sender's message goes into the queue.
 */
static int serve_locked(struct vfs_mqueue *q, struct core_list *list, struct vfs_mqueue_message *m,
                        struct core_wakes *wakes)
{
    if (core_list_is_empty(list))
        return 0;
    struct mqueue_wait *w = CORE_LIST_ENTRY(list->next, struct mqueue_wait, node);
    if (!m)
        insert_locked(q, w->message);
    w->message = m;
    w->is_served = 1;
    core_list_remove(&w->node);
    core_list_add(&q->served, &w->node);
    core_sleeper_wake_later(w->sleeper, wakes);
    return 1;
}

static void forget_in_locked(struct core_list *list, const struct core_sleeper *sleeper)
{
    CORE_LIST_FOR_EACH_SAFE(node, list)
    {
        struct mqueue_wait *w = CORE_LIST_ENTRY(node, struct mqueue_wait, node);
        if (w->sleeper != sleeper)
            continue;
        core_list_remove(node);
        vfs_mqueue_message_free(w->message);
        core_arena_free(w, sizeof *w);
    }
}

void vfs_mqueue_forget_sleeper(const struct core_sleeper *sleeper)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->mqueue_lock);
    CORE_LIST_FOR_EACH(node, &s->mqueues)
    {
        struct vfs_mqueue *q = CORE_LIST_ENTRY(node, struct vfs_mqueue, in_list);
        core_lock_acquire(&q->lock);
        forget_in_locked(&q->senders, sleeper);
        forget_in_locked(&q->receivers, sleeper);
        forget_in_locked(&q->served, sleeper);
        core_lock_release(&q->lock);
    }
    core_lock_release(&s->mqueue_lock);
}

/* ---- Telling ---- */

/* Who is told now, and not again; their part is done without the lock. */
static void take_told_locked(struct vfs_mqueue *q, struct told *out)
{
    *out = q->told;
    q->told = (struct told){.owner = NULL};
}

static void tell(const struct told *told)
{
    if (told->owner && told->method == LX_SIGEV_SIGNAL && told->signal.number)
        g_providers.mqueues->send(&told->signal);
    if (told->cookie)
        netlink_notice_send(told->cookie, LX_MQ_NOTIFY_WOKENUP);
}

/* 1 if this process was to be told. */
static int forget_owner(struct vfs_mqueue *q, const struct vfs_fdtable *fds)
{
    struct told told = {.owner = NULL};
    core_lock_acquire(&q->lock);
    if (q->told.owner == fds)
        take_told_locked(q, &told);
    core_lock_release(&q->lock);
    if (told.cookie)
        netlink_notice_send(told.cookie, LX_MQ_NOTIFY_REMOVED);
    return told.owner != NULL;
}

void vfs_mqueue_forget_process(struct vfs_file *file, const struct vfs_fdtable *fds)
{
    struct vfs_mqueue *q = queue_of(file);
    if (q)
        forget_owner(q, fds);
}

/* cookie: moved if this succeeds; NULL: there is none. */
static int set_told(struct vfs_mqueue *q, const struct vfs_mqueue_notice *notice,
                    struct netlink_notice *cookie, const struct vfs_fdtable *fds)
{
    struct vfs_mqueue_caller caller;
    g_providers.mqueues->caller(&caller);
    core_lock_acquire(&q->lock);
    int err = q->told.owner ? -LX_EBUSY : 0;
    if (err == 0)
        q->told = (struct told){
            .owner = fds,
            .method = notice->method,
            .signal = {caller.pid, caller.program, notice->number, notice->value},
            .cookie = cookie,
        };
    core_lock_release(&q->lock);
    return err;
}

int vfs_mqueue_notify(struct vfs_file *file, const struct vfs_mqueue_notice *notice,
                      const struct vfs_fdtable *fds)
{
    struct vfs_mqueue *q = queue_of(file);
    struct netlink_notice *cookie = NULL;
    int err = 0;
    if (notice && notice->method == LX_SIGEV_THREAD)
        err = netlink_notice_new(notice->socket, notice->cookie, sizeof notice->cookie, &cookie);
    if (err == 0 && !q)
        err = -LX_EBADF;
    if (err == 0 && notice)
        err = set_told(q, notice, cookie, fds);
    if (err < 0)
        netlink_notice_free(cookie);
    else if (notice || forget_owner(q, fds))
        touch_access(file->inode);
    return err;
}

/* ---- Sending and receiving ---- */

static int may_wait(const struct vfs_file *file)
{
    return !(file->flags & LX_O_NONBLOCK);
}

/* Whoever polls hears of all that changes, as in Linux. */
static void wake_pollers(struct vfs_mqueue *q)
{
    core_waitq_wake(&q->waitq, ~0u, UINT32_MAX);
}

int vfs_mqueue_send(struct vfs_file *file, struct vfs_mqueue_message *m, int64_t deadline_ns,
                    struct core_sleeper *self)
{
    struct vfs_mqueue *q = queue_of(file);
    struct told told = {.owner = NULL};
    struct core_wakes wakes;
    wakes.count = 0;
    core_lock_acquire(&q->lock);
    if (q->count == q->max_count) {
        int err = may_wait(file) ? wait_locked(q, &q->senders, &m, deadline_ns, self) : -LX_EAGAIN;
        core_lock_release(&q->lock);
        vfs_mqueue_message_free(m); /* NULL if it was sent */
        return err;
    }
    int is_served = serve_locked(q, &q->receivers, m, &wakes);
    if (!is_served) {
        insert_locked(q, m);
        if (q->count == 1)
            take_told_locked(q, &told);
    }
    core_lock_release(&q->lock);
    core_wakes_send(&wakes);
    if (!is_served) {
        tell(&told);
        wake_pollers(q);
    }
    touch(file->inode);
    return 0;
}

int vfs_mqueue_receive(struct vfs_file *file, uint64_t size, int64_t deadline_ns,
                       struct core_sleeper *self, struct vfs_mqueue_message **out)
{
    struct vfs_mqueue *q = queue_of(file);
    struct core_wakes wakes;
    *out = NULL;
    wakes.count = 0;
    if (!q || !vfs_file_may(file, PLAT_READ))
        return -LX_EBADF;
    if (size < q->max_size)
        return -LX_EMSGSIZE;
    core_lock_acquire(&q->lock);
    if (!q->count) {
        int err =
            may_wait(file) ? wait_locked(q, &q->receivers, out, deadline_ns, self) : -LX_EAGAIN;
        core_lock_release(&q->lock);
        return err;
    }
    *out = take_locked(q);
    int is_served = serve_locked(q, &q->senders, NULL, &wakes);
    core_lock_release(&q->lock);
    core_wakes_send(&wakes);
    if (!is_served)
        wake_pollers(q);
    touch(file->inode);
    return 0;
}

/* ---- The open file ---- */

int vfs_mqueue_attributes(struct vfs_file *file, const struct lx_mq_attr *set,
                          struct lx_mq_attr *old)
{
    struct vfs_mqueue *q = queue_of(file);
    if (!q)
        return -LX_EBADF;
    if (old) {
        core_lock_acquire(&q->lock);
        *old = (struct lx_mq_attr){.mq_flags = file->flags & LX_O_NONBLOCK,
                                   .mq_maxmsg = q->max_count,
                                   .mq_msgsize = q->max_size,
                                   .mq_curmsgs = q->count};
        core_lock_release(&q->lock);
    }
    if (!set)
        return 0;
    if (set->mq_flags & LX_O_NONBLOCK)
        atomic_fetch_or(&file->flags, LX_O_NONBLOCK);
    else
        atomic_fetch_and(&file->flags, ~(uint32_t)LX_O_NONBLOCK);
    touch_access(file->inode);
    return 0;
}

int64_t vfs_mqueue_read(struct vfs_file *file, void *buf, uint64_t size, uint64_t offset)
{
    struct vfs_mqueue *q = queue_of(file);
    struct vfs_text t = {.data = NULL};
    core_lock_acquire(&q->lock);
    uint64_t bytes = q->size;
    const struct told told = q->told;
    core_lock_release(&q->lock);
    vfs_text_f(&t, "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
               (unsigned long long)bytes, told.method,
               told.method == LX_SIGEV_SIGNAL ? told.signal.number : 0, told.signal.pid);
    uint64_t left = offset < t.size ? t.size - offset : 0;
    if (size > left)
        size = left;
    uint64_t failed = size ? plat_copy_guest(buf, t.data + offset, size) : 0;
    int64_t result = t.failed                 ? -LX_ENOMEM
                     : size && failed == size ? -LX_EFAULT
                                              : (int64_t)(size - failed);
    vfs_text_free(&t);
    if (result > 0)
        touch_access(file->inode);
    return result;
}

uint32_t vfs_mqueue_poll(struct vfs_file *file)
{
    struct vfs_mqueue *q = queue_of(file);
    core_lock_acquire(&q->lock);
    uint32_t ready = (q->count ? LX_POLLIN | LX_POLLRDNORM : 0u) |
                     (q->count < q->max_count ? LX_POLLOUT | LX_POLLWRNORM : 0u);
    core_lock_release(&q->lock);
    return ready;
}

struct core_waitq *vfs_mqueue_waitq(struct vfs_file *file)
{
    return &queue_of(file)->waitq;
}
