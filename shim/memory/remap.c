/* SPDX-License-Identifier: MIT */
/* mremap(2): grow, shrink and move a mapping of an address space. */

#include "lx/errno.h"
#include "lx/mman.h"
#include "memory/area.h"
#include "memory/range.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/memory.h"
#include "shim/user.h"

/* Map what the area shows from `addr` on once more. */
static int64_t map_again_locked(struct shim_mm *mm, const struct area *from, uint64_t addr,
                                uint64_t size, uint32_t flags, uint64_t new_addr)
{
    struct area a = *from;
    a.offset += addr - from->begin;
    a.flags &= ~(AREA_BACKED | AREA_PATCHED | AREA_PRISTINE | AREA_BEYOND);
    a.text = 0;
    a.begin = 0;
    a.end = size; /* how far it goes in the file */
    area_get(&a);
    int64_t to = range_map(mm, new_addr, size, flags, &a);
    if (to < 0)
        area_put(&a);
    return to;
}

static int64_t move_shared_locked(struct shim_mm *mm, uint64_t addr, uint64_t old_size,
                                  uint64_t new_size, uint32_t flags, uint64_t new_addr)
{
    const struct area *from = area_at(mm, addr);
    int64_t to = map_again_locked(mm, from, addr, new_size,
                                  flags & LX_MREMAP_FIXED ? LX_MAP_FIXED : 0, new_addr);
    if (to < 0 || flags & LX_MREMAP_DONTUNMAP || !old_size)
        return to;
    int err = range_remove(mm, addr, addr + old_size);
    return err < 0 ? err : to;
}

/* Copy what is at `addr` to a new place, which is writable, and then gets its protection. */
static int move_contents(struct shim_mm *mm, uint64_t addr, uint64_t size, uint32_t prot,
                         uint64_t to, uint64_t to_size)
{
    int hidden = !(prot & PLAT_READ);
    int err = hidden ? host_protect(addr, addr + size, PLAT_READ) : 0;
    if (err == 0 && plat_copy_guest((void *)to, (const void *)addr, size))
        err = -LX_EFAULT;
    if (hidden && host_protect(addr, addr + size, prot) < 0)
        err = -LX_ENOMEM;
    return err < 0 ? err : range_protect(mm, to, to + to_size, prot);
}

static int64_t move_locked(struct shim_mm *mm, uint64_t addr, uint64_t old_size, uint64_t new_size,
                           uint32_t flags, uint64_t new_addr)
{
    const struct area *from = area_at(mm, addr);
    struct area a = *from;
    if (a.shared)
        return move_shared_locked(mm, addr, old_size, new_size, flags, new_addr);
    a.offset += addr - from->begin;
    a.flags &= ~(AREA_BACKED | AREA_PATCHED | AREA_PRISTINE | AREA_BEYOND);
    a.text = 0; /* at another address it is not the program's */
    uint32_t prot = a.prot;
    int copy = (from->flags & AREA_BACKED) != 0;
    if (copy) { /* the contents are copied, not read from the file again */
        a.file = NULL;
        a.prot = PLAT_READ | PLAT_WRITE;
    }
    a.begin = 0;
    a.end = new_size;
    uint64_t there = from->end - addr < old_size ? from->end - addr : old_size;
    uint64_t part = there < new_size ? there : new_size;
    area_get(&a);
    int64_t to = range_map(mm, new_addr, new_size, flags & LX_MREMAP_FIXED ? LX_MAP_FIXED : 0, &a);
    if (to < 0) {
        area_put(&a);
        return to;
    }
    int err = copy ? move_contents(mm, addr, part, prot, (uint64_t)to, new_size) : 0;
    if (err < 0) {
        int undone = range_remove(mm, (uint64_t)to, (uint64_t)to + new_size);
        return undone < 0 ? undone : err;
    }
    if (!(flags & LX_MREMAP_DONTUNMAP))
        err = range_remove(mm, addr, addr + old_size);
    else if (copy) /* pages move: where they were is as new */
        err = host_clean(addr, addr + there, prot);
    return err < 0 ? err : to;
}

static int64_t remap_locked(struct shim_mm *mm, uint64_t addr, uint64_t old_size, uint64_t new_size,
                            uint32_t flags, uint64_t new_addr)
{
    const struct area *a = area_at(mm, addr);
    const struct area *last =
        a ? &mm->areas[area_last_of_mapping(mm, (uint32_t)(a - mm->areas))] : a;
    if (!a || last->end < addr + old_size)
        return -LX_EFAULT; /* mremap(2): not one mapping */
    if (!old_size && !a->shared)
        return -LX_EINVAL;
    if (!old_size && flags & LX_MREMAP_MAYMOVE) /* one more mapping of what is shared */
        return move_locked(mm, addr, 0, new_size, flags, new_addr);
    if (flags & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP))
        return move_locked(mm, addr, old_size, new_size, flags, new_addr);
    if (new_size <= old_size) {
        if (new_size < old_size) {
            int err = range_remove(mm, addr + new_size, addr + old_size);
            if (err < 0)
                return err;
        }
        return (int64_t)addr;
    }
    if (last->end == addr + old_size && shim_user_ok(addr, new_size) &&
        area_is_free(mm, last->end, addr + new_size) &&
        map_again_locked(mm, last, last->end, addr + new_size - last->end, LX_MAP_FIXED_NOREPLACE,
                         last->end) >= 0)
        return (int64_t)addr;
    if (!(flags & LX_MREMAP_MAYMOVE))
        return -LX_ENOMEM;
    return move_locked(mm, addr, old_size, new_size, flags, 0);
}

int64_t shim_mm_remap(struct shim_mm *mm, lx_uptr addr, uint64_t old_size, uint64_t new_size,
                      uint32_t flags, lx_uptr new_addr)
{
    if (!IS_PAGED(addr) || !new_size ||
        flags & ~(uint32_t)(LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP))
        return -LX_EINVAL;
    if (flags & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP) && !(flags & LX_MREMAP_MAYMOVE))
        return -LX_EINVAL;
    if (new_size > CORE_MMAP_END - CORE_MMAP_BASE || old_size > CORE_MMAP_END - CORE_MMAP_BASE)
        return -LX_EINVAL;
    old_size = PAGE_UP(old_size);
    new_size = PAGE_UP(new_size);
    if (flags & LX_MREMAP_DONTUNMAP && old_size != new_size)
        return -LX_EINVAL;
    if (flags & LX_MREMAP_FIXED &&
        (!IS_PAGED(new_addr) || (new_addr < addr + old_size && addr < new_addr + new_size)))
        return -LX_EINVAL;
    core_lock_acquire(&mm->lock);
    int64_t result = remap_locked(mm, addr, old_size, new_size, flags, new_addr);
    core_lock_release(&mm->lock);
    return result;
}
