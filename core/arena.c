/* SPDX-License-Identifier: MIT */
/*
 * The arena's allocator: size classes with free lists, filled from the unused
 * end, which grows by commit.  Four classes to a power of two, so a block
 * wastes at most a fifth.  There are some sets of these lists, so that processes
 * that do the same at the same time are not in each other's way; what one has
 * left another takes before it takes from the end.
 */

#include "core/arena.h"

#include <stdatomic.h>

#include "core/layout.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define MAGIC 0x616e6572612e7862ull /* "bx.arena" */
#define SMALLEST 16u
#define CLASS_COUNT 96u
#define SET_COUNT 4u
#define LARGEST (512ull << 20)  /* of the last class */
#define REFILL_SIZE (32u << 10) /* what a class takes from the end at once */
#define COMMIT_STEP (64u << 10) /* small programs need little, and start at once */
#define COMMIT_LARGE (1u << 20)

struct free_block {
    struct free_block *next;
};

struct size_class {
    struct core_lock lock; /* guards all */
    struct free_block *free;
    uint64_t fresh, fresh_end; /* blocks that were never used, and are zero */
    _Atomic uint64_t used;     /* bytes; read without the lock */
    uint64_t pad[2];           /* a cache line of its own */
};

struct arena {
    uint64_t magic;
    void *roots[CORE_ROOT_COUNT];
    _Atomic uint64_t unique;
    struct core_lock lock; /* guards end and committed */
    uint64_t end;          /* first address never given to a class */
    uint64_t committed;    /* first address not committed */
    _Alignas(64) struct core_arena_load load;
    _Alignas(64) struct size_class classes[SET_COUNT][CLASS_COUNT];
};

/* The set that this process uses. */
static uint32_t *own_set(void)
{
    static uint32_t set;
    return &set;
}

static struct arena *arena(void)
{
    return (struct arena *)CORE_ARENA_BASE;
}

/* Class of a size, and the block size of a class: 16, 32, 48, 64, 80, 96, 112, 128, 160 .. */
static uint32_t class_of(uint64_t size)
{
    if (size <= 128)
        return size ? (uint32_t)((size - 1) / SMALLEST) : 0;
    uint32_t log = 63 - (uint32_t)__builtin_clzll(size - 1); /* 2^log < size <= 2^(log+1) */
    uint32_t quarter = (uint32_t)((size - 1) >> (log - 2)) & 3;
    return 8 + (log - 7) * 4 + quarter;
}

static uint64_t class_size(uint32_t index)
{
    if (index < 8)
        return (index + 1) * SMALLEST;
    uint32_t log = 7 + (index - 8) / 4, quarter = (index - 8) % 4;
    return (1ull << log) + ((uint64_t)(quarter + 1) << (log - 2));
}

int core_arena_create(void)
{
    int err = plat_arena_create(CORE_ARENA_BASE, CORE_ARENA_SIZE);
    if (err < 0)
        return err;
    err = plat_arena_commit(CORE_ARENA_BASE, COMMIT_STEP);
    if (err < 0)
        return err;
    struct arena *a = arena();
    a->magic = MAGIC;
    a->unique = 1;
    a->load.processors = plat_cpu_count();
    a->end = CORE_ARENA_BASE + (sizeof *a + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE * CORE_PAGE_SIZE;
    a->committed = CORE_ARENA_BASE + COMMIT_STEP;
    core_lock_init(&a->lock, CORE_LOCK_ARENA);
    for (uint32_t i = 0; i < SET_COUNT * CLASS_COUNT; i++)
        core_lock_init(&a->classes[i / CLASS_COUNT][i % CLASS_COUNT].lock, CORE_LOCK_ARENA_CLASS);
    return 0;
}

void core_arena_choose(uint32_t number)
{
    *own_set() = number % SET_COUNT;
}

int core_arena_attach(void)
{
    int err = plat_arena_attach(CORE_ARENA_BASE, CORE_ARENA_SIZE);
    if (err < 0)
        return err;
    return arena()->magic == MAGIC ? 0 : -LX_EINVAL;
}

/* Cut `size` bytes off the unused end; 0 when the arena is full. */
static uint64_t take_end(uint64_t size, uint64_t align)
{
    struct arena *a = arena();
    uint64_t result = 0;
    core_lock_acquire(&a->lock);
    uint64_t begin = (a->end + align - 1) & ~(align - 1), end = begin + size;
    if (end > CORE_ARENA_BASE + CORE_ARENA_SIZE)
        goto out;
    if (end > a->committed) {
        uint64_t step = a->committed - CORE_ARENA_BASE < COMMIT_LARGE ? COMMIT_STEP : COMMIT_LARGE;
        uint64_t more = (end - a->committed + step - 1) / step * step;
        if (plat_arena_commit(a->committed, more) < 0)
            goto out;
        a->committed += more;
    }
    a->end = end;
    result = begin;
out:
    core_lock_release(&a->lock);
    return result;
}

static uint64_t alignment(uint64_t block)
{
    return block >= CORE_PAGE_SIZE ? CORE_PAGE_SIZE : block >= 64 ? 64 : 16;
}

/* A block that was never used: it is zero, and not touched, so that it costs nothing yet. */
static void *fresh_block_locked(struct size_class *c, uint64_t block)
{
    uint64_t align = alignment(block), step = (block + align - 1) & ~(align - 1);
    if (c->fresh == c->fresh_end) {
        uint64_t count = step < REFILL_SIZE ? REFILL_SIZE / step : 1;
        uint64_t begin = take_end(count * step, align);
        if (!begin)
            return NULL;
        c->fresh = begin;
        c->fresh_end = begin + count * step;
    }
    void *result = (void *)c->fresh;
    c->fresh += step;
    return result;
}

static void count_locked(struct size_class *c, uint64_t more)
{
    uint64_t used = atomic_load_explicit(&c->used, memory_order_relaxed);
    atomic_store_explicit(&c->used, used + more, memory_order_relaxed);
}

/* All free blocks of a class that another set has; NULL: none has any. */
static struct free_block *take_others(uint32_t index)
{
    struct free_block *list = NULL;
    for (uint32_t i = 1; !list && i < SET_COUNT; i++) {
        struct size_class *c = &arena()->classes[(*own_set() + i) % SET_COUNT][index];
        core_lock_acquire(&c->lock);
        list = c->free;
        c->free = NULL;
        core_lock_release(&c->lock);
    }
    return list;
}

static void add_free_locked(struct size_class *c, struct free_block *list)
{
    struct free_block **end = &c->free;
    if (c->free) /* another thread was faster */
        while (*end)
            end = &(*end)->next;
    *end = list;
}

/* used: 1 if it was somebody's before, and is not zero. */
static void *take_block(uint64_t size, int *used)
{
    if (size > LARGEST)
        return NULL;
    uint32_t index = class_of(size);
    uint64_t block = class_size(index);
    struct size_class *c = &arena()->classes[*own_set()][index];

    core_lock_acquire(&c->lock);
    if (!c->free && c->fresh == c->fresh_end) {
        core_lock_release(&c->lock);
        struct free_block *list = take_others(index);
        core_lock_acquire(&c->lock);
        add_free_locked(c, list);
    }
    struct free_block *old = c->free;
    void *result = old;
    if (old)
        c->free = old->next;
    else
        result = fresh_block_locked(c, block);
    if (result)
        count_locked(c, block);
    core_lock_release(&c->lock);
    *used = old != NULL;
    return result;
}

void *core_arena_alloc(uint64_t size)
{
    int used;
    void *result = take_block(size, &used);
    return result && used ? memset(result, 0, size) : result;
}

void *core_arena_alloc_dirty(uint64_t size)
{
    int used;
    return take_block(size, &used);
}

void core_arena_free(void *block, uint64_t size)
{
    if (!block)
        return;
    uint32_t index = class_of(size);
    struct size_class *c = &arena()->classes[*own_set()][index];
    struct free_block *b = block;

    core_lock_acquire(&c->lock);
    b->next = c->free;
    c->free = b;
    count_locked(c, 0 - class_size(index));
    core_lock_release(&c->lock);
}

void core_arena_set_root(enum core_arena_root root, void *object)
{
    arena()->roots[root] = object;
}

void *core_arena_root(enum core_arena_root root)
{
    return arena()->roots[root];
}

uint64_t core_arena_used(void)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < SET_COUNT * CLASS_COUNT; i++) /* a set's may be less than nothing */
        used += atomic_load_explicit(&arena()->classes[i / CLASS_COUNT][i % CLASS_COUNT].used,
                                     memory_order_relaxed);
    return used;
}

uint64_t core_arena_committed(void)
{
    return arena()->committed - CORE_ARENA_BASE;
}

uint64_t core_arena_unique(void)
{
    return atomic_fetch_add_explicit(&arena()->unique, 1, memory_order_relaxed);
}

struct core_arena_load *core_arena_load(void)
{
    return &arena()->load;
}
