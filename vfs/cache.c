/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache: direct-mapped, of fixed size, read without locks.
 *
 * A reader may see an inode that has just gone.  That is harmless: inodes stay
 * inodes for ever (see inode_alloc()), it reads their atomic fields only, and the
 * slot's sequence tells it afterwards to forget what it read.  Stores of a writer
 * are releases and loads of a reader acquires, so a reader that sees any of a
 * change sees the sequence that came before it.
 */

#include <stdatomic.h>

#include "core/hash.h"
#include "core/mem.h"
#include "internal.h"
#include "plat/plat.h"

#define MULTIPLIER 0x9fb21c651e98df25ull
#define SPINS 200 /* longer than any change */

#define LOAD(field) atomic_load_explicit(&(field), memory_order_acquire)
#define STORE(field, value) atomic_store_explicit(&(field), (value), memory_order_release)

static uint64_t load(const char *bytes, uint32_t size)
{
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    return word;
}

/* Up to eight bytes as a number, the first one lowest; two loads may overlap. */
static uint64_t word_at(const char *bytes, uint32_t size)
{
    if (size >= 8)
        return load(bytes, 8);
    if (size >= 4)
        return load(bytes, 4) | load(bytes + size - 4, 4) << (8 * (size - 4));
    if (size >= 2)
        return load(bytes, 2) | load(bytes + size - 2, 2) << (8 * (size - 2));
    return load(bytes, 1);
}

void name_key_init(struct name_key *key, uint64_t dir, const char *name, uint32_t size)
{
    key->name = name;
    key->size = size;
    key->dir = dir;
    if (size > NAME_CACHED) {
        key->hash = core_hash_bytes(name, size, dir);
        return;
    }
    uint64_t hash = dir ^ (uint64_t)size << 56;
    uint32_t i = 0;
    for (uint32_t at = 0; at < size; at += 8) {
        uint64_t word = word_at(name + at, size - at);
        hash = (hash ^ word) * MULTIPLIER;
        hash ^= hash >> 32;
        key->words[i++] = word;
    }
    while (i < NAME_WORDS)
        key->words[i++] = 0;
    key->hash = core_hash_u64(hash);
}

static struct cache_slot *slot_of(const struct name_key *key)
{
    return &vfs_state()->cache[key->hash % CACHE_SLOTS];
}

static int is_of(const struct cache_slot *s, const struct name_key *key)
{
    if (LOAD(s->dir) != key->dir || LOAD(s->size) != key->size)
        return 0;
    for (uint32_t i = 0; i < NAME_WORDS; i++) {
        if (LOAD(s->words[i]) != key->words[i])
            return 0;
    }
    return 1;
}

int cache_peek(const struct name_key *key, struct cache_view *out)
{
    if (key->size > NAME_CACHED)
        return 0;
    const struct cache_slot *s = slot_of(key);
    out->slot = s;
    out->sequence = LOAD(s->sequence);
    if (out->sequence & 1 || !is_of(s, key))
        return 0;
    out->inode = LOAD(s->inode);
    return cache_still(out);
}

int cache_still(const struct cache_view *view)
{
    return LOAD(view->slot->sequence) == view->sequence;
}

int cache_take(const struct cache_view *view)
{
    if (!inode_get_live(view->inode))
        return 0;
    if (cache_still(view))
        return 1;
    vfs_inode_put(view->inode);
    return 0;
}

/* Take the right to change the slot; only some stores are made with it. */
static uint32_t begin_change(struct cache_slot *s)
{
    uint32_t sequence = LOAD(s->sequence);
    for (uint32_t i = 0;
         sequence & 1 || !atomic_compare_exchange_weak(&s->sequence, &sequence, sequence + 1);
         i++) {
        if (i < SPINS)
            __builtin_ia32_pause();
        else
            plat_thread_yield(0);
        sequence = LOAD(s->sequence);
    }
    return sequence;
}

/* Change the slot and give the right back; returns the reference that it held. */
static struct vfs_inode *end_change(struct cache_slot *s, uint32_t sequence,
                                    const struct name_key *key, struct vfs_inode *inode)
{
    struct vfs_inode *old = LOAD(s->inode);
    STORE(s->size, key ? key->size : 0);
    STORE(s->inode, inode);
    if (key) {
        STORE(s->dir, key->dir);
        for (uint32_t i = 0; i < NAME_WORDS; i++)
            STORE(s->words[i], key->words[i]);
    }
    STORE(s->sequence, sequence + 2);
    return old;
}

void cache_add_locked(const struct name_key *key, struct vfs_inode *inode)
{
    if (key->size > NAME_CACHED)
        return;
    struct cache_slot *s = slot_of(key);
    if (inode)
        vfs_inode_get(inode);
    struct vfs_inode *old = end_change(s, begin_change(s), key, inode);
    vfs_inode_put(old); /* never the last one: the name it was cached for is still there */
}

void cache_drop_locked(const struct name_key *key)
{
    if (key->size > NAME_CACHED)
        return;
    struct cache_slot *s = slot_of(key);
    struct vfs_inode *old = NULL;
    uint32_t sequence = begin_change(s);
    if (is_of(s, key))
        old = end_change(s, sequence, NULL, NULL);
    else
        STORE(s->sequence, sequence);
    vfs_inode_put(old);
}
