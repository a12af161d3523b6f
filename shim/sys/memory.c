/* SPDX-License-Identifier: MIT */
/*
 * mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), msync(2),
 * mincore(2), mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2), memfd_create(2).
 */

#include "shim/memory.h"

#include "core/layout.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "lx/resource.h"
#include "plat/thread.h"
#include "shim/limit.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"
#include "sys/file.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/memfd.h"
#include "vfs/path.h"

#define IS_PAGED(x) (((x) & (CORE_PAGE_SIZE - 1)) == 0)

/*
 * Code has come whose thread-local accesses were not all rewritten: from now on the process's
 * threads run with their FS base.  One that is in guest code gets it before it goes on there.
 */
static int64_t follow_code(struct shim_task *t, int64_t result)
{
    struct shim_process *p = t->process;
    if (t->plat->fs_mode == PLAT_FS_GUEST || !shim_mm_needs_fs(p->mm))
        return result;
    core_lock_acquire(&p->lock);
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct plat_thread *plat = CORE_LIST_ENTRY(node, struct shim_task, in_process)->plat;
        if (plat) /* else it takes its parent's mode when it begins */
            plat_thread_use_fs(plat);
    }
    core_lock_release(&p->lock);
    shim_process_notify(p, t);
    return result;
}

int64_t sys_mmap(struct shim_task *t, lx_uptr addr, uint64_t size, uint32_t prot, uint32_t flags,
                 int32_t fd, uint64_t offset)
{
    struct vfs_file *file = NULL;
    if (!IS_PAGED(offset))
        return -LX_EINVAL;
    if (!(flags & LX_MAP_ANONYMOUS)) {
        int err = vfs_fdtable_get(t->process->fds, fd, &file);
        if (err == 0 && file->kind == VFS_FILE_PATH)
            err = -LX_EBADF;
        if (err < 0) {
            vfs_file_put(file);
            return err;
        }
    }
    int64_t result = shim_limit_memory(t, size, prot & LX_PROT_WRITE && flags & LX_MAP_PRIVATE);
    if (result == 0)
        result = shim_mm_map(t->process->mm, addr, size, prot, flags, file, offset);
    vfs_file_put(file);
    return follow_code(t, result);
}

int64_t sys_munmap(struct shim_task *t, lx_uptr addr, uint64_t size)
{
    return shim_mm_unmap(t->process->mm, addr, size);
}

int64_t sys_mprotect(struct shim_task *t, lx_uptr addr, uint64_t size, uint32_t prot)
{
    return follow_code(t, shim_mm_protect(t->process->mm, addr, size, prot));
}

int64_t sys_mremap(struct shim_task *t, lx_uptr addr, uint64_t old_size, uint64_t new_size,
                   uint32_t flags, lx_uptr new_addr)
{
    uint64_t grows = new_size > old_size && IS_PAGED(addr) ? new_size - old_size : 0;
    if (shim_limit_memory(t, grows, 1) < 0)
        return -LX_ENOMEM;
    return shim_mm_remap(t->process->mm, addr, old_size, new_size, flags, new_addr);
}

int64_t sys_brk(struct shim_task *t, lx_uptr addr)
{
    struct shim_mm *mm = t->process->mm;
    uint64_t end = (uint64_t)shim_mm_brk(mm, 0);
    if (addr > end && shim_limit_memory(t, addr - end, 1) < 0)
        return (int64_t)end;
    return shim_mm_brk(mm, addr);
}

int64_t sys_madvise(struct shim_task *t, lx_uptr addr, uint64_t size, int32_t advice)
{
    return shim_mm_advise(t->process->mm, addr, size, advice);
}

/* 0 if all of [addr, addr + size) is mapped. */
static int all_mapped(struct shim_task *t, lx_uptr addr, uint64_t size)
{
    if (size > UINT64_MAX - addr - CORE_PAGE_SIZE)
        return -LX_ENOMEM;
    uint64_t end = addr + ((size + CORE_PAGE_SIZE - 1) & ~(uint64_t)(CORE_PAGE_SIZE - 1));
    return shim_mm_is_mapped(t->process->mm, addr, end) ? 0 : -LX_ENOMEM;
}

int64_t sys_msync(struct shim_task *t, lx_uptr addr, uint64_t size, int32_t flags)
{
    if (!IS_PAGED(addr) || flags & ~(LX_MS_ASYNC | LX_MS_INVALIDATE | LX_MS_SYNC) ||
        (flags & LX_MS_ASYNC && flags & LX_MS_SYNC))
        return -LX_EINVAL;
    int err = all_mapped(t, addr, size); /* as far as it is mapped, all is done */
    if (!(flags & LX_MS_SYNC))
        return err;
    uint64_t stop = addr + ((size + CORE_PAGE_SIZE - 1) & ~(uint64_t)(CORE_PAGE_SIZE - 1));
    uint64_t begin = addr, end = stop;
    struct vfs_file *file;
    for (; (file = shim_mm_next_file(t->process->mm, &begin, &end)); begin = end, end = stop) {
        int failed = vfs_file_sync_view(file, begin, end);
        vfs_file_put(file);
        err = failed < 0 ? failed : err;
    }
    return err;
}

int64_t sys_mincore(struct shim_task *t, lx_uptr addr, uint64_t size, lx_uptr vec)
{
    static const uint8_t resident[256] = {[0 ... 255] = 1};
    if (!IS_PAGED(addr))
        return -LX_EINVAL;
    int err = all_mapped(t, addr, size);
    uint64_t pages = size / CORE_PAGE_SIZE + (size % CORE_PAGE_SIZE != 0);
    while (err == 0 && pages) {
        uint64_t part = pages < sizeof resident ? pages : sizeof resident;
        err = shim_copy_out(vec, resident, part);
        vec += part;
        pages -= part;
    }
    return err;
}

static uint64_t lock_limit(const struct shim_task *t)
{
    return shim_capable(t, LX_CAP_IPC_LOCK) ? LX_RLIM64_INFINITY
                                            : t->process->limits[LX_RLIMIT_MEMLOCK].rlim_cur;
}

/* Locking: memory is never paged out by us, and the host's paging is not ours to stop. */
int64_t sys_mlock(struct shim_task *t, lx_uptr addr, uint64_t size)
{
    uint64_t in_page = addr % CORE_PAGE_SIZE;
    uint64_t limit = lock_limit(t), whole = size + in_page; /* Differs from Linux: of each call */
    if (!limit)
        return -LX_EPERM;
    if (whole > limit || whole < size)
        return -LX_ENOMEM;
    return all_mapped(t, addr - in_page, size);
}

int64_t sys_mlock2(struct shim_task *t, lx_uptr addr, uint64_t size, int32_t flags)
{
    if (flags & ~LX_MLOCK_ONFAULT)
        return -LX_EINVAL;
    return sys_mlock(t, addr, size);
}

int64_t sys_munlock(struct shim_task *t, lx_uptr addr, uint64_t size)
{
    return all_mapped(t, addr & ~(uint64_t)(CORE_PAGE_SIZE - 1), size);
}

int64_t sys_mlockall(struct shim_task *t, int32_t flags)
{
    int32_t known = LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT;
    uint64_t limit = lock_limit(t), mapped, data;
    if (!flags || flags & ~known || flags == LX_MCL_ONFAULT)
        return -LX_EINVAL;
    if (!limit)
        return -LX_EPERM;
    shim_mm_sizes(t->process->mm, &mapped, &data);
    return flags & LX_MCL_CURRENT && mapped > limit ? -LX_ENOMEM : 0;
}

int64_t sys_munlockall(struct shim_task *t)
{
    (void)t;
    return 0;
}

/* In the order of memfd_create() in Linux; there are no huge pages to be had. */
int64_t sys_memfd_create(struct shim_task *t, lx_uptr name, uint32_t flags)
{
    char text[VFS_MEMFD_NAME_MAX + 1];
    struct vfs_file *file;
    uint32_t known =
        LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING | LX_MFD_HUGETLB | LX_MFD_NOEXEC_SEAL | LX_MFD_EXEC;
    if (flags & LX_MFD_HUGETLB)
        known |= (uint32_t)LX_MFD_HUGE_MASK << LX_MFD_HUGE_SHIFT;
    if (flags & ~known || (flags & LX_MFD_EXEC && flags & LX_MFD_NOEXEC_SEAL))
        return -LX_EINVAL;
    int64_t length = shim_copy_string(text, name, sizeof text);
    if (length < 0)
        return length == -LX_ENAMETOOLONG ? -LX_EINVAL : length;
    if (flags & LX_MFD_HUGETLB)
        return -LX_ENODEV;
    int err = vfs_memfd_new(&t->process->fs->cred, text, flags, &file);
    return err < 0 ? err : sys_install(t, file, flags & LX_MFD_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}
