/* SPDX-License-Identifier: MIT */
/* Credentials: their rules of change, as security/commoncap.c has them. */

#include "shim/cred.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/personality.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "shim/process.h"
#include "shim/task.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/path.h"

/* CAP_FS_MASK in Linux: what setfsuid(2) takes and gives. */
#define FS_CAPABILITIES (VFS_CAPABILITIES | LX_CAP_BIT(LX_CAP_MAC_OVERRIDE))

#define SECURE_STACK (8ull << 20) /* _STK_LIM */

void shim_cred_init(struct shim_cred *cred)
{
    memset(cred, 0, sizeof *cred);
    cred->permitted = cred->effective = cred->bounding = SHIM_CAPABILITIES;
}

void shim_process_publish_credentials(struct shim_process *p)
{
    const struct shim_cred *c = &p->cred;
    vfs_fs_set_cred(p->fs, c->fsuid, c->fsgid, (uint32_t)c->effective, c->groups);
}

void shim_cred_become(struct shim_process *p, uint32_t uid, uint32_t gid, struct vfs_groups *groups,
                      uint64_t capabilities)
{
    core_lock_acquire(&p->lock);
    struct shim_cred *c = &p->cred;
    struct vfs_groups *old = c->groups;
    memset(c, 0, sizeof *c);
    c->uid = c->euid = c->suid = c->fsuid = uid;
    c->gid = c->egid = c->sgid = c->fsgid = gid;
    c->groups = groups;
    c->bounding = capabilities;
    c->permitted = c->effective = uid ? 0 : capabilities;
    shim_process_publish_credentials(p);
    core_lock_release(&p->lock);
    vfs_groups_put(old);
}

void shim_cred_copy(struct shim_process *child, struct shim_process *parent)
{
    core_lock_acquire(&parent->lock);
    child->cred = parent->cred;
    child->cred.secure = 0;
    vfs_groups_get(child->cred.groups);
    memcpy(child->limits, parent->limits, sizeof child->limits);
    child->dumpable = parent->dumpable;
    child->no_new_privs = parent->no_new_privs;
    child->personality = parent->personality;
    child->thp_disabled = parent->thp_disabled;
    child->mce_kill = parent->mce_kill;
    core_lock_release(&parent->lock);
    if (child->fs)
        shim_process_publish_credentials(child);
}

void shim_cred_free(struct shim_process *p)
{
    vfs_groups_put(p->cred.groups);
    p->cred.groups = NULL;
}

int shim_process_capable(const struct shim_process *p, uint32_t capability)
{
    return (int)(p->cred.effective >> capability & 1);
}

int shim_capable(const struct shim_task *t, uint32_t capability)
{
    return shim_process_capable(t->process, capability);
}

void shim_cred_commit_locked(struct shim_process *p, const struct shim_cred *next)
{
    const struct shim_cred *old = &p->cred;
    if (old->euid != next->euid || old->egid != next->egid || old->fsuid != next->fsuid ||
        old->fsgid != next->fsgid || next->permitted & ~old->permitted) {
        p->dumpable = 0; /* fs.suid_dumpable */
        p->death_signal = 0;
    }
    p->cred = *next;
    shim_process_publish_credentials(p);
}

/* ---- User ids and capabilities ---- */

static int has_root(const struct shim_cred *c)
{
    return !c->uid || !c->euid || !c->suid;
}

void shim_cred_fix_uids(struct shim_cred *next, const struct shim_cred *old, int fs)
{
    if (next->securebits & LX_SECBIT_NO_SETUID_FIXUP)
        return;
    if (fs) {
        if (!old->fsuid && next->fsuid)
            next->effective &= ~FS_CAPABILITIES;
        if (old->fsuid && !next->fsuid)
            next->effective |= next->permitted & FS_CAPABILITIES;
        return;
    }
    if (has_root(old) && !has_root(next)) {
        if (!(next->securebits & LX_SECBIT_KEEP_CAPS))
            next->permitted = next->effective = 0;
        next->ambient = 0;
    }
    if (!old->euid && next->euid)
        next->effective = 0;
    if (old->euid && !next->euid)
        next->effective = next->permitted;
}

/* ---- A new program ---- */

struct file_caps {
    uint64_t permitted, inheritable;
    uint32_t effective, present;
};

/* The file's capabilities; without any `out` is zero. */
static int read_file_caps(const struct vfs_path *exe, struct file_caps *out)
{
    struct lx_vfs_cap_data d;
    memset(&d, 0, sizeof d);
    memset(out, 0, sizeof *out);
    if (vfs_mount_flags(exe->mount) & VFS_MOUNT_NOSUID)
        return 0;
    int64_t size = vfs_inode_getxattr(exe->inode, LX_XATTR_NAME_CAPS, &d, sizeof d);
    if (size == -LX_ENODATA || size == -LX_EOPNOTSUPP)
        return 0;
    if (size < 0)
        return size == -LX_ERANGE ? -LX_EINVAL : (int)size;
    uint32_t revision = d.magic_etc & LX_VFS_CAP_REVISION_MASK;
    if (!(size == 12 && revision == LX_VFS_CAP_REVISION_1) &&
        !(size == 20 && revision == LX_VFS_CAP_REVISION_2) &&
        !(size == 24 && revision == LX_VFS_CAP_REVISION_3))
        return -LX_EINVAL;
    if (revision == LX_VFS_CAP_REVISION_3 && d.rootid)
        return 0;                          /* they count in a container whose root is another */
    if (revision == LX_VFS_CAP_REVISION_1) /* what lies there is not its */
        d.data[1].permitted = d.data[1].inheritable = 0;
    out->permitted = (d.data[0].permitted | (uint64_t)d.data[1].permitted << 32) & LX_CAP_ALL;
    out->inheritable = (d.data[0].inheritable | (uint64_t)d.data[1].inheritable << 32) & LX_CAP_ALL;
    out->effective = d.magic_etc & LX_VFS_CAP_FLAGS_EFFECTIVE;
    out->present = 1;
    return 0;
}

/* The set-user-id and set-group-id bits: bprm_fill_uid(). */
static void apply_mode(const struct shim_process *p, const struct vfs_path *exe,
                       struct shim_cred_exec *next)
{
    uint32_t mode = exe->inode->mode;
    if (p->no_new_privs || vfs_mount_flags(exe->mount) & VFS_MOUNT_NOSUID)
        return;
    if (mode & LX_S_ISUID)
        next->cred.euid = exe->inode->uid;
    int sets_group = (mode & (LX_S_ISGID | LX_S_IXGRP)) == (LX_S_ISGID | LX_S_IXGRP);
    if (sets_group)
        next->cred.egid = exe->inode->gid;
    next->set_id = mode & LX_S_ISUID || sets_group;
}

int shim_cred_exec(struct shim_task *t, const struct vfs_path *exe, struct shim_cred_exec *next)
{
    struct shim_process *p = t->process;
    struct file_caps file;
    int err = read_file_caps(exe, &file);
    if (err < 0)
        return err;

    core_lock_acquire(&p->lock);
    const struct shim_cred old = p->cred;
    core_lock_release(&p->lock);
    next->cred = old;
    next->set_id = 0;
    next->readable = vfs_may(&p->fs->cred, exe->inode, LX_R_OK) == 0;
    apply_mode(p, exe, next);

    /* bprm_caps_from_vfs_caps(): a program that cannot know of capabilities gets all or fails */
    struct shim_cred *c = &next->cred;
    c->permitted = (old.bounding & file.permitted) | (old.inheritable & file.inheritable);
    if (file.effective && file.permitted & ~c->permitted)
        return -LX_EPERM;

    /* handle_privileged_root() */
    int effective = file.effective != 0;
    int mixed = file.present && c->uid && !c->euid; /* set-user-id root with file capabilities */
    if (!(c->securebits & LX_SECBIT_NOROOT) && !mixed) {
        if (!c->euid || !c->uid)
            c->permitted = old.bounding | old.inheritable;
        if (!c->euid)
            effective = 1;
    }

    int is_set_id = c->euid != old.uid || c->egid != old.gid;
    if ((is_set_id || c->permitted & ~old.permitted) && p->no_new_privs) {
        c->euid = c->uid;
        c->egid = c->gid;
        c->permitted &= old.permitted;
    }
    c->suid = c->fsuid = c->euid;
    c->sgid = c->fsgid = c->egid;
    if (file.present || is_set_id)
        c->ambient = 0;
    c->permitted |= c->ambient;
    c->effective = effective ? c->permitted : c->ambient;
    c->securebits &= ~LX_SECBIT_KEEP_CAPS;
    c->secure = is_set_id || (c->uid && (effective || c->permitted & ~c->ambient));
    return 0;
}

void shim_cred_exec_commit(struct shim_task *t, const struct shim_cred_exec *next)
{
    struct shim_process *p = t->process;
    const struct shim_cred *c = &next->cred;
    core_lock_acquire(&p->lock);
    if (next->set_id || c->permitted & ~p->cred.permitted)
        p->personality &= ~LX_PER_CLEAR_ON_SETID;
    if (c->secure) {
        p->death_signal = 0;
        uint64_t *stack = &p->limits[LX_RLIMIT_STACK].rlim_cur;
        *stack = *stack > SECURE_STACK ? SECURE_STACK : *stack;
    }
    p->dumpable = c->uid == c->euid && c->gid == c->egid && next->readable;
    struct vfs_groups *groups = p->cred.groups; /* the threads that could change them are gone */
    shim_cred_commit_locked(p, c);
    p->cred.groups = groups;
    core_lock_release(&p->lock);
}

/* ---- Signals ---- */

int shim_cred_may_signal(const struct shim_process *from, const struct shim_process *to,
                         int32_t sig)
{
    const struct shim_cred *a = &from->cred, *b = &to->cred;
    if (from == to || a->euid == b->suid || a->euid == b->uid || a->uid == b->suid ||
        a->uid == b->uid || shim_process_capable(from, LX_CAP_KILL))
        return 0;
    return sig == LX_SIGCONT && from->sid == to->sid ? 0 : -LX_EPERM;
}
