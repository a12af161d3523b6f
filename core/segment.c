/* SPDX-License-Identifier: MIT */
/*
 * Pages in segments.  A page number is its segment's index times the pages per
 * segment plus its place; page 0 of segment 0 is never given out.  Free pages
 * of a segment are a bitmap in the arena; the views are this process's own.
 */

#include "core/segment.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/layout.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define SEGMENT_PAGES (PLAT_SEGMENT_SIZE / CORE_PAGE_SIZE)
#define WORDS (SEGMENT_PAGES / 64)
#define COMMIT_STEP (1u << 20)
#define WARM_SEGMENTS 4u /* the first ones keep their memory also when nothing is in them */
#define WARM_CHUNKS 256u
#define WARM_CHUNKS_LASTING 32u

struct segment {
    uint64_t bitmap[WORDS]; /* 1: in use */
    uint32_t used;
    uint32_t hint;      /* first word that may have a free page */
    uint32_t committed; /* bytes usable */
};

struct segments {
    struct core_lock lock;         /* guards all below but limit */
    uint32_t keeper;               /* constant: the process that made this */
    uint32_t count;                /* segments ever made */
    uint32_t hint;                 /* first segment that may have a free page */
    uint64_t used;                 /* pages */
    _Atomic uint64_t limit;        /* pages */
    core_page_t warm[WARM_CHUNKS]; /* chunks to be used next */
    uint32_t warm_count, warm_low; /* and the fewest since the last core_chunks_trim() */
    struct segment *table[PLAT_SEGMENT_MAX];
};

static _Atomic(void *) g_views[PLAT_SEGMENT_MAX]; /* this process's views; NULL: not mapped */

static struct segments *segments(void)
{
    return core_arena_root(CORE_ROOT_SEGMENTS);
}

int core_segment_init(void)
{
    struct segments *s = core_arena_alloc(sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    uint64_t total;
    plat_memory_info(&total, NULL);
    core_lock_init(&s->lock, CORE_LOCK_SEGMENT);
    s->limit = total / 2 / CORE_PAGE_SIZE;
    s->keeper = plat_process_id();
    core_arena_set_root(CORE_ROOT_SEGMENTS, s);
    return 0;
}

void core_segment_set_limit(uint64_t size)
{
    segments()->limit = size / CORE_PAGE_SIZE;
}

static void *view_of(uint32_t index)
{
    void *view = atomic_load_explicit(&g_views[index], memory_order_acquire);
    if (view)
        return view;
    if (plat_segment_map(index, segments()->keeper, &view) < 0)
        return NULL;
    void *expected = NULL;
    if (atomic_compare_exchange_strong(&g_views[index], &expected, view))
        return view;
    plat_segment_unmap(index, view); /* another thread was faster */
    return expected;
}

void *core_page(core_page_t page)
{
    char *view = view_of(page / SEGMENT_PAGES);
    return view ? view + (uint64_t)(page % SEGMENT_PAGES) * CORE_PAGE_SIZE : NULL;
}

/* Make one more segment; its index, or -LX_ENOMEM. */
static int64_t new_segment_locked(struct segments *s)
{
    if (s->count == PLAT_SEGMENT_MAX)
        return -LX_ENOMEM;
    struct segment *g = core_arena_alloc(sizeof *g);
    if (!g)
        return -LX_ENOMEM;
    if (s->count == 0) {
        g->bitmap[0] = 1; /* page number 0 is no page */
        g->used = 1;
    }
    s->table[s->count] = g;
    return s->count++;
}

/* Find or make a segment with a free page; its index, or -LX_ENOMEM. */
static int64_t find_segment_locked(struct segments *s)
{
    for (; s->hint < s->count; s->hint++) {
        if (s->table[s->hint]->used < SEGMENT_PAGES)
            return s->hint;
    }
    return new_segment_locked(s);
}

/* Make the first `size` bytes of a segment usable. */
static int commit_locked(struct segments *s, uint32_t index, uint32_t size)
{
    struct segment *g = s->table[index];
    if (size <= g->committed)
        return 0;
    size = (size + COMMIT_STEP - 1) / COMMIT_STEP * COMMIT_STEP;
    void *view = view_of(index);
    if (!view || plat_segment_commit(index, view, size) < 0)
        return -LX_ENOMEM;
    g->committed = size;
    return 0;
}

static core_page_t take_page_locked(struct segments *s)
{
    if (s->used >= s->limit)
        return 0;
    int64_t index = find_segment_locked(s);
    if (index < 0)
        return 0;
    struct segment *g = s->table[index];
    while (g->bitmap[g->hint] == ~0ull)
        g->hint++;
    uint32_t bit = (uint32_t)__builtin_ctzll(~g->bitmap[g->hint]);
    uint32_t place = g->hint * 64 + bit;

    if (commit_locked(s, (uint32_t)index, (place + 1) * CORE_PAGE_SIZE) < 0)
        return 0;
    g->bitmap[g->hint] |= 1ull << bit;
    g->used++;
    s->used++;
    return (uint32_t)index * SEGMENT_PAGES + place;
}

_Static_assert(CORE_CHUNK_PAGES == 64, "a chunk is a word of the bitmap");

static core_page_t take_chunk_locked(struct segments *s)
{
    if (s->used + CORE_CHUNK_PAGES > s->limit)
        return 0;
    for (uint32_t index = s->hint;; index++) {
        if (index == s->count && new_segment_locked(s) < 0)
            return 0;
        struct segment *g = s->table[index];
        for (uint32_t word = g->hint; word < WORDS; word++) {
            if (g->bitmap[word])
                continue;
            if (commit_locked(s, index, (word + 1) * CORE_CHUNK_PAGES * CORE_PAGE_SIZE) < 0)
                return 0;
            g->bitmap[word] = ~0ull;
            g->used += CORE_CHUNK_PAGES;
            s->used += CORE_CHUNK_PAGES;
            return index * SEGMENT_PAGES + word * CORE_CHUNK_PAGES;
        }
    }
}

core_page_t core_chunk_new(void)
{
    struct segments *s = segments();
    core_lock_acquire(&s->lock);
    core_page_t chunk = s->warm_count ? s->warm[--s->warm_count] : take_chunk_locked(s);
    if (s->warm_low > s->warm_count)
        s->warm_low = s->warm_count;
    core_lock_release(&s->lock);
    if (chunk && !core_page(chunk)) {
        core_chunk_free(chunk);
        return 0;
    }
    return chunk;
}

static void free_pages_of(core_page_t chunk)
{
    for (uint32_t i = 0; i < CORE_CHUNK_PAGES; i++)
        core_page_free(chunk + i);
}

void core_chunk_free(core_page_t chunk)
{
    struct segments *s = segments();
    core_lock_acquire(&s->lock);
    int keep = s->warm_count < WARM_CHUNKS;
    if (keep)
        s->warm[s->warm_count++] = chunk;
    core_lock_release(&s->lock);
    if (!keep)
        free_pages_of(chunk);
}

/* One of those that nobody has needed since the last time. */
static core_page_t take_surplus(struct segments *s)
{
    core_page_t chunk = 0;
    core_lock_acquire(&s->lock);
    if (s->warm_low > WARM_CHUNKS_LASTING) {
        chunk = s->warm[0];
        s->warm[0] = s->warm[--s->warm_count];
        s->warm_low--;
    }
    core_lock_release(&s->lock);
    return chunk;
}

int core_chunks_trim(void)
{
    struct segments *s = segments();
    core_page_t chunk;
    while ((chunk = take_surplus(s)))
        free_pages_of(chunk);
    core_lock_acquire(&s->lock);
    s->warm_low = s->warm_count;
    core_lock_release(&s->lock);
    return s->warm_count > WARM_CHUNKS_LASTING;
}

core_page_t core_page_new(void)
{
    struct segments *s = segments();
    core_lock_acquire(&s->lock);
    core_page_t page = take_page_locked(s);
    core_lock_release(&s->lock);
    if (!page)
        return 0;
    void *bytes = core_page(page);
    if (!bytes) {
        core_page_free(page);
        return 0;
    }
    memset(bytes, 0, CORE_PAGE_SIZE);
    return page;
}

void core_page_free(core_page_t page)
{
    if (!page)
        return;
    struct segments *s = segments();
    uint32_t index = page / SEGMENT_PAGES, place = page % SEGMENT_PAGES;
    core_lock_acquire(&s->lock);
    struct segment *g = s->table[index];
    g->bitmap[place / 64] &= ~(1ull << (place % 64));
    g->used--;
    s->used--;
    if (g->hint > place / 64)
        g->hint = place / 64;
    if (s->hint > index)
        s->hint = index;
    void *view = index >= WARM_SEGMENTS && g->used == 0 ? view_of(index) : NULL;
    if (view)
        plat_segment_discard(index, view, 0, PLAT_SEGMENT_SIZE);
    core_lock_release(&s->lock);
}

uint64_t core_page_used(void)
{
    return segments()->used;
}

uint64_t core_page_limit(void)
{
    return segments()->limit;
}
