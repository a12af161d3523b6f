/* SPDX-License-Identifier: MIT */
#ifndef CORE_LIST_H
#define CORE_LIST_H

/*
 * Intrusive circular doubly linked list.  Nodes lie in what they link; in the
 * arena the pointers are good in every process.
 *
 * Threads  the caller locks.  Errors  none.
 */

#include <stddef.h>

struct core_list {
    struct core_list *next, *prev; /* both point to the node itself when it is in no list */
};

#define CORE_LIST_ENTRY(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

#define CORE_LIST_FOR_EACH(node, head) \
    for (struct core_list *node = (head)->next; node != (head); node = node->next)

/* As above; the body may remove `node`. */
#define CORE_LIST_FOR_EACH_SAFE(node, head)                                                \
    for (struct core_list *node = (head)->next, *node##_next = node->next; node != (head); \
         node = node##_next, node##_next = node->next)

static inline void core_list_init(struct core_list *l)
{
    l->next = l->prev = l;
}

static inline int core_list_is_empty(const struct core_list *l)
{
    return l->next == l;
}

static inline void core_list_add(struct core_list *head, struct core_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void core_list_add_first(struct core_list *head, struct core_list *node)
{
    core_list_add(head->next, node);
}

static inline void core_list_remove(struct core_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    core_list_init(node);
}

/* All of one list to the end of another. */
static inline void core_list_move(struct core_list *from, struct core_list *to)
{
    if (core_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    core_list_init(from);
}

#endif
