/* SPDX-License-Identifier: MIT */
/*
 * Sockets in flight: those whose files are in messages.  One that nobody has open but messages,
 * in queues of sockets that again nobody has open but messages, would never be closed.  Such
 * circles are found as Linux did it up to 6.9: count, for each socket that only messages hold,
 * the messages in queues of such sockets; where some are left over, and in all that those lead
 * to, somebody may yet receive.  The rest loses its messages, and so ends.
 *
 * What is just being sent or received is in flight and in no queue, so it counts as left over.
 */

#include <stdatomic.h>

#include "internal.h"
#include "unix.h"
#include "vfs/file.h"

#define ALWAYS 64u      /* with so few sockets in flight every chance is taken */
#define ONE_IN_PARTS 4u /* else one each time that so large a part of them may have been lost */

/* struct vfs_socket.mark */
enum { NO_CANDIDATE, CANDIDATE, LIVE };

/* Those of other families hold no files. */
static struct vfs_socket *socket_of(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_SOCKET && file->socket->family == LX_AF_UNIX ? file->socket
                                                                               : NULL;
}

void unix_flight_begin(struct vfs_rights *rights)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    for (uint32_t i = 0; i < rights->count; i++) {
        struct vfs_socket *s = socket_of(rights->files[i]);
        if (s && s->in_flight++ == 0) {
            core_list_add(&state->sockets_in_flight, &s->in_flight_node);
            state->in_flight_count++;
        }
    }
    core_lock_release(&state->socket_lock);
}

void unix_flight_end(struct vfs_rights *rights)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    for (uint32_t i = 0; i < rights->count; i++) {
        struct vfs_socket *s = socket_of(rights->files[i]);
        if (s && --s->in_flight == 0) {
            core_list_remove(&s->in_flight_node);
            state->in_flight_count--;
        }
    }
    core_lock_release(&state->socket_lock);
}

/* ---- Walking ---- */

struct collection {
    struct core_list candidates; /* by in_flight_node; some are found to be live */
    struct core_list live;       /* whose queues are still to be looked at, and then */
    struct core_list seen;       /* those that were */
};

/* What a socket in a queue of a candidate, or of a live one, means. */
typedef void (*visit)(struct collection *c, struct vfs_socket *child);

static void visit_queue_locked(struct collection *c, struct vfs_socket *s, visit each)
{
    CORE_LIST_FOR_EACH(node, &s->queue)
    {
        const struct vfs_rights *r = CORE_LIST_ENTRY(node, struct unix_message, node)->rights;
        for (uint32_t i = 0; r && i < r->count; i++) {
            struct vfs_socket *child = socket_of(r->files[i]);
            if (child)
                each(c, child);
        }
    }
}

/* Also what has been sent to connections that nobody has accepted. */
static void visit_children(struct collection *c, struct vfs_socket *s, visit each)
{
    core_lock_acquire(&s->lock);
    if (s->state != SOCKET_LISTENS) {
        visit_queue_locked(c, s, each);
    } else {
        CORE_LIST_FOR_EACH(node, &s->queue)
        {
            struct vfs_socket *end = CORE_LIST_ENTRY(node, struct vfs_socket, pending);
            core_lock_acquire(&end->lock);
            visit_queue_locked(c, end, each);
            core_lock_release(&end->lock);
        }
    }
    core_lock_release(&s->lock);
}

static void count_child(struct collection *c, struct vfs_socket *child)
{
    (void)c;
    if (child->mark != NO_CANDIDATE)
        child->held_by_candidates++;
}

static void revive(struct collection *c, struct vfs_socket *child)
{
    if (child->mark != CANDIDATE)
        return;
    child->mark = LIVE;
    core_list_remove(&child->in_flight_node);
    core_list_add(&c->live, &child->in_flight_node);
}

static struct vfs_socket *first_of(struct core_list *list)
{
    return CORE_LIST_ENTRY(list->next, struct vfs_socket, in_flight_node);
}

/* ---- Collecting ---- */

static void find_candidates(struct vfs_state *state, struct collection *c)
{
    CORE_LIST_FOR_EACH_SAFE(node, &state->sockets_in_flight)
    {
        struct vfs_socket *s = CORE_LIST_ENTRY(node, struct vfs_socket, in_flight_node);
        s->held_by_candidates = 0;
        s->mark = s->file && s->file->refs == s->in_flight ? CANDIDATE : NO_CANDIDATE;
        if (s->mark == NO_CANDIDATE)
            continue;
        core_list_remove(node);
        core_list_add(&c->candidates, node);
    }
}

static void find_live(struct collection *c)
{
    CORE_LIST_FOR_EACH(node, &c->candidates)
    {
        visit_children(c, CORE_LIST_ENTRY(node, struct vfs_socket, in_flight_node), count_child);
    }
    CORE_LIST_FOR_EACH_SAFE(node, &c->candidates)
    {
        struct vfs_socket *s = CORE_LIST_ENTRY(node, struct vfs_socket, in_flight_node);
        if (s->in_flight > s->held_by_candidates)
            revive(c, s);
    }
    while (!core_list_is_empty(&c->live)) {
        struct vfs_socket *s = first_of(&c->live);
        core_list_remove(&s->in_flight_node);
        core_list_add(&c->seen, &s->in_flight_node);
        visit_children(c, s, revive);
    }
}

static void take_messages(struct vfs_socket *s, struct core_list *out)
{
    core_lock_acquire(&s->lock);
    if (s->state != SOCKET_LISTENS) {
        unix_queue_take_locked(s, out);
    } else {
        CORE_LIST_FOR_EACH(node, &s->queue)
        {
            struct vfs_socket *end = CORE_LIST_ENTRY(node, struct vfs_socket, pending);
            core_lock_acquire(&end->lock);
            unix_queue_take_locked(end, out);
            core_lock_release(&end->lock);
        }
    }
    core_lock_release(&s->lock);
}

/* A collection walks all that is in flight: many at once make it rarer, so that none pays for all. */
static int is_due_locked(struct vfs_state *state)
{
    uint32_t chances = ++state->collections_skipped;
    if (state->in_flight_count > ALWAYS && chances < state->in_flight_count / ONE_IN_PARTS)
        return 0;
    state->collections_skipped = 0;
    return 1;
}

static void collect_locked(struct vfs_state *state, struct core_list *garbage)
{
    struct collection c;
    core_list_init(&c.candidates);
    core_list_init(&c.live);
    core_list_init(&c.seen);
    find_candidates(state, &c);
    find_live(&c);
    CORE_LIST_FOR_EACH(node, &c.candidates)
    {
        take_messages(CORE_LIST_ENTRY(node, struct vfs_socket, in_flight_node), garbage);
    }
    core_list_move(&c.seen, &state->sockets_in_flight);
    core_list_move(&c.candidates, &state->sockets_in_flight);
}

void unix_collect(struct core_list *rest)
{
    struct vfs_state *state = vfs_state();
    struct core_list garbage;
    core_list_init(&garbage);
    core_lock_acquire(&state->socket_lock);
    if (is_due_locked(state))
        collect_locked(state, &garbage);
    core_lock_release(&state->socket_lock);
    unix_messages_free(&garbage, rest);
}
