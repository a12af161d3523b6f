/* SPDX-License-Identifier: MIT */
/* Files in memory, and their seals. */

#include "vfs/memfd.h"

#include "core/arena.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/mman.h"
#include "plat/plat.h"
#include "vfs/file.h"

#define KNOWN_SEALS                                                         \
    (LX_F_SEAL_SEAL | LX_F_SEAL_SHRINK | LX_F_SEAL_GROW | LX_F_SEAL_WRITE | \
     LX_F_SEAL_FUTURE_WRITE | LX_F_SEAL_EXEC)
#define WRITE_SEALS (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE)

int vfs_memfd_new(const struct vfs_cred *cred, const char *name, uint32_t flags,
                  struct vfs_file **out)
{
    struct vfs_inode *inode;
    uint32_t mode = LX_S_IFREG | (flags & LX_MFD_NOEXEC_SEAL ? 0666 : 0777);
    *out = NULL;
    struct vfs_memfd *m = core_arena_alloc(sizeof *m);
    if (!m)
        return -LX_ENOMEM;
    int err = vfs_inode_new(&vfs_state()->files_super, mode, cred->uid, cred->gid, 0, NULL, &inode);
    if (err < 0) {
        core_arena_free(m, sizeof *m);
        return err;
    }
    core_str_copy(m->name, sizeof m->name, name);
    if (!(flags & (LX_MFD_ALLOW_SEALING | LX_MFD_NOEXEC_SEAL)))
        m->seals |= LX_F_SEAL_SEAL;
    if (flags & LX_MFD_NOEXEC_SEAL)
        m->seals |= LX_F_SEAL_EXEC;
    inode->memfd = m;
    err = vfs_file_new(VFS_FILE_REGULAR, LX_O_RDWR | LX_O_LARGEFILE, inode, out);
    vfs_inode_put(inode);
    return err;
}

void memfd_free(struct vfs_inode *inode)
{
    core_arena_free(inode->memfd, sizeof *inode->memfd);
}

static struct vfs_memfd *memfd_of(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR ? file->inode->memfd : NULL;
}

int64_t vfs_memfd_seals(struct vfs_file *file)
{
    const struct vfs_memfd *m = memfd_of(file);
    if (!m)
        return -LX_EINVAL;
    core_lock_acquire(&file->inode->lock);
    uint32_t seals = m->seals;
    core_lock_release(&file->inode->lock);
    return seals;
}

static int add_seals_locked(struct vfs_inode *inode, uint32_t seals)
{
    struct vfs_memfd *m = inode->memfd;
    if (m->seals & LX_F_SEAL_SEAL)
        return -LX_EPERM;
    if (seals & LX_F_SEAL_WRITE && !(m->seals & LX_F_SEAL_WRITE) && m->writers)
        return -LX_EBUSY;
    /* An executable file that may not change its mode may not change its contents either. */
    if (seals & LX_F_SEAL_EXEC && inode->mode & 0111)
        seals |= LX_F_SEAL_SHRINK | LX_F_SEAL_GROW | WRITE_SEALS;
    m->seals |= seals;
    return 0;
}

/* In the order of memfd_add_seals() in Linux. */
int vfs_memfd_add_seals(struct vfs_file *file, uint32_t seals)
{
    if (!vfs_file_may(file, PLAT_WRITE))
        return -LX_EPERM;
    if (seals & ~(uint32_t)KNOWN_SEALS || !memfd_of(file))
        return -LX_EINVAL;
    core_lock_acquire(&file->inode->lock);
    int err = add_seals_locked(file->inode, seals);
    core_lock_release(&file->inode->lock);
    return err;
}

int vfs_memfd_map(struct vfs_file *file, int wants)
{
    struct vfs_memfd *m = memfd_of(file);
    if (!m)
        return 1;
    core_lock_acquire(&file->inode->lock);
    int may = !(m->seals & WRITE_SEALS);
    if (may)
        m->writers++;
    core_lock_release(&file->inode->lock);
    return !may && wants ? -LX_EPERM : may;
}

void vfs_memfd_map_again(struct vfs_file *file)
{
    struct vfs_memfd *m = memfd_of(file);
    if (!m)
        return;
    core_lock_acquire(&file->inode->lock);
    m->writers++;
    core_lock_release(&file->inode->lock);
}

void vfs_memfd_unmap(struct vfs_file *file)
{
    struct vfs_memfd *m = memfd_of(file);
    if (!m)
        return;
    core_lock_acquire(&file->inode->lock);
    m->writers--;
    core_lock_release(&file->inode->lock);
}
