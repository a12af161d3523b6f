/* SPDX-License-Identifier: MIT */
/* Memory areas: a sorted array, because lookups are many and changes few. */

#include "memory/area.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "memory/image.h"
#include "memory/view.h"
#include "vfs/file.h"
#include "vfs/mapping.h"
#include "vfs/memfd.h"

uint32_t area_find(const struct shim_mm *mm, uint64_t addr)
{
    uint32_t low = 0, high = mm->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mm->areas[middle].end <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct area *area_at(struct shim_mm *mm, uint64_t addr)
{
    uint32_t i = area_find(mm, addr);
    return i < mm->count && mm->areas[i].begin <= addr ? &mm->areas[i] : NULL;
}

/* A shared mapping of a file that may be written keeps a memfd from being sealed. */
static int is_writer(const struct area *a)
{
    return a->shared && a->file && !(a->flags & AREA_NOWRITE);
}

void area_get(const struct area *a)
{
    if (a->file) {
        vfs_file_get(a->file);
        vfs_mapping_add(a->file, a->offset + (a->end - a->begin));
    }
    if (a->shared)
        core_shared_get(a->shared);
    if (is_writer(a))
        vfs_memfd_map_again(a->file);
}

void area_put(const struct area *a)
{
    if (is_writer(a))
        vfs_memfd_unmap(a->file);
    core_shared_put(a->shared);
    if (a->file)
        vfs_mapping_remove(a->file);
    vfs_file_put(a->file);
}

static int grow(struct shim_mm *mm)
{
    uint32_t capacity = mm->capacity ? mm->capacity * 2 : 64;
    struct area *areas = core_arena_alloc((uint64_t)capacity * sizeof *areas);
    if (!areas)
        return -LX_ENOMEM;
    if (mm->count)
        memcpy(areas, mm->areas, mm->count * sizeof *areas);
    core_arena_free(mm->areas, (uint64_t)mm->capacity * sizeof *areas);
    mm->areas = areas;
    mm->capacity = capacity;
    return 0;
}

static int insert_at(struct shim_mm *mm, uint32_t index, const struct area *a)
{
    if (mm->count == AREA_MAX)
        return -LX_ENOMEM;
    if (mm->count == mm->capacity) {
        int err = grow(mm);
        if (err < 0)
            return err;
    }
    memmove(&mm->areas[index + 1], &mm->areas[index], (mm->count - index) * sizeof *a);
    mm->areas[index] = *a;
    mm->count++;
    return 0;
}

static void remove_at(struct shim_mm *mm, uint32_t index, uint32_t count)
{
    memmove(&mm->areas[index], &mm->areas[index + count],
            (mm->count - index - count) * sizeof *mm->areas);
    mm->count -= count;
}

static int mergeable(const struct area *a, const struct area *b)
{
    return a->end == b->begin && a->prot == b->prot && a->flags == b->flags && a->text == b->text &&
           a->file == b->file && a->shared == b->shared &&
           ((!a->file && !a->shared) || a->offset + (a->end - a->begin) == b->offset);
}

uint32_t area_last_of_mapping(const struct shim_mm *mm, uint32_t index)
{
    const uint32_t here = AREA_BACKED | AREA_PATCHED | AREA_PRISTINE | AREA_BEYOND;
    for (; index + 1 < mm->count; index++) {
        struct area a = mm->areas[index], b = mm->areas[index + 1];
        if (!((a.flags | b.flags) & AREA_BEYOND))
            break;
        a.flags &= ~here;
        b.flags &= ~here;
        a.text = b.text = 0;
        if (!mergeable(&a, &b))
            break;
    }
    return index;
}

void area_merge(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    uint32_t i = area_find(mm, begin ? begin - 1 : 0);
    while (i + 1 < mm->count && mm->areas[i].begin <= end) {
        struct area *a = &mm->areas[i], *b = a + 1;
        if (!mergeable(a, b)) {
            i++;
            continue;
        }
        a->end = b->end;
        area_put(b);
        remove_at(mm, i + 1, 1);
    }
}

int area_insert(struct shim_mm *mm, const struct area *a)
{
    int err = insert_at(mm, area_find(mm, a->begin), a);
    if (err < 0)
        return err;
    mm->mapped += a->end - a->begin;
    area_merge(mm, a->begin, a->end);
    return 0;
}

int area_split(struct shim_mm *mm, uint64_t addr)
{
    uint32_t i = area_find(mm, addr);
    if (i == mm->count || mm->areas[i].begin >= addr)
        return 0;
    struct area upper = mm->areas[i];
    upper.offset += addr - upper.begin;
    upper.begin = addr;
    int err = insert_at(mm, i + 1, &upper);
    if (err < 0)
        return err;
    mm->areas[i].end = addr;
    area_get(&upper);
    return 0;
}

void area_remove(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    uint32_t first = area_find(mm, begin), last = first;
    int shared = 0;
    if (mm->peak < mm->committed)
        mm->peak = mm->committed;
    for (; last < mm->count && mm->areas[last].begin < end; last++) {
        struct area *a = &mm->areas[last];
        if (a->flags & AREA_BACKED) {
            host_drop(mm, a);
            mm->committed -= a->end - a->begin;
        }
        mm->mapped -= a->end - a->begin;
        shared |= a->shared != NULL;
        area_put(a);
    }
    remove_at(mm, first, last - first);
    if (shared)
        view_release(mm, begin, end);
    if (image_overlaps(begin, end))
        image_release(mm, begin, end);
}

int area_is_free(const struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    uint32_t i = area_find(mm, begin);
    return i == mm->count || mm->areas[i].begin >= end;
}

static uint64_t search(const struct shim_mm *mm, uint64_t from, uint64_t high, uint64_t size)
{
    for (uint32_t i = area_find(mm, from); from + size <= high; i++) {
        if (i == mm->count || mm->areas[i].begin >= from + size)
            return from;
        from = mm->areas[i].end;
    }
    return 0;
}

uint64_t area_find_free(const struct shim_mm *mm, uint64_t low, uint64_t high, uint64_t from,
                        uint64_t size)
{
    if (size > high - low)
        return 0;
    uint64_t found = from >= low && from < high ? search(mm, from, high, size) : 0;
    return found ? found : search(mm, low, high, size);
}
