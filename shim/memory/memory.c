/* SPDX-License-Identifier: MIT */
/* mmap(2), munmap(2), mprotect(2) and brk(2) on an address space. */

#include "shim/memory.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "memory/area.h"
#include "memory/image.h"
#include "memory/keep.h"
#include "memory/library.h"
#include "memory/patch.h"
#include "memory/range.h"
#include "memory/view.h"
#include "plat/plat.h"
#include "shim/user.h"
#include "vfs/file.h"
#include "vfs/image_format.h"
#include "vfs/inode.h"
#include "vfs/mapping.h"
#include "vfs/memfd.h"
#include "vfs/mount.h"
#include "vfs/super.h"

#define PROT_ALL (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC)

_Static_assert(LX_PROT_READ == PLAT_READ && LX_PROT_WRITE == PLAT_WRITE &&
                   LX_PROT_EXEC == PLAT_EXEC,
               "protections are passed on as they are");

int shim_mm_new(struct shim_mm **out)
{
    struct shim_mm *mm = core_arena_alloc(sizeof *mm);
    *out = NULL;
    if (!mm)
        return -LX_ENOMEM;
    core_lock_init(&mm->lock, CORE_LOCK_MEMORY);
    mm->users = 1;
    mm->is_here = 1;
    mm->next = CORE_MMAP_BASE;
    *out = mm;
    return 0;
}

struct shim_mm *shim_mm_get(struct shim_mm *mm)
{
    atomic_fetch_add(&mm->users, 1);
    return mm;
}

uint32_t shim_mm_users(const struct shim_mm *mm)
{
    return mm->users;
}

int shim_mm_lose(struct shim_mm *mm)
{
    if (mm)
        mm->is_here = 0;
    return !mm || !core_lock_is_held(&mm->lock);
}

void shim_mm_end_views(struct shim_mm *mm)
{
    if (!mm || mm->users > 1)
        return;
    core_lock_acquire(&mm->lock);
    view_forget_all(mm, (int)mm->is_here);
    core_lock_release(&mm->lock);
}

void shim_mm_put(struct shim_mm *mm)
{
    if (!mm || atomic_fetch_sub(&mm->users, 1) != 1)
        return;
    core_lock_acquire(&mm->lock); /* the interrupter may still be refitting it */
    core_lock_release(&mm->lock);
    view_forget_all(mm, (int)mm->is_here);
    image_forget_all(mm, (int)mm->is_here);
    for (uint32_t i = 0; i < mm->count; i++) {
        struct area *a = &mm->areas[i];
        if (mm->is_here && a->flags & AREA_BACKED && !a->shared && !image_has(a->begin))
            keep_area(a);
        area_put(a);
    }
    if (mm->is_here)
        keep_publish();
    patch_forget_all(mm);
    core_arena_free(mm->areas, (uint64_t)mm->capacity * sizeof *mm->areas);
    core_arena_free(mm, sizeof *mm);
}

int shim_mm_uses_mounts(struct shim_mm *mm)
{
    int uses = 0;
    if (!mm)
        return 0;
    core_lock_acquire(&mm->lock);
    for (uint32_t i = 0; i < mm->count && !uses; i++)
        uses = mm->areas[i].file && vfs_mount_is_counted(mm->areas[i].file->mount);
    core_lock_release(&mm->lock);
    return uses;
}

static uint64_t choose_reserve(struct shim_mm *mm, uint64_t size)
{
    uint64_t at = area_find_free(mm, RESERVE_WINDOW_BASE, VIEW_WINDOW_BASE, mm->next_reserve,
                                 size + CHUNK_SIZE);
    if (!at)
        return 0;
    at = (at + CHUNK_SIZE - 1) & ~(CHUNK_SIZE - 1);
    mm->next_reserve = (at + size + CHUNK_SIZE - 1) & ~(CHUNK_SIZE - 1);
    return at;
}

static uint64_t choose(struct shim_mm *mm, uint64_t hint, uint64_t size, uint32_t flags,
                       const struct area *a)
{
    if (a->shared) /* Differs from Linux: a hint is ignored, and there is no room below 4 GiB */
        return flags & LX_MAP_32BIT ? 0 : view_choose(mm, size, a->offset);
    if (hint && IS_PAGED(hint) && shim_user_ok(hint, size) &&
        (hint + size <= VIEW_WINDOW_BASE || hint >= CORE_MMAP_END) &&
        area_is_free(mm, hint, hint + size))
        return hint;
    if (flags & LX_MAP_32BIT)
        return area_find_free(mm, CORE_LOW_BASE, CORE_LOW_END, CORE_LOW_END / 2, size);
    if (!a->prot && !a->file && !(flags & LX_MAP_STACK) && size >= PLAT_GRANULE) {
        uint64_t at = choose_reserve(mm, size);
        if (at)
            return at;
    }
    uint64_t at = area_find_free(mm, CORE_MMAP_BASE, RESERVE_WINDOW_BASE, mm->next, size);
    if (!at)
        at = area_find_free(mm, CORE_MMAP_BASE, VIEW_WINDOW_BASE, 0, size);
    if (at)
        mm->next = at + size;
    return at;
}

int range_fill(struct vfs_file *file, uint64_t addr, uint64_t size, uint64_t offset)
{
    while (size) {
        int64_t n = vfs_file_pread(file, (void *)addr, size, offset);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return 0;
        addr += (uint64_t)n;
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

/*
 * What is shared is not patched: what one process has put into code, another would run, and
 * where that jumps to is private.
 */
static int back_shared(struct shim_mm *mm, struct area *a)
{
    int err = view_map(mm, a);
    if (err == 0 && a->prot & PLAT_EXEC) {
        err = view_protect(mm, a->begin, a->end, PLAT_READ);
        if (err == 0)
            err = patch_check(a->begin, a->end);
        if (err == 0)
            err = view_protect(mm, a->begin, a->end, a->prot);
        if (err < 0) {
            host_drop(mm, a);
            view_release(mm, a->begin, a->end);
        }
    }
    if (err < 0)
        return err;
    a->flags |= AREA_BACKED | (a->prot & PLAT_EXEC ? AREA_PATCHED : 0);
    mm->committed += a->end - a->begin;
    return 0;
}

/* What the memory image under it has is what the file would be read to, patched. */
static int back_pristine(struct shim_mm *mm, struct area *a)
{
    int err = host_protect(a->begin, a->end, a->prot);
    if (err < 0)
        return -LX_ENOMEM;
    a->flags |= AREA_BACKED | (a->prot & PLAT_EXEC ? AREA_PATCHED : 0);
    if (a->prot & PLAT_WRITE)
        a->flags &= ~AREA_PRISTINE;
    mm->committed += a->end - a->begin;
    return 0;
}

int range_back(struct shim_mm *mm, struct area *a)
{
    if (a->shared)
        return back_shared(mm, a);
    if (!a->prot && !a->file)
        return 0;
    if (a->flags & AREA_PRISTINE)
        return back_pristine(mm, a);
    int plain = !a->file && !(a->prot & PLAT_EXEC);
    int err = host_commit(a->begin, a->end, plain ? a->prot : PLAT_READ | PLAT_WRITE);
    if (err < 0)
        return err;
    uint64_t size = a->end - a->begin;
    if (a->file) {
        plat_mem_populate(a->begin, size, PLAT_WRITE);
        err = range_fill(a->file, a->begin, size, a->offset);
    }
    if (err == 0 && a->prot & PLAT_EXEC && !(a->file && library_patch(mm, a)))
        err = patch_code(mm, a->begin, a->end);
    if (err == 0 && !plain)
        err = host_protect(a->begin, a->end, a->prot);
    if (err < 0) {
        host_decommit(a->begin, a->end);
        return err;
    }
    a->flags |= AREA_BACKED | (a->prot & PLAT_EXEC ? AREA_PATCHED : 0);
    mm->committed += size;
    return 0;
}

void range_unback(struct shim_mm *mm, struct area *a)
{
    if (a->flags & AREA_BACKED) {
        host_drop(mm, a);
        mm->committed -= a->end - a->begin;
    }
    view_release(mm, a->begin, a->end);
    a->flags &= ~(AREA_BACKED | AREA_PATCHED | AREA_PRISTINE);
}

static int check_file(struct vfs_file *file, uint32_t prot, int shared)
{
    if (!file)
        return 0;
    if (!vfs_file_may(file, PLAT_READ))
        return -LX_EACCES;
    if (shared && prot & LX_PROT_WRITE && !vfs_file_may(file, PLAT_WRITE))
        return -LX_EACCES;
    if (prot & LX_PROT_EXEC && vfs_file_is_noexec(file))
        return -LX_EPERM;
    return vfs_file_is_mappable(file) ? 0 : -LX_ENODEV;
}

/*
 * What a shared mapping shows: a new object for memory without a file, the file's own for one
 * that can change.
 */
static int find_shared(struct area *a, uint64_t size)
{
    int may_write = !a->file || vfs_file_may(a->file, PLAT_WRITE);
    if (!may_write)
        a->flags |= AREA_NOWRITE;
    if (a->file && vfs_file_is_zero(a->file))
        a->file = NULL;
    if (!a->file) {
        a->offset = 0;
        return core_shared_new(size, &a->shared);
    }
    struct vfs_inode *inode = a->file->inode;
    if (may_write) {
        int may = vfs_memfd_map(a->file, a->prot & PLAT_WRITE);
        if (may < 0)
            return may;
        a->flags |= may ? 0 : AREA_NOWRITE;
    }
    /* Who can only read what is the image's still gets a copy: nobody has shown that he writes. */
    struct vfs_image_key key;
    int needs = may_write || !vfs_file_image_key(a->file, &key);
    int err = vfs_inode_share(inode, needs, &a->shared);
    if (err < 0 && !(a->flags & AREA_NOWRITE))
        vfs_memfd_unmap(a->file);
    return err;
}

int range_remove(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    int err = area_split(mm, begin);
    if (err == 0)
        err = area_split(mm, end);
    if (err == 0) {
        area_remove(mm, begin, end);
        patch_forget(mm, begin, end);
    }
    return err;
}

uint64_t range_visible(const struct area *a)
{
    uint64_t size = a->end - a->begin, end = UINT64_MAX;
    if (a->file)
        end = vfs_mapping_size(a->file);
    else if (a->shared)
        end = core_shared_size(a->shared);
    end = end < UINT64_MAX - CORE_PAGE_SIZE ? PAGE_UP(end) : UINT64_MAX;
    if (end <= a->offset)
        return 0;
    return size < end - a->offset ? size : end - a->offset;
}

/* What of a mapping shows nothing has its references, and its place in the file, all the same. */
static int insert_beyond(struct shim_mm *mm, const struct area *a, uint64_t part)
{
    struct area beyond = *a;
    beyond.begin += part;
    beyond.offset += part;
    beyond.flags = (a->flags & ~AREA_PRISTINE) | AREA_BEYOND;
    int err = area_insert(mm, &beyond);
    if (err == 0 && part)
        area_get(&beyond); /* the other part has those that came */
    return err;
}

/* Where MAP_FIXED says, what was there is gone; -LX_EEXIST: it is not to be. */
static int64_t clear_place(struct shim_mm *mm, uint64_t addr, uint64_t size, uint32_t flags)
{
    if (!shim_user_ok(addr, size))
        return addr < CORE_LOW_BASE ? -LX_EPERM : -LX_ENOMEM;
    if (image_overlaps(addr, addr + size) && !image_covers(mm, addr, addr + size))
        return -LX_ENOMEM;
    if (flags & LX_MAP_FIXED_NOREPLACE)
        return area_is_free(mm, addr, addr + size) ? 0 : -LX_EEXIST;
    return range_remove(mm, addr, addr + size);
}

int64_t range_map(struct shim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
                  struct area *a)
{
    int fixed = (flags & (LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE)) != 0;
    uint64_t place = 0, size = PAGE_UP(length);
    if (fixed) {
        if (a->file && !a->shared && image_has(addr) && library_is_pristine(mm, a, addr, size))
            a->flags |= AREA_PRISTINE;
        int64_t cleared = clear_place(mm, addr, size, flags);
        if (cleared < 0)
            return cleared;
    }
    if (a->file && !a->shared && (fixed || !addr))
        place = library_place(mm, a, length, addr);
    if (!fixed)
        addr = place ? place : choose(mm, addr, size, flags, a);
    if (!addr)
        return -LX_ENOMEM;
    a->begin = addr;
    a->end = addr + size;
    uint64_t part = range_visible(a);
    int err = part < size ? insert_beyond(mm, a, part) : 0; /* first: trampolines take room */
    if (err < 0)
        return err;
    a->end = addr + part;
    if (part)
        err = range_back(mm, a);
    if (err == 0 && part) {
        err = area_insert(mm, a);
        if (err < 0)
            range_unback(mm, a);
    }
    if (err < 0) {
        int left = range_remove(mm, addr + part, addr + size);
        (void)left; /* no memory to split an area: it stays, as address space */
        patch_forget(mm, addr, addr + size); /* a library's trampolines */
        return err;
    }
    return (int64_t)addr;
}

/*
 * Differs from Linux: a shared mapping of a file of the image that was opened for reading only and
 * that nobody has changed yet is a copy.
 */
int64_t shim_mm_map(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot, uint32_t flags,
                    struct vfs_file *file, uint64_t offset)
{
    uint32_t type = flags & LX_MAP_TYPE;
    int shared = type == LX_MAP_SHARED || type == LX_MAP_SHARED_VALIDATE;
    if (!size || (!shared && type != LX_MAP_PRIVATE) || !IS_PAGED(offset))
        return -LX_EINVAL;
    if (flags & (LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE) && !IS_PAGED(addr))
        return -LX_EINVAL;
    if (size > CORE_MMAP_END - CORE_MMAP_BASE)
        return -LX_ENOMEM;
    prot &= PROT_ALL;
    int64_t result = check_file(file, prot, shared);
    if (result < 0)
        return result;

    struct area a = {.file = file, .offset = offset, .prot = prot};
    a.flags = shared ? AREA_SHARED : 0;
    if (shared)
        result = find_shared(&a, PAGE_UP(size));
    if (result < 0)
        return result;
    if (a.file) {
        vfs_file_get(a.file);
        vfs_mapping_add(a.file, a.offset + PAGE_UP(size));
        vfs_mapping_refresh(a.file);
    }
    core_lock_acquire(&mm->lock);
    result = range_map(mm, addr, size, flags, &a);
    core_lock_release(&mm->lock);
    if (result < 0)
        area_put(&a);
    return result;
}

int shim_mm_unmap(struct shim_mm *mm, lx_uptr addr, uint64_t size)
{
    if (!IS_PAGED(addr) || !size || size > UINT64_MAX - addr - CORE_PAGE_SIZE)
        return -LX_EINVAL;
    core_lock_acquire(&mm->lock);
    int err = range_remove(mm, addr, addr + PAGE_UP(size));
    if (err == 0 && mm->next == addr + PAGE_UP(size))
        mm->next = addr; /* as Linux, and the host's page tables are there already */
    core_lock_release(&mm->lock);
    return err;
}

/* Change one area that lies wholly in the range. */
static int protect_area(struct shim_mm *mm, struct area *a, uint32_t prot)
{
    uint64_t begin = a->begin;
    if (prot & PLAT_WRITE && a->flags & AREA_NOWRITE)
        return -LX_EACCES;
    if (prot & PLAT_EXEC && a->file && vfs_file_is_noexec(a->file))
        return -LX_EACCES;
    if (a->prot == prot || a->flags & AREA_BEYOND) {
        a->prot = prot;
        return 0;
    }
    int to_exec = prot & PLAT_EXEC && !(a->flags & AREA_PATCHED);
    int err = 0;
    if (to_exec || prot & PLAT_WRITE)
        a->flags &= ~AREA_PRISTINE;
    if (!(a->flags & AREA_BACKED)) {
        err = host_commit(a->begin, a->end, prot);
        if (err < 0)
            return err;
        a->flags |= AREA_BACKED | (to_exec ? AREA_PATCHED : 0); /* all zero: nothing to patch */
        mm->committed += a->end - a->begin;
    } else {
        if (to_exec) {
            err = host_protect_area(mm, a, a->shared ? PLAT_READ : PLAT_READ | PLAT_WRITE);
            if (err == 0)
                err = a->shared ? patch_check(a->begin, a->end) : patch_code(mm, a->begin, a->end);
            a = area_at(mm, begin); /* trampolines may have moved the array */
            a->text = 0;
            if (err == 0)
                a->flags |= AREA_PATCHED;
        }
        if (err == 0)
            err = host_protect_area(mm, a, prot);
        if (err < 0)
            return err;
    }
    if (prot & PLAT_WRITE)
        a->text = 0;
    if (prot & PLAT_WRITE && !(prot & PLAT_EXEC))
        a->flags &= ~AREA_PATCHED; /* whatever is written now is scanned when it becomes code */
    a->prot = prot;
    return 0;
}

int range_protect(struct shim_mm *mm, uint64_t begin, uint64_t end, uint32_t prot)
{
    int err = area_split(mm, begin);
    if (err == 0)
        err = area_split(mm, end);
    if (err < 0)
        return err;
    uint64_t at = begin;
    for (uint32_t i = area_find(mm, begin); at < end; i++) {
        if (i == mm->count || mm->areas[i].begin != at) {
            err = -LX_ENOMEM; /* mprotect(2): those before the hole are changed */
            break;
        }
        err = protect_area(mm, &mm->areas[i], prot);
        if (err < 0)
            break;
        at = mm->areas[i].end;
    }
    area_merge(mm, begin, end);
    return err;
}

int shim_mm_protect(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot)
{
    prot &= ~(LX_PROT_GROWSDOWN | LX_PROT_GROWSUP);
    if (!IS_PAGED(addr) || prot & ~(uint32_t)PROT_ALL)
        return -LX_EINVAL;
    if (!size)
        return 0;
    if (size > UINT64_MAX - addr - CORE_PAGE_SIZE)
        return -LX_ENOMEM;
    core_lock_acquire(&mm->lock);
    int err = range_protect(mm, addr, addr + PAGE_UP(size), prot);
    core_lock_release(&mm->lock);
    return err;
}

void shim_mm_set_brk(struct shim_mm *mm, lx_uptr base)
{
    core_lock_acquire(&mm->lock);
    mm->brk_base = mm->brk_end = PAGE_UP(base);
    core_lock_release(&mm->lock);
}

static void brk_locked(struct shim_mm *mm, uint64_t addr)
{
    uint64_t old_end = PAGE_UP(mm->brk_end), new_end = PAGE_UP(addr);
    if (addr < mm->brk_base || addr > UINT64_MAX - CORE_PAGE_SIZE)
        return;
    if (new_end < old_end) {
        if (range_remove(mm, new_end, old_end) < 0)
            return;
    } else if (new_end > old_end) {
        struct area a = {.begin = old_end, .end = new_end, .prot = PLAT_READ | PLAT_WRITE};
        if (!shim_user_ok(old_end, new_end - old_end) || !area_is_free(mm, old_end, new_end) ||
            range_back(mm, &a) < 0)
            return;
        if (area_insert(mm, &a) < 0) {
            range_unback(mm, &a);
            return;
        }
    }
    mm->brk_end = addr;
}

int64_t shim_mm_brk(struct shim_mm *mm, lx_uptr addr)
{
    core_lock_acquire(&mm->lock);
    brk_locked(mm, addr);
    int64_t result = (int64_t)mm->brk_end;
    core_lock_release(&mm->lock);
    return result;
}

uint64_t shim_mm_program(const struct shim_mm *mm)
{
    return mm->program;
}

void shim_mm_set_program(struct shim_mm *mm, uint64_t program)
{
    mm->program = program;
}

void shim_mm_begin(void)
{
    keep_nothing();
}

void shim_mm_rest(void)
{
    keep_less();
}

int shim_mm_has_text(lx_uptr begin, lx_uptr end, uint64_t text)
{
    return text && keep_has_text(begin, end, text);
}

int shim_mm_map_text(struct shim_mm *mm, lx_uptr begin, lx_uptr end, uint32_t prot, uint64_t text)
{
    struct keep_dirty dirty;
    if (!shim_mm_has_text(begin, end, text))
        return -LX_ENOENT;
    const struct area a = {.begin = begin,
                           .end = end,
                           .prot = prot,
                           .text = text,
                           .flags = AREA_BACKED | (prot & PLAT_EXEC ? AREA_PATCHED : 0)};
    core_lock_acquire(&mm->lock);
    int err = area_is_free(mm, begin, end) ? 0 : -LX_EEXIST;
    if (err == 0 && !keep_use(begin, end, prot, text, &dirty))
        err = -LX_ENOENT;
    if (err == 0) {
        err = area_insert(mm, &a);
        if (err < 0)
            host_decommit(begin, end);
        else
            mm->committed += end - begin;
    }
    core_lock_release(&mm->lock);
    return err;
}

/* These are unchanged parts of a program from now on, as long as they are not writable. */
static void set_text_locked(struct shim_mm *mm, uint64_t begin, uint64_t end, uint64_t text)
{
    if (area_split(mm, begin) < 0 || area_split(mm, end) < 0)
        return;
    for (uint32_t i = area_find(mm, begin); i < mm->count && mm->areas[i].begin < end; i++) {
        if (!(mm->areas[i].prot & PLAT_WRITE))
            mm->areas[i].text = text;
    }
    area_merge(mm, begin, end);
}

int shim_mm_protect_patched(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot,
                            uint64_t text)
{
    core_lock_acquire(&mm->lock);
    int err = area_split(mm, addr);
    if (err == 0)
        err = area_split(mm, addr + PAGE_UP(size));
    for (uint32_t i = area_find(mm, addr); err == 0 && i < mm->count; i++) {
        if (mm->areas[i].begin >= addr + size)
            break;
        mm->areas[i].flags |= AREA_PATCHED;
    }
    if (err == 0)
        err = range_protect(mm, addr, addr + PAGE_UP(size), prot);
    if (err == 0 && text)
        set_text_locked(mm, addr, addr + PAGE_UP(size), text);
    core_lock_release(&mm->lock);
    return err;
}

int shim_mm_futex_key(struct shim_mm *mm, lx_uptr addr, uint64_t key[2])
{
    core_lock_acquire(&mm->lock);
    const struct area *a = area_at(mm, addr);
    key[0] = (uint64_t)(a && a->shared ? (void *)a->shared : (void *)mm);
    key[1] = a && a->shared ? a->offset + (addr - a->begin) : addr;
    core_lock_release(&mm->lock);
    return a && !(a->flags & AREA_BEYOND) ? 0 : -LX_EFAULT;
}

struct vfs_file *shim_mm_next_file(struct shim_mm *mm, lx_uptr *begin, lx_uptr *end)
{
    struct vfs_file *file = NULL;
    core_lock_acquire(&mm->lock);
    for (uint32_t i = area_find(mm, *begin); i < mm->count && !file; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= *end)
            break;
        if (!a->shared || !a->file || a->flags & AREA_BEYOND)
            continue;
        file = vfs_file_get(a->file);
        *begin = a->begin > *begin ? a->begin : *begin;
        *end = a->end < *end ? a->end : *end;
        uint64_t last = view_end(mm, *begin);
        if (last > *begin && last < *end)
            *end = last;
    }
    core_lock_release(&mm->lock);
    return file;
}

int shim_mm_is_mapped(struct shim_mm *mm, lx_uptr begin, lx_uptr end)
{
    core_lock_acquire(&mm->lock);
    uint32_t i = area_find(mm, begin);
    while (begin < end && i < mm->count && mm->areas[i].begin <= begin)
        begin = mm->areas[i++].end;
    core_lock_release(&mm->lock);
    return begin >= end;
}

void shim_mm_usage(struct shim_mm *mm, uint64_t *mapped, uint64_t *committed)
{
    core_lock_acquire(&mm->lock);
    *mapped = mm->mapped;
    *committed = mm->committed;
    core_lock_release(&mm->lock);
}

uint64_t shim_mm_peak(struct shim_mm *mm)
{
    core_lock_acquire(&mm->lock);
    uint64_t peak = mm->peak > mm->committed ? mm->peak : mm->committed;
    core_lock_release(&mm->lock);
    return peak;
}

void shim_mm_sizes(struct shim_mm *mm, uint64_t *all, uint64_t *data)
{
    *all = *data = 0;
    core_lock_acquire(&mm->lock);
    for (uint32_t i = 0; i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        if (a->begin >= CORE_STACK_BASE && a->begin < CORE_STACK_END)
            continue;
        *all += a->end - a->begin;
        if (a->prot & LX_PROT_WRITE && !(a->flags & AREA_SHARED))
            *data += a->end - a->begin;
    }
    core_lock_release(&mm->lock);
}

void shim_mm_list(struct shim_mm *mm, void (*put)(void *arg, const struct shim_mm_area *area),
                  void *arg)
{
    core_lock_acquire(&mm->lock);
    for (uint32_t i = 0; i < mm->count; i++) {
        const struct area *a = &mm->areas[i];
        i = area_last_of_mapping(mm, i);
        const struct shim_mm_area shown = {
            .begin = a->begin,
            .end = mm->areas[i].end,
            .file = a->file,
            .offset = a->offset,
            .prot = a->prot,
            .is_shared = (a->flags & AREA_SHARED) != 0,
            .is_heap = a->begin < mm->brk_end && a->end > mm->brk_base && !a->file,
        };
        put(arg, &shown);
    }
    core_lock_release(&mm->lock);
}
