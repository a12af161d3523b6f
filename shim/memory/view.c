/* SPDX-License-Identifier: MIT */
/* Views of shared objects under areas, and their way to another process. */

#include "memory/view.h"

#include "core/arena.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/image.h"
#include "plat/plat.h"
#include "shim/memory.h"

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

/* Is an area over the view? */
static int is_used(struct shim_mm *mm, const struct view *v)
{
    for (uint32_t i = area_find(mm, v->begin); i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= v->end)
            break;
        if (a->shared)
            return 1;
    }
    return 0;
}

static void view_free(struct view *v)
{
    if (v->mapped)
        core_shared_unmap(v->begin, v->end - v->begin);
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

static int view_add(struct shim_mm *mm, struct core_shared *s, uint64_t begin, uint64_t end,
                    uint64_t offset)
{
    struct view *v = core_arena_alloc(sizeof *v);
    if (!v)
        return -LX_ENOMEM;
    if (core_shared_map(s, offset, begin, end - begin, 0) < 0) {
        core_arena_free(v, sizeof *v);
        return -LX_ENOMEM;
    }
    *v = (struct view){mm->views, begin, end, s, offset, 1};
    mm->views = v;
    return 0;
}

/* May the program be using what is left of the view? */
static int is_accessible(struct shim_mm *mm, const struct view *v)
{
    for (uint32_t i = area_find(mm, v->begin); i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= v->end)
            break;
        if (a->shared && a->prot)
            return 1;
    }
    return 0;
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
    for (struct view **link = &mm->views; *link; link = &(*link)->next) {
        if (*link == v) {
            *link = v->next;
            break;
        }
    }
    view_free(v);
    int err = 0;
    if (old.begin < begin)
        err = view_add(mm, old.shared, old.begin, begin, old.offset);
    if (err == 0 && end < old.end)
        err = view_add(mm, old.shared, end, old.end, old.offset + (end - old.begin));
    return err;
}

/* Granules that a view of the object shows already, by an earlier mapping beside this one, stay. */
int view_map(struct shim_mm *mm, const struct area *a)
{
    if (IN_GRANULE(a->begin) != IN_GRANULE(a->offset))
        return -LX_ENOMEM;
    uint64_t begin = GRANULE_DOWN(a->begin), end = GRANULE_UP(a->end);
    int err = 0;
    for (uint64_t at = begin, stop; err == 0 && at < end; at = stop) {
        uint64_t offset = GRANULE_DOWN(a->offset) + (at - begin);
        struct view *v = first_view(mm, at, end);
        if (v && v->begin <= at) {
            stop = v->end;
            if (v->shared == a->shared && v->offset + (at - v->begin) == offset)
                continue;
            stop = at; /* again, with room there */
            err = view_cut(mm, v, at, end < v->end ? end : v->end);
            continue;
        }
        stop = v ? v->begin : end;
        uint64_t part = core_shared_part_end(a->shared, offset) - offset;
        if (stop - at > part)
            stop = at + part;
        err = view_add(mm, a->shared, at, stop, offset);
    }
    if (err == 0)
        err = view_protect(mm, a->begin, a->end, a->prot);
    if (err < 0)
        view_release(mm, a->begin, a->end);
    return err;
}

int view_protect(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot)
{
    for (uint64_t at = begin, stop; at < end; at = stop) {
        const struct view *v = first_view(mm, at, end);
        if (!v || v->begin > at)
            return -LX_ENOMEM;
        stop = v->end < end ? v->end : end;
        int err = plat_mem_protect(at, stop - at, prot);
        if (err < 0)
            return err;
    }
    return 0;
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
    int err = 0;
    for (struct view *v = mm->views; err == 0 && v; v = v->next) {
        err = core_shared_map(v->shared, v->offset, v->begin, v->end - v->begin, 0);
        v->mapped = err == 0;
    }
    for (uint32_t i = 0; err == 0 && i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->shared)
            err = view_protect(mm, a->begin, a->end, a->prot);
    }
    return err < 0 ? -LX_ENOMEM : 0;
}

void view_forget_all(struct shim_mm *mm, int unmap)
{
    for (struct view *v = mm->views, *next; v; v = next) {
        next = v->next;
        v->mapped &= (uint32_t)unmap;
        view_free(v);
    }
    mm->views = NULL;
}
