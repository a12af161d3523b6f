/* SPDX-License-Identifier: MIT */
/* Views of memory images under areas, and their way to another process. */

#include "memory/image.h"

#include "core/arena.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "plat/plat.h"
#include "shim/patches.h"

#define GRANULE_UP(x) (((x) + PLAT_GRANULE - 1) & ~(uint64_t)(PLAT_GRANULE - 1))

/* Views begin at granules; what is left of the last one stays free. */
static uint64_t find_place(const struct shim_mm *mm, uint64_t size)
{
    uint64_t at = IMAGE_WINDOW_BASE;
    for (const struct image_view *v = mm->image_views; v;) {
        if (v->end > at && v->begin < at + size) {
            at = GRANULE_UP(v->end);
            v = mm->image_views; /* again, from there */
        } else {
            v = v->next;
        }
    }
    return at + size <= CORE_MMAP_END ? at : 0;
}

uint64_t image_map(struct shim_mm *mm, uint64_t offset, uint64_t size)
{
    struct plat_file *file = shim_patches_memory();
    struct image_view *v = file ? core_arena_alloc(sizeof *v) : NULL;
    uint64_t at = v ? find_place(mm, size) : 0;
    if (!at || plat_copy_map(file, offset, at, size) < 0) {
        core_arena_free(v, sizeof *v);
        return 0;
    }
    *v = (struct image_view){mm->image_views, at, at + size, offset, 1};
    mm->image_views = v;
    return at;
}

int image_covers(const struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    const struct image_view *v = mm->image_views;
    while (v && (begin < v->begin || end > v->end))
        v = v->next;
    return v != NULL;
}

int image_is_pristine(const struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    if (!image_covers(mm, begin, end))
        return 0;
    for (uint32_t i = area_find(mm, begin); begin < end; i++) {
        const struct area *a = &mm->areas[i];
        if (i == mm->count || a->begin > begin || !(a->flags & AREA_PRISTINE))
            return 0;
        begin = a->end;
    }
    return 1;
}

static void view_free(struct image_view *v)
{
    if (v->mapped)
        plat_copy_unmap(v->begin, v->end - v->begin);
    core_arena_free(v, sizeof *v);
}

void image_release(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    for (struct image_view **link = &mm->image_views, *v = *link; v; v = *link) {
        if (v->end <= begin || v->begin >= end || !area_is_free(mm, v->begin, v->end)) {
            link = &v->next;
            continue;
        }
        *link = v->next;
        view_free(v);
    }
}

int image_clone(const struct shim_mm *mm, struct shim_mm *child)
{
    struct image_view **link = &child->image_views;
    for (const struct image_view *from = mm->image_views; from; from = from->next) {
        struct image_view *v = core_arena_alloc(sizeof *v);
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

int image_attach(struct shim_mm *mm)
{
    int err = 0;
    for (struct image_view *v = mm->image_views; err == 0 && v; v = v->next) {
        err = plat_copy_map(shim_patches_memory(), v->offset, v->begin, v->end - v->begin);
        v->mapped = err == 0;
    }
    return err < 0 ? -LX_ENOMEM : 0;
}

void image_forget_all(struct shim_mm *mm, int unmap)
{
    for (struct image_view *v = mm->image_views, *next; v; v = next) {
        next = v->next;
        v->mapped &= (uint32_t)unmap;
        view_free(v);
    }
    mm->image_views = NULL;
}
