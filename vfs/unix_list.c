/* SPDX-License-Identifier: MIT */
/* All AF_UNIX sockets there are, also those without a name: what /proc/net/unix shows. */

#include "internal.h"
#include "unix.h"

void unix_init(struct vfs_socket *s)
{
    struct vfs_state *state = vfs_state();
    core_list_init(&s->in_list);
    core_lock_acquire(&state->socket_lock);
    core_list_add(&state->unix_sockets, &s->in_list);
    core_lock_release(&state->socket_lock);
}

void unix_list_leave(struct vfs_socket *s)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    core_list_remove(&s->in_list);
    core_lock_release(&state->socket_lock);
}

static void show_locked(const struct vfs_socket *s, struct vfs_unix_row *row)
{
    *row = (struct vfs_unix_row){.refs = s->refs,
                                 .type = s->type,
                                 .listens = s->state == SOCKET_LISTENS,
                                 .connected = s->state == SOCKET_CONNECTED,
                                 .accepted = s->accepted,
                                 .ino = s->ino,
                                 .name = s->has_name ? &s->name : NULL};
}

void vfs_unix_list(void (*each)(void *arg, const struct vfs_unix_row *row), void *arg)
{
    struct vfs_state *state = vfs_state();
    struct vfs_unix_row row;
    core_lock_acquire(&state->socket_lock);
    CORE_LIST_FOR_EACH(node, &state->unix_sockets)
    {
        struct vfs_socket *s = CORE_LIST_ENTRY(node, struct vfs_socket, in_list);
        core_lock_acquire(&s->lock);
        show_locked(s, &row);
        core_lock_release(&s->lock);
        each(arg, &row); /* the name is constant, and no socket of the list is freed now */
    }
    core_lock_release(&state->socket_lock);
}
