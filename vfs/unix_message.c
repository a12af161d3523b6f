/* SPDX-License-Identifier: MIT */
/* Messages of AF_UNIX sockets: their memory, and what they count for. */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "unix.h"
#include "vfs/file.h"

#define OVERFLOW_ID 65534u /* of whom nothing is known */

/* One look whether a message may be made: unix_message_new()'s errors. */
static int64_t may_send(struct vfs_socket *s, void *arg)
{
    const uint32_t *cost = arg;
    int err = socket_take_error(s);
    if (err < 0)
        return err;
    if (s->shut & SOCKET_NO_SEND)
        return -LX_EPIPE;
    if (s->sent >= s->send_limit) {
        unix_want_room(s);
        return -LX_EAGAIN;
    }
    atomic_fetch_add(&s->sent, *cost);
    return 0;
}

/* Whoever waits or polls is told when so much room has come that it pays: sock_wfree() in Linux. */
static void give_room(struct vfs_socket *s, uint32_t cost)
{
    atomic_fetch_sub(&s->sent, cost);
    if (unix_is_writable(s))
        socket_tell_writable(s);
}

int unix_message_new(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                     struct socket_cursor *from, uint64_t size, uint32_t cost, int waits,
                     struct unix_message **out)
{
    *out = NULL;
    int err = (int)socket_wait_for(s, caller, waits, SOCKET_OUT, may_send, &cost);
    if (err < 0)
        return err;
    struct unix_message *msg = core_arena_alloc_dirty(sizeof *msg + size);
    if (!msg) {
        give_room(s, cost);
        return -LX_ENOBUFS;
    }
    core_list_init(&msg->node);
    msg->sender = socket_get(s);
    msg->cost = cost;
    msg->size = (uint32_t)size;
    msg->begin = 0;
    msg->rights = NULL;
    msg->cred = (struct lx_ucred){0, OVERFLOW_ID, OVERFLOW_ID};
    err = socket_copy_in(from, msg->data, size);
    if (err < 0) {
        unix_message_free(msg, NULL);
        return err;
    }
    *out = msg;
    return 0;
}

/* rest: NULL if it is known to carry no files. */
void unix_message_free(struct unix_message *msg, struct core_list *rest)
{
    if (msg->rights) {
        unix_flight_end(msg->rights);
        core_list_add(rest, &msg->rights->node);
    }
    give_room(msg->sender, msg->cost);
    socket_put(msg->sender);
    core_arena_free(msg, sizeof *msg + msg->size);
}

void unix_message_attach(struct unix_message *msg, struct vfs_message *m)
{
    if (!m->rights)
        return;
    msg->rights = m->rights;
    m->rights = NULL;
    unix_flight_begin(msg->rights);
}

void unix_message_drop(struct unix_message *msg, struct vfs_message *m)
{
    if (msg->rights) {
        unix_flight_end(msg->rights);
        m->rights = msg->rights;
        msg->rights = NULL;
    }
    unix_message_free(msg, NULL);
}

/* Credentials go with it if the sender says some, or if either end, or one to come, asks for them. */
void unix_message_queue_locked(struct vfs_socket *to, struct vfs_socket *from,
                               struct unix_message *msg, const struct vfs_message *m,
                               const struct vfs_socket_caller *caller)
{
    if (m->has_cred)
        msg->cred = m->cred;
    else if (socket_option_is_on(from, LX_SO_PASSCRED) || socket_option_is_on(to, LX_SO_PASSCRED) ||
             !to->accepted)
        msg->cred = (struct lx_ucred){caller->pid, caller->uid, caller->gid};
    core_list_add(&to->queue, &msg->node);
    to->queued++;
    to->bytes += msg->size;
}

/* Differs from Linux: without memory for a copy, one that only looks sees no files. */
static struct vfs_rights *rights_copy(const struct vfs_rights *rights)
{
    struct vfs_rights *copy = vfs_rights_new(rights->count);
    for (uint32_t i = 0; copy && i < rights->count; i++)
        copy->files[copy->count++] = vfs_file_get(rights->files[i]);
    return copy;
}

void unix_message_tell_locked(struct unix_message *msg, struct vfs_message *m, int peek)
{
    m->cred = msg->cred;
    m->has_cred = 1;
    if (!msg->rights)
        return;
    if (peek) {
        m->rights = rights_copy(msg->rights);
        return;
    }
    m->rights = msg->rights;
    msg->rights = NULL;
}

void unix_queue_take_locked(struct vfs_socket *s, struct core_list *out)
{
    core_list_move(&s->queue, out);
    s->queued = 0;
    s->bytes = 0;
}

void unix_messages_free(struct core_list *messages, struct core_list *rest)
{
    CORE_LIST_FOR_EACH_SAFE(node, messages)
    {
        core_list_remove(node);
        unix_message_free(CORE_LIST_ENTRY(node, struct unix_message, node), rest);
    }
}
