/* SPDX-License-Identifier: MIT */
/*
 * Shared objects.  Part 0 has the size the object was made with; each one after it is as
 * large as all before it together.
 */

#include "core/shared.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define PART_COUNT 48u                /* of one granule at first: 2^63 bytes */
#define LOOK_SIZE (UINT64_C(4) << 20) /* mapped at most at a time by core_shared_look() */
#define SIZE_MAX_NEW (UINT64_C(1) << 47)

#define GRANULE_DOWN(x) ((x) & ~(uint64_t)(PLAT_GRANULE - 1))
#define GRANULE_UP(x) GRANULE_DOWN((x) + PLAT_GRANULE - 1)

struct core_shared {
    _Atomic uint32_t refs;
    uint64_t first;                    /* constant: size of part 0 */
    struct core_lock lock;             /* guards the making of parts */
    _Atomic uint64_t keys[PART_COUNT]; /* of parts; 0: not made yet */
};

struct objects {
    uint32_t keeper; /* constant */
    _Atomic uint64_t next_place;
    _Atomic uint64_t count;
};

static struct objects *objects(void)
{
    return core_arena_root(CORE_ROOT_SHARED);
}

int core_shared_init(void)
{
    struct objects *o = core_arena_alloc(sizeof *o);
    if (!o)
        return -LX_ENOMEM;
    o->keeper = plat_process_id();
    core_arena_set_root(CORE_ROOT_SHARED, o);
    return 0;
}

uint32_t core_shared_keeper(void)
{
    return objects()->keeper;
}

int core_shared_new(uint64_t size, struct core_shared **out)
{
    *out = NULL;
    struct core_shared *s = size <= SIZE_MAX_NEW ? core_arena_alloc(sizeof *s) : NULL;
    if (!s)
        return -LX_ENOMEM;
    s->refs = 1;
    s->first = size ? GRANULE_UP(size) : PLAT_GRANULE;
    core_lock_init(&s->lock, CORE_LOCK_SHARED);
    atomic_fetch_add(&objects()->count, 1);
    *out = s;
    return 0;
}

static uint64_t part_begin(const struct core_shared *s, uint32_t part)
{
    return part ? s->first << (part - 1) : 0;
}

static uint64_t part_size(const struct core_shared *s, uint32_t part)
{
    return part ? s->first << (part - 1) : s->first;
}

static uint32_t part_of(const struct core_shared *s, uint64_t offset)
{
    return offset < s->first ? 0 : 64 - (uint32_t)__builtin_clzll(offset / s->first);
}

struct core_shared *core_shared_get(struct core_shared *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void core_shared_put(struct core_shared *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (uint32_t i = 0; i < PART_COUNT; i++) {
        if (s->keys[i])
            plat_shared_free(objects()->keeper, s->keys[i], part_size(s, i));
    }
    atomic_fetch_sub(&objects()->count, 1);
    core_arena_free(s, sizeof *s);
}

uint64_t core_shared_size(const struct core_shared *s)
{
    return s->first;
}

uint64_t core_shared_part_end(const struct core_shared *s, uint64_t offset)
{
    uint32_t part = part_of(s, offset);
    return part_begin(s, part) + part_size(s, part);
}

/* The part's key, made if need be; 0: no memory. */
static uint64_t key_of(struct core_shared *s, uint32_t part)
{
    uint64_t key = atomic_load_explicit(&s->keys[part], memory_order_acquire);
    if (key)
        return key;
    struct objects *o = objects();
    core_lock_acquire(&s->lock);
    key = s->keys[part];
    if (!key) {
        uint64_t size = part_size(s, part);
        uint64_t place = atomic_fetch_add(&o->next_place, size);
        if (plat_shared_new(o->keeper, place, size, &key) == 0)
            atomic_store_explicit(&s->keys[part], key, memory_order_release);
    }
    core_lock_release(&s->lock);
    return key;
}

static int map_part(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                    uint32_t prot, void **view)
{
    uint32_t part = part_of(s, offset);
    *view = NULL;
    uint64_t key = part < PART_COUNT ? key_of(s, part) : 0;
    if (!key)
        return -LX_ENOMEM;
    return plat_shared_map(objects()->keeper, key, offset - part_begin(s, part), addr, size, prot,
                           view);
}

int core_shared_map(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                    uint32_t prot)
{
    void *view;
    return map_part(s, offset, addr, size, prot, &view);
}

void core_shared_unmap(uint64_t addr, uint64_t size)
{
    plat_shared_unmap((void *)addr, size);
}

int core_shared_look(struct core_shared *s, uint64_t offset, uint64_t size, int make,
                     struct core_shared_piece *out)
{
    memset(out, 0, sizeof *out);
    uint32_t part = part_of(s, offset);
    if (part >= PART_COUNT)
        return -LX_ENOMEM;
    uint64_t left = core_shared_part_end(s, offset) - offset;
    if (!make && !atomic_load_explicit(&s->keys[part], memory_order_acquire)) {
        out->size = size < left ? size : left;
        return 0;
    }
    uint64_t begin = GRANULE_DOWN(offset), skip = offset - begin;
    if (left > LOOK_SIZE - skip)
        left = LOOK_SIZE - skip;
    if (size > left)
        size = left;
    uint64_t view_size = GRANULE_UP(skip + size);
    int err = map_part(s, begin, 0, view_size, PLAT_READ | PLAT_WRITE, &out->view);
    if (err < 0)
        return err;
    out->bytes = (uint8_t *)out->view + skip;
    out->size = size;
    out->view_size = view_size;
    return 0;
}

void core_shared_look_end(struct core_shared_piece *piece)
{
    if (piece->view)
        plat_shared_unmap(piece->view, piece->view_size);
}

int core_shared_zero(struct core_shared *s, uint64_t offset, uint64_t size)
{
    while (size) {
        struct core_shared_piece piece;
        int err = core_shared_look(s, offset, size, 0, &piece);
        if (err < 0)
            return err;
        if (piece.bytes)
            memset(piece.bytes, 0, piece.size);
        offset += piece.size;
        size -= piece.size;
        core_shared_look_end(&piece);
    }
    return 0;
}

uint64_t core_shared_count(void)
{
    return objects()->count;
}
