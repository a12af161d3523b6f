/* SPDX-License-Identifier: MIT */
/* Futexes of a thread that ends: robust lists, and what it owned. */

#include "core/arena.h"
#include "futex/table.h"
#include "lx/errno.h"
#include "lx/futex.h"
#include "shim/task.h"
#include "shim/user.h"

#define ROBUST_LIMIT 2048u /* as Linux: a circular list must end */
#define PI_BIT 1u          /* in a pointer of the list: it points to a PI futex */

/*
 * If the thread holds this futex, say that its owner died, and wake one waiter.  A PI
 * futex's waiters are dealt with by futex_disown_all().
 *   pending  1: the thread was about to take or leave it, and may have left it without
 *            having woken anyone.
 */
static int orphan(struct shim_task *t, lx_uptr word, int is_pi, int pending)
{
    uint32_t old, seen;
    if (word & 3)
        return -LX_EINVAL;
    int err = futex_load(word, &old);
    if (err < 0)
        return err;
    if (pending && !is_pi && !(old & LX_FUTEX_TID_MASK)) {
        shim_futex_wake(t, word, 1);
        return 0;
    }
    for (; (old & LX_FUTEX_TID_MASK) == (uint32_t)t->tid; old = seen) {
        err = futex_exchange(word, old, (old & LX_FUTEX_WAITERS) | LX_FUTEX_OWNER_DIED, &seen);
        if (err < 0)
            return err;
        if (seen != old)
            continue;
        if (!is_pi && old & LX_FUTEX_WAITERS)
            shim_futex_wake(t, word, 1);
        break;
    }
    return 0;
}

static void orphan_list(struct shim_task *t)
{
    struct lx_robust_list_head head;
    if (!t->robust_list || shim_copy_in(&head, t->robust_list, sizeof head) < 0)
        return;
    const lx_uptr pi = PI_BIT;
    lx_uptr offset = (lx_uptr)head.futex_offset, pending = head.list_op_pending & ~pi;
    lx_uptr entry = head.list;
    for (uint32_t i = 0; i < ROBUST_LIMIT && (entry & ~pi) != t->robust_list; i++) {
        lx_uptr next, at = entry & ~pi;
        int err = shim_copy_in(&next, at, sizeof next); /* before another thread may free it */
        if (at != pending && orphan(t, at + offset, entry & pi, 0) < 0)
            return;
        if (err < 0)
            return;
        entry = next;
    }
    if (pending) {
        int err = orphan(t, pending + offset, head.list_op_pending & pi, 1);
        (void)err; /* the thread ends either way */
    }
}

void shim_futex_exit(struct shim_task *t)
{
    orphan_list(t);
    futex_disown_all(t);
}

void shim_futex_exec(struct shim_task *t)
{
    shim_futex_exit(t);
    t->robust_list = 0;
    core_lock_acquire(&futex_table()->pi_lock);
    t->futex.gone = 0;
    core_lock_release(&futex_table()->pi_lock);
}

void shim_futex_drop(struct shim_task *t)
{
    struct shim_futex_task *f = &t->futex;
    futex_leave_pi(&f->waiter);
    futex_dequeue(&f->waiter);
    for (uint32_t i = 0; f->vector && i < f->vector_count; i++)
        futex_dequeue(&f->vector[i]);
    if (f->vector)
        core_arena_free(f->vector, f->vector_count * sizeof *f->vector);
    f->vector = NULL;
    futex_disown_all(t);
}
