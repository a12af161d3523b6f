/* SPDX-License-Identifier: MIT */
/* The table of futexes: what a word is, and who waits for it. */

#include "futex/table.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/hash.h"
#include "core/layout.h"
#include "core/wait.h"
#include "lx/errno.h"
#include "plat/thread.h"
#include "shim/memory.h"
#include "shim/task.h"
#include "shim/user.h"

#define ADDRESS_END 0x7ffffffff000ull /* of what Linux lets a process have */

/*
 * As on Linux, a wake with FUTEX_PRIVATE_FLAG does not find a wait without it, even in private
 * memory: this bit, which no offset of a word has, tells them apart.
 */
#define SHARED_BIT 1u

int shim_futex_init(void)
{
    struct futex_table *table = core_arena_alloc(sizeof *table);
    if (!table)
        return -LX_ENOMEM;
    core_lock_init(&table->pi_lock, CORE_LOCK_FUTEX_PI);
    for (uint32_t i = 0; i < FUTEX_BUCKET_COUNT; i++) {
        core_lock_init(&table->buckets[i].lock, CORE_LOCK_FUTEX);
        core_list_init(&table->buckets[i].waiters);
        core_list_init(&table->buckets[i].pis);
    }
    shim_container()->futexes = table;
    return 0;
}

struct futex_table *futex_table(void)
{
    return shim_container()->futexes;
}

int futex_load(lx_uptr word, uint32_t *value)
{
    if (!shim_user_ok(word, sizeof *value))
        return -LX_EFAULT;
    return plat_load_guest32((const void *)word, value) ? -LX_EFAULT : 0;
}

int futex_exchange(lx_uptr word, uint32_t expected, uint32_t desired, uint32_t *old)
{
    if (!shim_user_ok(word, sizeof *old))
        return -LX_EFAULT;
    return plat_cmpxchg_guest32((void *)word, expected, desired, old) ? -LX_EFAULT : 0;
}

/* A private one need not be there: only the address counts. */
int futex_find(struct shim_task *t, lx_uptr word, int shared, struct futex *out)
{
    struct shim_mm *mm = t->process->mm;
    *out = (struct futex){word, {(uint64_t)mm, word}};
    if (word & 3)
        return -LX_EINVAL;
    if (word >= ADDRESS_END)
        return -LX_EFAULT;
    if (!shared)
        return 0;
    uint32_t value;
    uint64_t key[2];
    int err = futex_load(word, &value);
    if (err == 0)
        err = shim_mm_futex_key(mm, word, key);
    if (err == 0)
        out->key = (struct shim_futex_key){key[0], key[1] | SHARED_BIT};
    return err;
}

int futex_same(const struct shim_futex_key *a, const struct shim_futex_key *b)
{
    return a->offset == b->offset && a->object == b->object;
}

static uint32_t index_of(const struct shim_futex_key *key)
{
    return (uint32_t)(core_hash_u64(key->offset + 31 * key->object) % FUTEX_BUCKET_COUNT);
}

struct bucket *futex_bucket(const struct shim_futex_key *key)
{
    return &futex_table()->buckets[index_of(key)];
}

void futex_lock_two(struct bucket *a, struct bucket *b)
{
    core_lock_acquire(a < b ? &a->lock : &b->lock);
    if (a != b)
        core_lock_acquire(a < b ? &b->lock : &a->lock);
}

void futex_unlock_two(struct bucket *a, struct bucket *b)
{
    core_lock_release(&a->lock);
    if (a != b)
        core_lock_release(&b->lock);
}

struct shim_futex_waiter *futex_first_locked(struct bucket *b, const struct shim_futex_key *key)
{
    CORE_LIST_FOR_EACH(node, &b->waiters)
    {
        struct shim_futex_waiter *w = CORE_LIST_ENTRY(node, struct shim_futex_waiter, node);
        if (futex_same(&w->key, key))
            return w;
    }
    return NULL;
}

static void set_key(struct shim_futex_waiter *w, struct bucket *b, const struct shim_futex_key *key)
{
    w->key = *key;
    atomic_store(&w->bucket, (uint32_t)(b - futex_table()->buckets));
}

void futex_enqueue_locked(struct bucket *b, struct shim_task *t, struct shim_futex_waiter *w,
                          const struct shim_futex_key *key, uint32_t bitset)
{
    w->task = t;
    w->bitset = bitset;
    w->owner_died = 0;
    set_key(w, b, key);
    atomic_store(&w->queued, 1);
    core_list_add(&b->waiters, &w->node);
}

void futex_move_locked(struct bucket *from, struct bucket *to, struct shim_futex_waiter *w,
                       const struct shim_futex_key *key)
{
    if (from != to) {
        core_list_remove(&w->node);
        core_list_add(&to->waiters, &w->node);
    }
    set_key(w, to, key);
}

void futex_release_locked(struct shim_futex_waiter *w, struct core_wakes *wakes)
{
    core_list_remove(&w->node);
    atomic_store(&w->queued, 0);
    core_sleeper_wake_later(&w->task->sleeper, wakes);
}

struct bucket *futex_lock_bucket_of(struct shim_futex_waiter *w)
{
    for (;;) {
        uint32_t index = atomic_load(&w->bucket);
        struct bucket *b = &futex_table()->buckets[index];
        core_lock_acquire(&b->lock);
        if (atomic_load(&w->bucket) == index)
            return b;
        core_lock_release(&b->lock);
    }
}

int futex_dequeue(struct shim_futex_waiter *w)
{
    struct bucket *b = futex_lock_bucket_of(w);
    int was = atomic_load(&w->queued) != 0;
    if (was) {
        core_list_remove(&w->node);
        atomic_store(&w->queued, 0);
    }
    core_lock_release(&b->lock);
    return was;
}
