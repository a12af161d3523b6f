/* SPDX-License-Identifier: MIT */
/* Views of shared objects under areas, and their way to another process. */

#include "memory/view.h"

#include "core/arena.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/image.h"
#include "memory/range.h"
#include "plat/plat.h"
#include "shim/host.h"
#include "shim/memory.h"
#include "shim/task.h"

#define IN_GRANULE(x) ((x) & (PLAT_GRANULE - 1))
#define GRANULE_DOWN(x) ((x) & ~(uint64_t)(PLAT_GRANULE - 1))
#define GRANULE_UP(x) GRANULE_DOWN((x) + PLAT_GRANULE - 1)

/* The first view that ends after `addr`, of those that begin before `end`. */
static struct view *first_view(const struct shim_mm *mm, uint64_t addr, uint64_t end)
{
    struct view *found = NULL;
    for (struct view *v = mm->views; v; v = v->next) {
        if (v->end > addr && v->begin < end && (!found || v->begin < found->begin))
            found = v;
    }
    return found;
}

uint64_t view_end(const struct shim_mm *mm, uint64_t addr)
{
    const struct view *v = first_view(mm, addr, addr + 1);
    return v ? v->end : addr;
}

static uint64_t search(const struct shim_mm *mm, uint64_t from, uint64_t span)
{
    for (;;) {
        uint64_t at = area_find_free(mm, from, IMAGE_WINDOW_BASE, from, span + PLAT_GRANULE);
        if (!at)
            return 0;
        at = GRANULE_UP(at);
        const struct view *v = first_view(mm, at, at + span);
        if (!v)
            return at;
        from = v->end;
    }
}

uint64_t view_choose(struct shim_mm *mm, uint64_t size, uint64_t offset)
{
    uint64_t skip = IN_GRANULE(offset), span = GRANULE_UP(skip + size);
    uint64_t at = mm->next_view ? search(mm, mm->next_view, span) : 0;
    if (!at)
        at = search(mm, VIEW_WINDOW_BASE, span);
    if (!at)
        return 0;
    mm->next_view = at + span;
    return at + skip;
}

static int shows(const struct area *a)
{
    return a->shared && !(a->flags & AREA_BEYOND);
}

/* Is an area over the view? */
static int is_used(struct shim_mm *mm, const struct view *v)
{
    for (uint32_t i = area_find(mm, v->begin); i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= v->end)
            break;
        if (shows(a))
            return 1;
    }
    return 0;
}

static void view_free(struct view *v)
{
    if (v->mapped)
        core_shared_unmap(v->begin, v->mapped);
    core_arena_free(v, sizeof *v);
}

void view_release(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    for (struct view **link = &mm->views, *v = *link; v; v = *link) {
        if (v->end <= begin || v->begin >= end || is_used(mm, v)) {
            link = &v->next;
            continue;
        }
        *link = v->next;
        view_free(v);
    }
}

/* Map as much of [begin, *end) as a view can have; *end is its end then. */
static int view_add(struct shim_mm *mm, struct core_shared *s, int writable, uint64_t begin,
                    uint64_t *end, uint64_t offset)
{
    uint64_t there;
    struct view *v = core_arena_alloc(sizeof *v);
    if (!v)
        return -LX_ENOMEM;
    int err = core_shared_map(s, offset, begin, *end - begin, writable, &there);
    if (err < 0) {
        core_arena_free(v, sizeof *v);
        return err == -LX_EEXIST ? -LX_ENOMEM : err;
    }
    if (there >= PLAT_GRANULE)
        *end = begin + there;
    *v = (struct view){mm->views, begin, *end, s, offset, there, (uint32_t)writable};
    mm->views = v;
    return 0;
}

/* Map all of [begin, end). */
static int map_views(struct shim_mm *mm, struct core_shared *s, int writable, uint64_t begin,
                     uint64_t end, uint64_t offset)
{
    int err = 0;
    for (uint64_t at = begin, stop; err == 0 && at < end; at = stop) {
        stop = end;
        err = view_add(mm, s, writable, at, &stop, offset + (at - begin));
    }
    return err;
}

static void view_unlink(struct shim_mm *mm, const struct view *v)
{
    struct view **link = &mm->views;
    while (*link != v)
        link = &(*link)->next;
    *link = v->next;
}

/* May the program be using what is left of the view? */
static int is_accessible(struct shim_mm *mm, const struct view *v)
{
    for (uint32_t i = area_find(mm, v->begin); i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= v->end)
            break;
        if (shows(a) && a->prot)
            return 1;
    }
    return 0;
}

/* What is not mapped any more shows nothing, until refit() finds that it could. */
static void lose_areas(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    for (uint32_t i = area_find(mm, begin); i < mm->count && mm->areas[i].begin < end; i++) {
        struct area *a = &mm->areas[i];
        if (!shows(a))
            continue;
        a->flags |= AREA_BEYOND;
        range_unback(mm, a);
    }
}

/*
 * Make room for [begin, end) in a view.  The host unmaps views as a whole, so those parts of it
 * that stay are mapped anew, and must not be in use meanwhile.
 */
static int view_cut(struct shim_mm *mm, struct view *v, uint64_t begin, uint64_t end)
{
    const struct view old = *v;
    if (is_accessible(mm, v))
        return -LX_ENOMEM;
    view_unlink(mm, v);
    view_free(v);
    int err = 0, writable = (int)old.writable;
    if (old.begin < begin)
        err = map_views(mm, old.shared, writable, old.begin, begin, old.offset);
    if (err == 0 && end < old.end)
        err = map_views(mm, old.shared, writable, end, old.end, old.offset + (end - old.begin));
    if (err < 0)
        lose_areas(mm, old.begin, old.end);
    return err;
}

/* Give the pages of a view the protections that the areas over it have. */
static int protect_again(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    int err = 0;
    for (uint32_t i = area_find(mm, begin); err == 0 && i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= end)
            break;
        if (shows(a) && a->flags & AREA_BACKED)
            err = view_protect(mm, a->begin > begin ? a->begin : begin, a->end < end ? a->end : end,
                               a->prot);
    }
    return err;
}

/*
 * Map a view of a file anew, because the file has grown, or is to be written.  No other thread of
 * this process runs guest code meanwhile.  A system call of one that uses this very memory may
 * find it missing: EFAULT.
 */
static int view_renew(struct shim_mm *mm, struct view *v, int writable)
{
    const struct view old = *v;
    struct shim_task *self = shim_task_self();
    struct shim_host *host = shim_host_self();
    shim_interrupter_hold(&host->interrupter, self);
    view_unlink(mm, v);
    view_free(v);
    mm->refit_count++; /* others may have run until they were interrupted */
    int err = map_views(mm, old.shared, writable, old.begin, old.end, old.offset);
    if (err == 0)
        err = protect_again(mm, old.begin, old.end);
    if (err < 0)
        lose_areas(mm, old.begin, old.end);
    shim_interrupter_release(&host->interrupter, self);
    return err;
}

/* Has the view what an area needs of it? */
static int is_enough(const struct view *v, const struct area *a)
{
    uint64_t end = a->end < v->end ? a->end : v->end;
    return v->begin + v->mapped >= end && (v->writable || a->flags & AREA_NOWRITE);
}

/* Granules that a view of the object shows already, by an earlier mapping beside this one, stay. */
int view_map(struct shim_mm *mm, const struct area *a)
{
    if (IN_GRANULE(a->begin) != IN_GRANULE(a->offset))
        return -LX_ENOMEM;
    uint64_t begin = GRANULE_DOWN(a->begin), end = GRANULE_UP(a->end);
    int err = 0, writable = !(a->flags & AREA_NOWRITE);
    for (uint64_t at = begin, stop; err == 0 && at < end; at = stop) {
        uint64_t offset = GRANULE_DOWN(a->offset) + (at - begin);
        struct view *v = first_view(mm, at, end);
        if (v && v->begin <= at) {
            stop = v->end;
            if (v->shared == a->shared && v->offset + (at - v->begin) == offset) {
                if (!is_enough(v, a))
                    err = view_renew(mm, v, writable || v->writable);
                continue;
            }
            stop = at; /* again, with room there */
            err = view_cut(mm, v, at, end < v->end ? end : v->end);
            continue;
        }
        stop = v ? v->begin : end;
        uint64_t part = core_shared_part_end(a->shared, offset) - offset;
        if (stop - at > part)
            stop = at + part;
        err = view_add(mm, a->shared, writable, at, &stop, offset);
    }
    if (err == 0)
        err = view_protect(mm, a->begin, a->end, a->prot);
    if (err < 0)
        view_release(mm, a->begin, a->end);
    return err;
}

/* What is not at the host has lost its place in the file a moment ago. */
int view_protect(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot)
{
    int err = 0;
    for (uint64_t at = begin; err == 0 && at < end;) {
        const struct view *v = first_view(mm, at, end);
        if (!v)
            break;
        uint64_t stop = v->begin + v->mapped < end ? v->begin + v->mapped : end;
        if (at < v->begin)
            at = v->begin;
        if (at < stop)
            err = plat_mem_protect(at, stop - at, prot);
        at = v->end;
    }
    return err;
}

int view_clone(const struct shim_mm *mm, struct shim_mm *child)
{
    struct view **link = &child->views;
    for (const struct view *from = mm->views; from; from = from->next) {
        if (!is_used(child, from)) /* MADV_DONTFORK */
            continue;
        struct view *v = core_arena_alloc(sizeof *v);
        if (!v)
            return -LX_ENOMEM;
        *v = *from;
        v->next = NULL;
        v->mapped = 0;
        *link = v;
        link = &v->next;
    }
    return 0;
}

int view_attach(struct shim_mm *mm)
{
    struct view *inherited = mm->views; /* files may have become shorter since */
    int err = 0;
    mm->views = NULL;
    for (struct view *v = inherited, *next; v; v = next) {
        next = v->next;
        if (err == 0)
            err = map_views(mm, v->shared, (int)v->writable, v->begin, v->end, v->offset);
        view_free(v);
    }
    if (err == 0)
        err = protect_again(mm, 0, UINT64_MAX);
    return err < 0 ? -LX_ENOMEM : 0;
}

void view_forget_all(struct shim_mm *mm, int unmap)
{
    for (struct view *v = mm->views, *next; v; v = next) {
        next = v->next;
        v->mapped = unmap ? v->mapped : 0;
        view_free(v);
    }
    mm->views = NULL;
}
