/* SPDX-License-Identifier: MIT */
/* madvise(2) on an address space: what is dropped, zeroed, or not given to a child. */

#include "core/shared.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "lx/unistd.h"
#include "memory/area.h"
#include "memory/range.h"
#include "plat/plat.h"
#include "shim/memory.h"
#include "vfs/file.h"
#include "vfs/inode.h"

/* MADV_DONTNEED: private anonymous memory is zero afterwards, a file's copy is read again. */
static int drop_area(struct shim_mm *mm, struct area *a, uint64_t begin, uint64_t end)
{
    (void)mm;
    if (!(a->flags & AREA_BACKED) || a->flags & (AREA_SHARED | AREA_PATCHED | AREA_PRISTINE))
        return 0;
    uint32_t prot = a->file ? PLAT_READ | PLAT_WRITE : a->prot;
    a->text = 0;
    host_decommit(begin, end);
    int err = host_commit(begin, end, prot);
    if (err == 0 && a->file) {
        err = range_fill(a->file, begin, end - begin, a->offset + (begin - a->begin));
        if (err == 0)
            err = host_protect(begin, end, a->prot);
    }
    return err;
}

/*
 * MADV_REMOVE: zero what is shared, for all who see it.  Not with the lock where it is a file:
 * address spaces, and this one, may have to let go of it meanwhile.
 */
static int remove_area(struct shim_mm *mm, struct area *a, uint64_t begin, uint64_t end)
{
    if (!(a->flags & AREA_SHARED))
        return -LX_EINVAL;
    if (!a->shared || !(a->prot & PLAT_WRITE))
        return -LX_EACCES;
    uint64_t offset = a->offset + (begin - a->begin);
    if (!a->file)
        return core_shared_zero(a->shared, offset, end - begin);
    struct vfs_file *file = vfs_file_get(a->file);
    core_lock_release(&mm->lock);
    int err = vfs_inode_allocate(file->inode, LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_KEEP_SIZE,
                                 offset, end - begin);
    vfs_file_put(file);
    core_lock_acquire(&mm->lock);
    return err;
}

/* What is only advice. */
static int leave_area(struct shim_mm *mm, struct area *a, uint64_t begin, uint64_t end)
{
    (void)mm, (void)a, (void)begin, (void)end;
    return 0;
}

/*
 * Do it to each area's part of the range; holes are passed over, and are ENOMEM in the end.
 *   act      may let go of the lock.
 */
static int for_areas_locked(struct shim_mm *mm, uint64_t begin, uint64_t end,
                            int (*act)(struct shim_mm *, struct area *, uint64_t, uint64_t))
{
    int holes = 0;
    for (uint64_t at = begin, stop; at < end; at = stop) {
        uint32_t i = area_find(mm, at);
        if (i == mm->count || mm->areas[i].begin >= end) {
            holes = 1;
            break;
        }
        struct area *a = &mm->areas[i];
        holes |= a->begin > at;
        stop = a->end < end ? a->end : end;
        int err = act(mm, a, a->begin > at ? a->begin : at, stop);
        if (err < 0)
            return err;
    }
    return holes ? -LX_ENOMEM : 0;
}

/* Set and clear flags for a child; holes are passed over, and are ENOMEM in the end. */
static int flag_locked(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t set,
                       uint32_t clear)
{
    int err = area_split(mm, begin), holes = 0;
    if (err == 0)
        err = area_split(mm, end);
    uint64_t at = begin;
    for (uint32_t i = area_find(mm, begin); err == 0 && at < end; i++) {
        if (i == mm->count || mm->areas[i].begin >= end) {
            holes = 1;
            break;
        }
        struct area *a = &mm->areas[i];
        holes |= a->begin > at;
        at = a->end;
        if (set & AREA_WIPEONFORK && (a->file || a->flags & AREA_SHARED))
            err = -LX_EINVAL; /* madvise(2): private anonymous memory only */
        else
            a->flags = (a->flags | set) & ~clear;
    }
    area_merge(mm, begin, end);
    return err < 0 ? err : holes ? -LX_ENOMEM : 0;
}

int shim_mm_advise(struct shim_mm *mm, lx_uptr addr, uint64_t size, int32_t advice)
{
    if (!IS_PAGED(addr) || size > UINT64_MAX - addr - CORE_PAGE_SIZE)
        return -LX_EINVAL;
    size = PAGE_UP(size);
    uint64_t end = addr + size;
    int err = 0;
    core_lock_acquire(&mm->lock);
    switch (advice) {
    case LX_MADV_DONTNEED:
        err = for_areas_locked(mm, addr, end, drop_area);
        break;
    case LX_MADV_REMOVE:
        err = for_areas_locked(mm, addr, end, remove_area);
        break;
    case LX_MADV_DONTFORK:
        err = flag_locked(mm, addr, end, AREA_DONTFORK, 0);
        break;
    case LX_MADV_DOFORK:
        err = flag_locked(mm, addr, end, 0, AREA_DONTFORK);
        break;
    case LX_MADV_WIPEONFORK:
        err = flag_locked(mm, addr, end, AREA_WIPEONFORK, 0);
        break;
    case LX_MADV_KEEPONFORK:
        err = flag_locked(mm, addr, end, 0, AREA_WIPEONFORK);
        break;
    case LX_MADV_NORMAL:
    case LX_MADV_RANDOM:
    case LX_MADV_SEQUENTIAL:
    case LX_MADV_WILLNEED:
    case LX_MADV_FREE: /* it may be freed; it need not be */
    case LX_MADV_MERGEABLE:
    case LX_MADV_UNMERGEABLE:
    case LX_MADV_HUGEPAGE:
    case LX_MADV_NOHUGEPAGE:
    case LX_MADV_DONTDUMP:
    case LX_MADV_DODUMP:
    case LX_MADV_COLD:
    case LX_MADV_PAGEOUT:
        err = for_areas_locked(mm, addr, end, leave_area);
        break;
    default:
        err = -LX_EINVAL;
        break;
    }
    core_lock_release(&mm->lock);
    return err;
}
