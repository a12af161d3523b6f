/* SPDX-License-Identifier: MIT */
/*
 * credentials(7): getuid(2), geteuid(2), getgid(2), getegid(2), getresuid(2), getresgid(2),
 * setuid(2), setgid(2), setreuid(2), setregid(2), setresuid(2), setresgid(2), setfsuid(2),
 * setfsgid(2), getgroups(2), setgroups(2), capget(2), capset(2).
 */

#include "core/arena.h"
#include "core/mem.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "shim/cred.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/cred.h"

#define KEEP UINT32_MAX

struct ids {
    uint32_t real, effective, saved, fs;
};

static struct ids uids(const struct shim_process *p)
{
    return (struct ids){p->cred.uid, p->cred.euid, p->cred.suid, p->cred.fsuid};
}

static struct ids gids(const struct shim_process *p)
{
    return (struct ids){p->cred.gid, p->cred.egid, p->cred.sgid, p->cred.fsgid};
}

/* `fs`: 1 for setfsuid(2). */
static void set_uids_locked(struct shim_process *p, struct ids ids, int fs)
{
    struct shim_cred next = p->cred;
    next.uid = ids.real, next.euid = ids.effective, next.suid = ids.saved, next.fsuid = ids.fs;
    shim_cred_fix_uids(&next, &p->cred, fs);
    shim_cred_commit_locked(p, &next);
}

static void set_gids_locked(struct shim_process *p, struct ids ids, int fs)
{
    struct shim_cred next = p->cred;
    (void)fs;
    next.gid = ids.real, next.egid = ids.effective, next.sgid = ids.saved, next.fsgid = ids.fs;
    shim_cred_commit_locked(p, &next);
}

static int is_one_of(const struct ids *ids, uint32_t id)
{
    return id == KEEP || id == ids->real || id == ids->effective || id == ids->saved;
}

/* setuid(2): with privilege all three are set, others only the effective one. */
static int set_id(struct ids *ids, uint32_t id, int privileged)
{
    if (id == KEEP)
        return -LX_EINVAL;
    if (privileged)
        ids->real = ids->saved = id;
    else if (id != ids->real && id != ids->saved)
        return -LX_EPERM;
    ids->effective = ids->fs = id;
    return 0;
}

/* setresuid(2) */
static int set_res(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved,
                   int privileged)
{
    if (!privileged &&
        (!is_one_of(ids, real) || !is_one_of(ids, effective) || !is_one_of(ids, saved)))
        return -LX_EPERM;
    if (real != KEEP)
        ids->real = real;
    if (effective != KEEP)
        ids->effective = effective;
    if (saved != KEEP)
        ids->saved = saved;
    ids->fs = ids->effective;
    return 0;
}

/* setreuid(2): the saved id follows the effective one when the real one is set or changes it. */
static int set_re(struct ids *ids, uint32_t real, uint32_t effective, int privileged)
{
    struct ids old = *ids;
    if (!privileged && real != KEEP && real != old.real && real != old.effective)
        return -LX_EPERM;
    if (!privileged && !is_one_of(&old, effective))
        return -LX_EPERM;
    if (real != KEEP)
        ids->real = real;
    if (effective != KEEP)
        ids->effective = effective;
    if (real != KEEP || (effective != KEEP && effective != old.real))
        ids->saved = ids->effective;
    ids->fs = ids->effective;
    return 0;
}

#define GETTER(name, field)                     \
    int64_t sys_##name(struct shim_task *t)     \
    {                                           \
        return (int64_t)t->process->cred.field; \
    }
GETTER(getuid, uid)
GETTER(geteuid, euid)
GETTER(getgid, gid)
GETTER(getegid, egid)

static int64_t put_three(struct ids ids, lx_uptr real, lx_uptr effective, lx_uptr saved)
{
    int err = shim_copy_out(real, &ids.real, sizeof ids.real);
    if (err == 0)
        err = shim_copy_out(effective, &ids.effective, sizeof ids.effective);
    return err < 0 ? err : shim_copy_out(saved, &ids.saved, sizeof ids.saved);
}

int64_t sys_getresuid(struct shim_task *t, lx_uptr real, lx_uptr effective, lx_uptr saved)
{
    return put_three(uids(t->process), real, effective, saved);
}

int64_t sys_getresgid(struct shim_task *t, lx_uptr real, lx_uptr effective, lx_uptr saved)
{
    return put_three(gids(t->process), real, effective, saved);
}

#define capability_uids LX_CAP_SETUID
#define capability_gids LX_CAP_SETGID

/* Change the process's ids in one step by `statement`, which sets `err` from `ids`. */
#define CHANGE(kind, statement)                                      \
    do {                                                             \
        struct shim_process *p = t->process;                         \
        core_lock_acquire(&p->lock);                                 \
        struct ids ids = kind(p);                                    \
        int privileged = shim_process_capable(p, capability_##kind); \
        int err = (statement);                                       \
        if (err == 0)                                                \
            set_##kind##_locked(p, ids, 0);                          \
        core_lock_release(&p->lock);                                 \
        return err;                                                  \
    } while (0)

int64_t sys_setuid(struct shim_task *t, uint32_t uid)
{
    CHANGE(uids, set_id(&ids, uid, privileged));
}

int64_t sys_setgid(struct shim_task *t, uint32_t gid)
{
    CHANGE(gids, set_id(&ids, gid, privileged));
}

int64_t sys_setreuid(struct shim_task *t, uint32_t real, uint32_t effective)
{
    CHANGE(uids, set_re(&ids, real, effective, privileged));
}

int64_t sys_setregid(struct shim_task *t, uint32_t real, uint32_t effective)
{
    CHANGE(gids, set_re(&ids, real, effective, privileged));
}

int64_t sys_setresuid(struct shim_task *t, uint32_t real, uint32_t effective, uint32_t saved)
{
    CHANGE(uids, set_res(&ids, real, effective, saved, privileged));
}

int64_t sys_setresgid(struct shim_task *t, uint32_t real, uint32_t effective, uint32_t saved)
{
    CHANGE(gids, set_res(&ids, real, effective, saved, privileged));
}

/* setfsuid(2) returns the old id and knows no error. */
static uint32_t set_fs(struct ids *ids, uint32_t id, int privileged)
{
    uint32_t old = ids->fs;
    if (id != KEEP && (privileged || is_one_of(ids, id) || id == ids->fs))
        ids->fs = id;
    return old;
}

int64_t sys_setfsuid(struct shim_task *t, uint32_t uid)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->lock);
    struct ids ids = uids(p);
    uint32_t old = set_fs(&ids, uid, shim_process_capable(p, LX_CAP_SETUID));
    set_uids_locked(p, ids, 1);
    core_lock_release(&p->lock);
    return (int64_t)old;
}

int64_t sys_setfsgid(struct shim_task *t, uint32_t gid)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->lock);
    struct ids ids = gids(p);
    uint32_t old = set_fs(&ids, gid, shim_process_capable(p, LX_CAP_SETGID));
    set_gids_locked(p, ids, 1);
    core_lock_release(&p->lock);
    return (int64_t)old;
}

int64_t sys_getgroups(struct shim_task *t, int32_t count, lx_uptr list)
{
    struct shim_process *p = t->process;
    if (count < 0)
        return -LX_EINVAL;
    core_lock_acquire(&p->lock);
    struct vfs_groups *groups = vfs_groups_get(p->cred.groups);
    core_lock_release(&p->lock);
    int64_t have = groups ? groups->count : 0, result = have;
    if (count && count < have)
        result = -LX_EINVAL;
    else if (count && have && shim_copy_out(list, groups->ids, groups->count * sizeof(uint32_t)))
        result = -LX_EFAULT;
    vfs_groups_put(groups);
    return result;
}

static int copy_groups(lx_uptr list, uint32_t count, struct vfs_groups **out)
{
    uint64_t size = count * sizeof(uint32_t);
    uint32_t *ids = core_arena_alloc(size);
    *out = NULL;
    if (!ids)
        return -LX_ENOMEM;
    int err = shim_copy_in(ids, list, size);
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = ids[i] == KEEP ? -LX_EINVAL : 0; /* it is no id */
    if (err == 0)
        err = vfs_groups_new(ids, count, out);
    core_arena_free(ids, size);
    return err;
}

int64_t sys_setgroups(struct shim_task *t, uint64_t size, lx_uptr list)
{
    struct shim_process *p = t->process;
    struct vfs_groups *groups = NULL, *old;
    uint32_t count = (uint32_t)size; /* an int */
    if (!shim_capable(t, LX_CAP_SETGID))
        return -LX_EPERM;
    if (count > VFS_GROUPS_MAX)
        return -LX_EINVAL;
    int err = count ? copy_groups(list, count, &groups) : 0;
    if (err < 0)
        return err;
    core_lock_acquire(&p->lock);
    old = p->cred.groups;
    p->cred.groups = groups;
    shim_process_publish_credentials(p);
    core_lock_release(&p->lock);
    vfs_groups_put(old);
    return 0;
}

/* ---- Capabilities ---- */

/*
 * Number of struct lx_cap_data for the header's version; of another version the header says
 * then which is known.
 */
static int cap_words(lx_uptr header)
{
    uint32_t version;
    int err = shim_copy_in(&version, header, sizeof version);
    if (err < 0)
        return err;
    switch (version) {
    case LX_CAPABILITY_VERSION_1:
        return 1;
    case LX_CAPABILITY_VERSION_2:
    case LX_CAPABILITY_VERSION_3:
        return 2;
    default:
        version = LX_CAPABILITY_VERSION_3;
        err = shim_copy_out(header, &version, sizeof version);
        return err < 0 ? err : -LX_EINVAL;
    }
}

static int cap_pid(lx_uptr header, int32_t *pid)
{
    return shim_copy_in(pid, header + offsetof(struct lx_cap_header, pid), sizeof *pid);
}

/* The credentials of any thread of the container. */
static int cred_of(struct shim_task *t, int32_t tid, struct shim_cred *out)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_task *other = tid ? shim_task_find_locked(tid) : t;
    if (other) {
        core_lock_acquire(&other->process->lock);
        *out = other->process->cred;
        core_lock_release(&other->process->lock);
    }
    shim_container_release(c);
    return other ? 0 : -LX_ESRCH;
}

int64_t sys_capget(struct shim_task *t, lx_uptr header, lx_uptr data)
{
    struct shim_cred cred;
    memset(&cred, 0, sizeof cred);
    int32_t pid;
    int words = cap_words(header);
    if (!data && (words > 0 || words == -LX_EINVAL))
        return 0; /* a question for the version */
    if (words < 0)
        return words;
    int err = cap_pid(header, &pid);
    if (err == 0 && pid < 0)
        err = -LX_EINVAL;
    if (err == 0)
        err = cred_of(t, pid, &cred);
    if (err < 0)
        return err;
    struct lx_cap_data d[2];
    for (uint32_t i = 0; i < 2; i++)
        d[i] = (struct lx_cap_data){(uint32_t)(cred.effective >> 32 * i),
                                    (uint32_t)(cred.permitted >> 32 * i),
                                    (uint32_t)(cred.inheritable >> 32 * i)};
    return shim_copy_out(data, d, (uint64_t)words * sizeof d[0]);
}

/* cap_capset() in Linux */
static int set_capabilities_locked(struct shim_process *p, struct shim_cred *next)
{
    const struct shim_cred *old = &p->cred;
    if (!shim_process_capable(p, LX_CAP_SETPCAP) &&
        next->inheritable & ~(old->inheritable | old->permitted))
        return -LX_EPERM;
    if (next->inheritable & ~(old->inheritable | old->bounding) ||
        next->permitted & ~old->permitted || next->effective & ~next->permitted)
        return -LX_EPERM;
    next->ambient &= next->permitted & next->inheritable;
    shim_cred_commit_locked(p, next);
    return 0;
}

int64_t sys_capset(struct shim_task *t, lx_uptr header, lx_uptr data)
{
    struct shim_process *p = t->process;
    struct lx_cap_data d[2];
    int32_t pid;
    memset(d, 0, sizeof d);
    int words = cap_words(header);
    if (words < 0)
        return words;
    int err = cap_pid(header, &pid);
    if (err == 0 && pid && pid != t->tid)
        err = -LX_EPERM;
    if (err == 0)
        err = shim_copy_in(d, data, (uint64_t)words * sizeof d[0]);
    if (err < 0)
        return err;
    core_lock_acquire(&p->lock);
    struct shim_cred next = p->cred;
    next.effective = (d[0].effective | (uint64_t)d[1].effective << 32) & LX_CAP_ALL;
    next.permitted = (d[0].permitted | (uint64_t)d[1].permitted << 32) & LX_CAP_ALL;
    next.inheritable = (d[0].inheritable | (uint64_t)d[1].inheritable << 32) & LX_CAP_ALL;
    err = set_capabilities_locked(p, &next);
    core_lock_release(&p->lock);
    return err;
}
