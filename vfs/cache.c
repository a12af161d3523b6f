/* SPDX-License-Identifier: MIT */
/*
 * The dentry cache: hash tables of fixed size, in stripes with a lock each; read
 * without locks.
 *
 * A reader may see an inode that has just gone.  That is harmless: inodes stay
 * inodes for ever (see inode_alloc()), it reads their atomic fields only, and the
 * slot's sequence tells it afterwards to forget what it read.  Stores of a writer
 * are releases and loads of a reader acquires, so a reader that sees any of a
 * change sees the sequence that came before it.  A reader whose slot moves to
 * another chain goes astray there: it finds the name or says that it is not cached.
 */

#include <stdatomic.h>

#include "core/hash.h"
#include "core/layout.h"
#include "core/mem.h"
#include "internal.h"

#define CHAIN_MAX 16 /* of what a reader looks at: it may go in circles */

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

#ifdef TARBOX_SANITIZED
#define READS_ON 0
#else
#define READS_ON 1 /* what lies behind a text on its page may be read */
#endif

/* Eight bytes of a text, the first one lowest; those behind its end may be anything. */
static uint64_t text_word(const char *text)
{
    if (READS_ON && ((uintptr_t)text & (CORE_PAGE_SIZE - 1)) <= CORE_PAGE_SIZE - 8)
        return load(text, 8);
    uint64_t word = 0;
    for (uint32_t i = 0; i < 8 && text[i]; i++)
        word |= (uint64_t)(unsigned char)text[i] << (8 * i);
    return word;
}

static void add_word(struct name_key *key, uint32_t i, uint64_t word)
{
    key->words[i] = word;
    key->hash = core_hash_fold(key->hash ^ word);
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
    uint32_t i = 0;
    key->hash = core_hash_fold(dir);
    for (uint32_t at = 0; at < size; at += 8)
        add_word(key, i++, word_at(name + at, size - at));
    while (i < NAME_WORDS)
        key->words[i++] = 0;
}

#define EACH_BYTE 0x0101010101010101u

/* The highest bit of each byte that is zero; above the first one also of others. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE) & ~word & (EACH_BYTE << 7);
}

/* The highest bit of the first byte that ends a name; above it those of others. */
static uint64_t ends_in(uint64_t word)
{
    return zero_bytes(word) | zero_bytes(word ^ (EACH_BYTE * '/'));
}

const char *name_key_cut(struct name_key *key, uint64_t dir, const char *path)
{
    uint64_t ends;
    uint32_t i = 0;
    key->name = path;
    key->dir = dir;
    key->hash = core_hash_fold(dir);
    do {
        uint64_t word = text_word(path);
        uint32_t size = 8;
        ends = ends_in(word);
        if (ends)
            size = (uint32_t)__builtin_ctzll(ends) / 8;
        if (!size)
            break;
        add_word(key, i++, word & UINT64_MAX >> (64 - 8 * size));
        path += size;
    } while (!ends && i < NAME_WORDS);
    while (i < NAME_WORDS)
        key->words[i++] = 0;
    while (!ends && *path && *path != '/')
        path++;
    key->size = (uint32_t)(path - key->name);
    return path;
}

/* The highest bits of the hash say which stripe, those below which bucket there. */
static struct cache_stripe *stripe_of(const struct name_key *key)
{
    return &vfs_state()->cache[key->hash >> (64 - CACHE_STRIPE_BITS)];
}

static uint32_t bucket_of(const struct name_key *key)
{
    return (uint32_t)(key->hash >> (64 - CACHE_STRIPE_BITS - CACHE_SLOT_BITS)) % CACHE_SLOTS;
}

static inline int is_of(const struct cache_slot *s, const struct name_key *key)
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
    const struct cache_stripe *stripe = stripe_of(key);
    uint32_t place = LOAD(stripe->buckets[bucket_of(key)]);
    for (uint32_t steps = 0; place && steps < CHAIN_MAX; steps++) {
        const struct cache_slot *s = &stripe->slots[place - 1];
        out->slot = s;
        out->sequence = LOAD(s->sequence);
        if (out->sequence & 1)
            return 0;
        if (is_of(s, key)) {
            out->inode = LOAD(s->inode);
            return cache_still(out);
        }
        place = LOAD(s->next);
    }
    return 0;
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

void cache_init(struct vfs_state *s)
{
    for (uint32_t i = 0; i < sizeof s->cache / sizeof s->cache[0]; i++)
        core_lock_init(&s->cache[i].lock, CORE_LOCK_DENTRY);
}

/* Let a slot mean something else; returns the reference that it held. */
static struct vfs_inode *change_locked(struct cache_slot *s, const struct name_key *key,
                                       struct vfs_inode *inode)
{
    struct vfs_inode *old = LOAD(s->inode);
    uint32_t sequence = LOAD(s->sequence);
    STORE(s->sequence, sequence + 1);
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

/* The link that leads to a name's slot, or to nothing. */
static _Atomic uint16_t *link_of_locked(struct cache_stripe *stripe, const struct name_key *key)
{
    _Atomic uint16_t *link = &stripe->buckets[bucket_of(key)];
    while (LOAD(*link) && !is_of(&stripe->slots[LOAD(*link) - 1], key))
        link = &stripe->slots[LOAD(*link) - 1].next;
    return link;
}

/* Take a slot out of the chain that it is in. */
static void unlink_locked(struct cache_stripe *stripe, uint32_t place)
{
    struct cache_slot *s = &stripe->slots[place - 1];
    _Atomic uint16_t *link = &stripe->buckets[s->bucket];
    while (LOAD(*link) != place)
        link = &stripe->slots[LOAD(*link) - 1].next;
    STORE(*link, LOAD(s->next));
}

/* A slot for a new name: one that was dropped, one never used, or the one that came first. */
static uint32_t take_slot_locked(struct cache_stripe *stripe)
{
    uint32_t place = stripe->dropped;
    if (place) {
        stripe->dropped = LOAD(stripe->slots[place - 1].next);
        return place;
    }
    place = stripe->turn + 1;
    stripe->turn = place % CACHE_SLOTS;
    if (LOAD(stripe->slots[place - 1].size))
        unlink_locked(stripe, place);
    return place;
}

void cache_add_locked(const struct name_key *key, struct vfs_inode *inode)
{
    if (key->size > NAME_CACHED)
        return;
    struct cache_stripe *stripe = stripe_of(key);
    if (inode)
        vfs_inode_get(inode);
    core_lock_acquire(&stripe->lock);
    uint32_t place = LOAD(*link_of_locked(stripe, key)), is_new = !place;
    if (is_new)
        place = take_slot_locked(stripe);
    struct cache_slot *s = &stripe->slots[place - 1];
    struct vfs_inode *old = change_locked(s, key, inode);
    if (is_new) {
        s->bucket = (uint16_t)bucket_of(key);
        STORE(s->next, LOAD(stripe->buckets[s->bucket]));
        STORE(stripe->buckets[s->bucket], (uint16_t)place);
    }
    core_lock_release(&stripe->lock);
    vfs_inode_put(old);
}

void cache_drop_locked(const struct name_key *key)
{
    if (key->size > NAME_CACHED)
        return;
    struct cache_stripe *stripe = stripe_of(key);
    struct vfs_inode *old = NULL;
    core_lock_acquire(&stripe->lock);
    _Atomic uint16_t *link = link_of_locked(stripe, key);
    uint32_t place = LOAD(*link);
    if (place) {
        struct cache_slot *s = &stripe->slots[place - 1];
        STORE(*link, LOAD(s->next));
        old = change_locked(s, NULL, NULL);
        STORE(s->next, (uint16_t)stripe->dropped);
        stripe->dropped = place;
    }
    core_lock_release(&stripe->lock);
    vfs_inode_put(old);
}
