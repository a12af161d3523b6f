/* SPDX-License-Identifier: MIT */
/* Views of memory images under areas, what is loaded from them, and their way to another process. */

#include "memory/image.h"

#include "core/arena.h"
#include "core/mem.h"
#include "exec/elf.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/patch.h"
#include "memory/range.h"
#include "plat/plat.h"
#include "shim/memory.h"
#include "shim/patches.h"
#include "shim/rewrite.h"
#include "vfs/image_format.h"

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

static uint64_t map_view(struct shim_mm *mm, uint64_t offset, uint64_t size)
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

/* An area of it, with the protection that it is to have. */
static int add_area(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot)
{
    const struct area a = {.begin = begin,
                           .end = end,
                           .prot = prot,
                           .flags = AREA_BACKED | (prot & PLAT_EXEC ? AREA_PATCHED : 0) |
                                    (prot & PLAT_WRITE ? 0 : AREA_PRISTINE)};
    if (begin == end)
        return 0;
    int err = host_protect(begin, end, prot);
    if (err == 0)
        err = area_insert(mm, &a);
    if (err == 0)
        mm->committed += end - begin;
    return err < 0 ? -LX_ENOMEM : 0;
}

/* Take all of it back. */
static void remove_image(struct shim_mm *mm, uint64_t at, uint64_t span)
{
    area_remove(mm, at, at + span);
    patch_forget(mm, at, at + span);
    image_release(mm, at, at + 1);
}

uint64_t image_place(struct shim_mm *mm, const struct vfs_image_key *key, uint64_t addr,
                     const struct shim_rewrite_table *table, struct vfs_file *file)
{
    uint64_t offset = shim_patches_image(*key, addr);
    uint64_t end = (uint64_t)table->span + shim_rewrite_trampoline_span(table);
    uint64_t at = offset ? map_view(mm, offset, end) : 0;
    if (!at)
        return 0;
    if (patch_remember(mm, at, table, 1, file) == 0 &&
        add_area(mm, at + table->span, at + end, PLAT_READ | PLAT_EXEC) == 0)
        return at;
    remove_image(mm, at, table->span);
    return 0;
}

/* A program's segments, as execve(2) maps them: behind what the file has of one there are zeros. */
static int add_segments(struct shim_mm *mm, const struct elf_plan *plan, uint64_t bias)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        uint64_t begin = s->vaddr + bias, in_file = begin + s->file_size;
        uint64_t end = PAGE_UP(begin + s->memory_size);
        err = add_area(mm, begin & ~(uint64_t)(CORE_PAGE_SIZE - 1), end, s->prot);
        if (err == 0 && s->prot & PLAT_WRITE && s->memory_size > s->file_size)
            memset((void *)in_file, 0, PAGE_UP(in_file) - in_file);
    }
    return err;
}

int shim_mm_map_program(struct shim_mm *mm, const struct vfs_image_key *key, lx_uptr addr,
                        const struct elf_plan *plan, lx_uptr *at)
{
    uint64_t span = plan->high - plan->low;
    const struct shim_rewrite_table *table = patch_kept(key, addr, span);
    *at = 0;
    if (!table || plan->is_fixed)
        return -LX_ENOENT;
    core_lock_acquire(&mm->lock);
    *at = image_place(mm, key, addr, table, NULL);
    int err = *at ? add_segments(mm, plan, *at - plan->low) : -LX_ENOENT;
    if (*at && err < 0)
        remove_image(mm, *at, span);
    core_lock_release(&mm->lock);
    return err;
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
