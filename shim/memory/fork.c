/* SPDX-License-Identifier: MIT */
/*
 * fork(2)'s copy of an address space: records in the arena, contents through chunks of segment
 * pages.  Pages that are all zero do not travel, nor does the dead part of the stack.
 */

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/segment.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/image.h"
#include "memory/keep.h"
#include "memory/patch.h"
#include "memory/refit.h"
#include "memory/view.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/host.h"
#include "shim/interrupt.h"
#include "shim/memory.h"
#include "shim/task.h"

#define RED_ZONE 128u
#define SMALL_AREA (256u << 10) /* is not worth asking which pages were touched */
#define NAMED_MAX (128u << 10)  /* is not worth hashing */
#define POPULATE_MIN 16u        /* pages: fewer cost less than asking the host */
#define MASK_WORDS 64u          /* pages that are asked for at once: 16 MiB */

/* Pages in a row; none: the child's host has kept the contents of the area that begins there. */
struct run {
    uint64_t at, count;
};

struct shim_mm_copy {
    struct run *runs; /* ascending */
    uint32_t run_count, run_capacity;
    uint32_t chunk_count, chunk_capacity;
    uint64_t page_count;
    core_page_t *chunks; /* hold the runs' pages, one after the other */
};

static int grow(void **block, uint32_t count, uint32_t *capacity, uint64_t size)
{
    if (count < *capacity)
        return 0;
    uint32_t larger = *capacity ? *capacity * 2 : 64;
    void *new = core_arena_alloc(larger * size);
    if (!new)
        return -LX_ENOMEM;
    if (count)
        memcpy(new, *block, count * size);
    core_arena_free(*block, *capacity * size);
    *block = new;
    *capacity = larger;
    return 0;
}

void shim_mm_copy_free(struct shim_mm_copy *copy)
{
    if (!copy)
        return;
    for (uint32_t i = 0; i < copy->chunk_count; i++)
        core_chunk_free(copy->chunks[i]);
    core_arena_free(copy->chunks, (uint64_t)copy->chunk_capacity * sizeof *copy->chunks);
    core_arena_free(copy->runs, (uint64_t)copy->run_capacity * sizeof *copy->runs);
    core_arena_free(copy, sizeof *copy);
}

/* So many pages are to be read or written: have them there at once, instead of one by one. */
static void about_to_touch(uint64_t at, uint64_t count, uint32_t access)
{
    if (count >= POPULATE_MIN)
        plat_mem_populate(at, count * CORE_PAGE_SIZE, access);
}

/* ---- Sending ---- */

static int is_zero(const uint64_t *page)
{
    for (uint32_t i = 0; i < CORE_PAGE_SIZE / 8; i += 4) {
        if (page[i] | page[i + 1] | page[i + 2] | page[i + 3])
            return 0;
    }
    return 1;
}

/* Room for at most `count` more pages, in a row; NULL: no memory. */
static void *next_room(struct shim_mm_copy *copy, uint64_t *count)
{
    uint32_t place = (uint32_t)(copy->page_count % CORE_CHUNK_PAGES);
    if (place == 0) {
        if (grow((void **)&copy->chunks, copy->chunk_count, &copy->chunk_capacity,
                 sizeof *copy->chunks) < 0)
            return NULL;
        core_page_t chunk = core_chunk_new();
        if (!chunk)
            return NULL;
        copy->chunks[copy->chunk_count++] = chunk;
    }
    if (*count > CORE_CHUNK_PAGES - place)
        *count = CORE_CHUNK_PAGES - place;
    return core_page(copy->chunks[copy->chunk_count - 1] + place);
}

static int add_run(struct shim_mm_copy *copy, uint64_t at, uint64_t count)
{
    struct run *last = copy->run_count ? &copy->runs[copy->run_count - 1] : NULL;
    if (last && count && last->at + last->count * CORE_PAGE_SIZE == at) {
        last->count += count;
        return 0;
    }
    int err = grow((void **)&copy->runs, copy->run_count, &copy->run_capacity, sizeof *copy->runs);
    if (err == 0)
        copy->runs[copy->run_count++] = (struct run){at, count};
    return err;
}

static int send_run(struct shim_mm_copy *copy, uint64_t at, uint64_t count)
{
    int err = add_run(copy, at, count);
    while (err == 0 && count) {
        uint64_t part = count;
        void *room = next_room(copy, &part);
        if (!room)
            return -LX_ENOMEM;
        about_to_touch((uint64_t)(uintptr_t)room, part, PLAT_WRITE);
        if (plat_copy_guest(room, (const void *)at, part * CORE_PAGE_SIZE))
            return -LX_ENOMEM;
        copy->page_count += part;
        at += part * CORE_PAGE_SIZE;
        count -= part;
    }
    return err;
}

/* The pages of a readable range that are not zero; at most MASK_WORDS * 64. */
static int send_part(struct shim_mm_copy *copy, uint64_t begin, uint64_t count)
{
    uint64_t touched[MASK_WORDS];
    int err = 0;
    if (count * CORE_PAGE_SIZE > SMALL_AREA && !image_has(begin))
        plat_mem_touched(begin, count * CORE_PAGE_SIZE, touched);
    else
        memset(touched, 0xff, sizeof touched);
    for (uint64_t i = 0, run = 0; err == 0 && i <= count; i++) {
        int sent = i < count && touched[i / 64] >> i % 64 & 1 &&
                   !is_zero((const uint64_t *)(begin + i * CORE_PAGE_SIZE));
        if (sent) {
            run++;
        } else if (run) {
            err = send_run(copy, begin + (i - run) * CORE_PAGE_SIZE, run);
            run = 0;
        }
    }
    return err;
}

static int send_range(struct shim_mm_copy *copy, uint64_t begin, uint64_t end)
{
    int err = 0;
    while (err == 0 && begin < end) {
        uint64_t count = (end - begin) / CORE_PAGE_SIZE;
        if (count > MASK_WORDS * 64)
            count = MASK_WORDS * 64;
        err = send_part(copy, begin, count);
        begin += count * CORE_PAGE_SIZE;
    }
    return err;
}

/* Can an area of private memory, which has no name yet, be known by its contents? */
static int is_constant(const struct area *a)
{
    uint32_t no = AREA_PRISTINE | AREA_DONTFORK | AREA_WIPEONFORK;
    return !a->text && a->flags & AREA_BACKED && !(a->flags & no) && !a->shared &&
           a->prot == PLAT_READ && a->end - a->begin <= NAMED_MAX;
}

static void name_constants(struct shim_mm *mm)
{
    for (uint32_t i = 0; i < mm->count; i++) {
        struct area *a = &mm->areas[i];
        if (is_constant(a))
            a->text = core_hash_bytes((const void *)a->begin, a->end - a->begin, a->begin);
    }
}

static int send_area(struct shim_mm_copy *copy, const struct area *a, uint64_t sp,
                     const struct shim_host *to)
{
    uint64_t begin = a->begin;
    if (keep_is_at(to, a))
        return add_run(copy, begin, 0);
    if (!(a->flags & AREA_BACKED) || a->shared ||
        a->flags & (AREA_DONTFORK | AREA_WIPEONFORK | AREA_PRISTINE))
        return 0;
    if (begin >= CORE_STACK_BASE && begin < CORE_STACK_END && sp >= begin && sp < a->end)
        begin = (sp - RED_ZONE) & ~(uint64_t)(CORE_PAGE_SIZE - 1);
    if (begin < a->begin)
        begin = a->begin;
    int hidden = !(a->prot & PLAT_READ);
    int err = hidden ? host_protect(begin, a->end, PLAT_READ) : 0;
    if (err == 0)
        err = send_range(copy, begin, a->end);
    if (hidden && host_protect(begin, a->end, a->prot) < 0)
        err = -LX_ENOMEM;
    return err;
}

static int clone_records(const struct shim_mm *mm, struct shim_mm *child)
{
    child->areas = core_arena_alloc((uint64_t)mm->capacity * sizeof *child->areas);
    if (!child->areas && mm->capacity)
        return -LX_ENOMEM;
    child->capacity = mm->capacity;
    for (uint32_t i = 0; i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->flags & AREA_DONTFORK)
            continue;
        area_get(a);
        child->areas[child->count++] = *a;
        child->mapped += a->end - a->begin;
        child->committed += a->flags & AREA_BACKED ? a->end - a->begin : 0;
    }
    child->program = mm->program;
    child->next = mm->next;
    child->next_view = mm->next_view;
    child->next_reserve = mm->next_reserve;
    child->brk_base = mm->brk_base;
    child->brk_end = mm->brk_end;
    int err = view_clone(mm, child);
    if (err == 0)
        err = image_clone(mm, child);
    return err < 0 ? err : patch_clone(mm, child);
}

int shim_mm_fork(struct shim_task *t, const struct shim_host *to, struct shim_mm **child,
                 struct shim_mm_copy **copy)
{
    struct shim_mm *mm = t->process->mm;
    lx_uptr sp = t->plat->regs.rsp;
    *copy = core_arena_alloc(sizeof **copy);
    int err = shim_mm_new(child);
    if (err == 0 && !*copy)
        err = -LX_ENOMEM;
    if (err == 0) {
        (*child)->is_here = 0;
        core_lock_acquire(&mm->lock);
        name_constants(mm);
        /* What others write now is in the copy as a whole, or not. */
        shim_interrupter_hold(&t->host->interrupter, t);
        err = clone_records(mm, *child);
        for (uint32_t i = 0; err == 0 && i < mm->count; i++)
            err = send_area(*copy, &mm->areas[i], sp, to);
        shim_interrupter_release(&t->host->interrupter, t);
        core_lock_release(&mm->lock);
    }
    if (err < 0) {
        shim_mm_copy_free(*copy);
        shim_mm_put(*child);
        *copy = NULL;
        *child = NULL;
    }
    return err;
}

/* ---- Receiving ---- */

/* Does the area have host memory of its own? */
static int is_private(const struct area *a)
{
    return a->flags & AREA_BACKED && !a->shared;
}

/*
 * Zero what is dirty in those pages of an area that no run fills.
 *   run      the first one that is not before the area; those of the next area follow.
 */
static void zero_gaps(const struct area *a, const struct keep_dirty *dirty,
                      const struct shim_mm_copy *copy, uint32_t run)
{
    uint64_t at = a->begin;
    for (; run < copy->run_count && copy->runs[run].at < a->end; run++) {
        const struct run *r = &copy->runs[run];
        if (r->at > at)
            keep_zero(dirty, at, r->at);
        at = r->at + r->count * CORE_PAGE_SIZE;
    }
    keep_zero(dirty, at, a->end);
}

static int is_kept(const struct area *a, const struct shim_mm_copy *copy, uint32_t run)
{
    return run < copy->run_count && copy->runs[run].at == a->begin && !copy->runs[run].count;
}

/* Memory for one area, writable unless its contents are here already. */
static int back_area(const struct area *a, const struct shim_mm_copy *copy, uint32_t run)
{
    struct keep_dirty dirty;
    if (a->flags & AREA_PRISTINE)
        return 0;
    if (is_kept(a, copy, run))
        return keep_use(a->begin, a->end, a->prot, a->text, &dirty) ? 0 : -LX_ENOMEM;
    uint32_t prot = a->prot & PLAT_WRITE ? a->prot : PLAT_READ | PLAT_WRITE;
    int err = host_commit_dirty(a->begin, a->end, prot, 0, &dirty);
    if (err == 0)
        zero_gaps(a, &dirty, copy, run);
    return err;
}

static int back_areas(struct shim_mm *mm, const struct shim_mm_copy *copy)
{
    uint32_t run = 0;
    for (uint32_t i = 0; i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (!is_private(a))
            continue;
        while (run < copy->run_count && copy->runs[run].at < a->begin)
            run++;
        int err = back_area(a, copy, run);
        if (err < 0) {
            while (i--) {
                if (is_private(&mm->areas[i]))
                    host_decommit(mm->areas[i].begin, mm->areas[i].end);
            }
            return err;
        }
    }
    return 0;
}

/* What was kept, and not written to, is as it should be already. */
static int protect_areas(struct shim_mm *mm, const struct shim_mm_copy *copy)
{
    int err = 0;
    uint32_t run = 0;
    for (uint32_t i = 0; err == 0 && i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        while (run < copy->run_count && copy->runs[run].at < a->begin)
            run++;
        if (is_private(a) && !(a->prot & PLAT_WRITE) && !is_kept(a, copy, run))
            err = host_protect(a->begin, a->end, a->prot);
    }
    return err;
}

static void fill(const struct shim_mm_copy *copy)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < copy->run_count; i++) {
        uint64_t at = copy->runs[i].at, left = copy->runs[i].count;
        about_to_touch(at, left, PLAT_WRITE);
        while (left) {
            uint64_t place = done % CORE_CHUNK_PAGES, part = CORE_CHUNK_PAGES - place;
            if (part > left)
                part = left;
            const void *from = core_page(copy->chunks[done / CORE_CHUNK_PAGES] + (uint32_t)place);
            about_to_touch((uint64_t)(uintptr_t)from, part, PLAT_READ);
            if (from)
                memcpy((void *)at, from, part * CORE_PAGE_SIZE);
            at += part * CORE_PAGE_SIZE;
            done += part;
            left -= part;
        }
    }
}

int shim_mm_receive(struct shim_mm *mm, struct shim_mm_copy *copy)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < copy->chunk_count; i++)
        err = core_page(copy->chunks[i]) ? 0 : -LX_ENOMEM;
    core_lock_acquire(&mm->lock);
    if (err == 0)
        err = image_attach(mm);
    if (err == 0)
        err = back_areas(mm, copy);
    if (err == 0) {
        mm->is_here = 1;
        keep_nothing();
        fill(copy);
        err = protect_areas(mm, copy);
    }
    if (err == 0)
        err = view_attach(mm);
    if (err == 0)
        refit(mm); /* files may have changed on the way */
    core_lock_release(&mm->lock);
    return err;
}
