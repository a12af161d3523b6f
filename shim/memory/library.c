/* SPDX-License-Identifier: MIT */
/* Shared libraries: their place, and their patches. */

#include "memory/library.h"

#include "core/mem.h"
#include "exec/elf.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/image.h"
#include "memory/patch.h"
#include "memory/range.h"
#include "memory/view.h"
#include "plat/plat.h"
#include "shim/rewrite.h"
#include "vfs/file.h"
#include "vfs/image_format.h"
#include "vfs/inode.h"

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(CORE_PAGE_SIZE - 1))

static int read_plan(struct vfs_file *file, struct elf_plan *plan)
{
    uint8_t head[ELF_HEAD_SIZE];
    if (file->kind != VFS_FILE_REGULAR)
        return -LX_ENOEXEC;
    int64_t n = vfs_inode_read_head(file->inode, head, sizeof head);
    return n < 0 ? (int)n : elf_plan_make(head, (uint64_t)n, vfs_file_size(file), plan);
}

/* Lay the whole file out in free memory, as its loader will, to be scanned there. */
static int scan_file(struct shim_mm *mm, struct vfs_file *file, const struct elf_plan *plan,
                     const struct vfs_image_key *key, const struct shim_rewrite_table **table,
                     struct shim_rewrite_table **made)
{
    struct shim_rewrite_range text[ELF_TEXT_MAX], data[ELF_SEGMENT_MAX];
    uint64_t size = plan->high - plan->low;
    uint64_t at = area_find_free(mm, CORE_MMAP_BASE, RESERVE_WINDOW_BASE, mm->next, size);
    int err = at ? host_commit(at, at + size, PLAT_READ | PLAT_WRITE) : -LX_ENOMEM;
    if (err < 0)
        return err;
    for (uint32_t i = 0; err == 0 && i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        err = range_fill(file, at + (s->vaddr - plan->low), s->file_size, s->file_offset);
    }
    const struct shim_rewrite_input in =
        elf_plan_input(plan, (const void *)at, plan->low, text, data);
    if (err == 0)
        err = patch_table(key, &in, table, made);
    host_decommit(at, at + size);
    return err;
}

static int put_trampolines(struct shim_mm *mm, const struct shim_rewrite_table *table, uint64_t at)
{
    uint64_t span = shim_rewrite_trampoline_span(table), begin = at + table->trampolines;
    int err = span ? patch_map_trampolines(mm, begin, span) : 0;
    if (err == 0 && span)
        err = shim_rewrite_put_trampolines(table, (void *)at);
    return err == 0 && span ? host_protect(begin, begin + span, PLAT_READ | PLAT_EXEC) : err;
}

/* At `fixed`, or where there is room. */
static uint64_t place(struct shim_mm *mm, struct vfs_file *file, uint64_t fixed,
                      const struct shim_rewrite_table *table, int is_kept)
{
    uint64_t size = table->span, all = size + shim_rewrite_trampoline_span(table), at = fixed;
    if (!fixed)
        at = area_find_free(mm, CORE_MMAP_BASE, RESERVE_WINDOW_BASE, mm->next, all);
    if (!at || !area_is_free(mm, at + size, at + all) ||
        patch_remember(mm, at, table, is_kept, file) < 0)
        return 0;
    if (put_trampolines(mm, table, at) < 0) {
        patch_forget(mm, at, at + size);
        return 0;
    }
    if (!fixed)
        mm->next = at + all;
    return at;
}

/* Is it what a loader maps of the file first? */
static int is_first(const struct elf_plan *plan, const struct area *a, uint64_t length,
                    uint64_t fixed)
{
    return a->offset == PAGE_DOWN(plan->segments[0].file_offset) &&
           (plan->is_fixed ? fixed == plan->low
                           : !fixed && PAGE_UP(length) == plan->high - plan->low);
}

/*
 * Is it a loader that asks, beyond doubt?  glibc's wants what the segments span to the byte, musl's
 * in pages; who maps a file to read it, all of the file.
 */
static int is_loader(const struct elf_plan *plan, const struct area *a, uint64_t length)
{
    const struct elf_segment *last = &plan->segments[plan->count - 1];
    return length != vfs_file_size(a->file) &&
           (length == last->vaddr + last->memory_size - plan->low ||
            length == plan->high - plan->low);
}

uint64_t library_place(struct shim_mm *mm, struct area *a, uint64_t length, uint64_t fixed)
{
    if (fixed >= CORE_LOW_END)
        return 0;
    struct elf_plan plan;
    struct vfs_image_key key;
    const struct shim_rewrite_table *table;
    struct shim_rewrite_table *made = NULL;
    if (read_plan(a->file, &plan) < 0 || !is_first(&plan, a, length, fixed))
        return 0;
    const struct vfs_image_key *kept = vfs_file_image_key(a->file, &key) ? &key : NULL;
    table = patch_kept(kept, plan.low, plan.high - plan.low);
    if (!table && scan_file(mm, a->file, &plan, kept, &table, &made) < 0)
        return 0;
    uint64_t at = 0;
    if (!made && !fixed && is_loader(&plan, a, length))
        at = image_place(mm, kept, plan.low, table, a->file);
    if (at)
        a->flags |= AREA_PRISTINE;
    /* With a system call that cannot be patched, its text will be refused. */
    if (!at && !table->syscall_unpatched)
        at = place(mm, a->file, fixed, table, !made);
    if (made)
        shim_rewrite_free(made);
    return at;
}

/* The library that a mapping of its file lies in, or NULL. */
static const struct patched_image *library_at(const struct shim_mm *mm, const struct vfs_file *file,
                                              uint64_t begin, uint64_t end)
{
    const struct patched_image *image = mm->images;
    while (image && (!image->file || image->file->inode != file->inode || begin < image->begin ||
                     end > image->begin + image->table->span))
        image = image->next;
    return image;
}

/* The segment of which a mapping at `begin` of the file from `offset` on is a part, or NULL. */
static const struct elf_segment *segment_at(const struct elf_plan *plan, uint64_t base,
                                            uint64_t begin, uint64_t offset)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        if (base + s->vaddr - s->file_offset == begin - offset &&
            begin >= PAGE_DOWN(base + s->vaddr) && begin < base + s->vaddr + s->file_size)
            return s;
    }
    return NULL;
}

int library_is_pristine(const struct shim_mm *mm, const struct area *a, uint64_t begin,
                        uint64_t size)
{
    struct elf_plan plan;
    const struct patched_image *image = library_at(mm, a->file, begin, begin + size);
    if (!image || !image_is_pristine(mm, begin, begin + size) || read_plan(a->file, &plan) < 0)
        return 0;
    uint64_t base = image->begin - plan.low;
    const struct elf_segment *s = segment_at(&plan, base, begin, a->offset);
    return s && begin + size <= PAGE_UP(base + s->vaddr + s->file_size);
}

int library_patch(struct shim_mm *mm, const struct area *a)
{
    struct elf_plan plan;
    const struct patched_image *image = library_at(mm, a->file, a->begin, a->end);
    if (!image || read_plan(a->file, &plan) < 0)
        return 0;
    const struct elf_segment *s = segment_at(&plan, image->begin - plan.low, a->begin, a->offset);
    if (!s || !(s->prot & PLAT_EXEC))
        return 0;
    uint64_t begin = a->begin - image->begin, end = s->vaddr + s->file_size - plan.low;
    if (end > a->end - image->begin)
        end = a->end - image->begin;
    return shim_rewrite_edit(image->table, (void *)image->begin, (uint32_t)begin, (uint32_t)end) ==
           0;
}
