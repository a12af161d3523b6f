/* SPDX-License-Identifier: MIT */
/*
 * credentials(7): getuid(2), geteuid(2), getgid(2), getegid(2), getresuid(2), getresgid(2),
 * setuid(2), setgid(2), setreuid(2), setregid(2), setresuid(2), setresgid(2), setfsuid(2),
 * setfsgid(2), getgroups(2), setgroups(2), capget(2), capset(2).
 *
 * Uid 0 is privileged, as root in a container; capabilities follow the effective uid.
 */

#include "core/mem.h"
#include "lx/errno.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define KEEP UINT32_MAX
#define GROUPS_MAX (sizeof((struct shim_process *)0)->groups / sizeof(uint32_t))
#define CAPABILITY_VERSION_1 0x19980330u
#define CAPABILITY_VERSION_2 0x20071026u
#define CAPABILITY_VERSION_3 0x20080522u
#define DEFAULT_CAPABILITIES 0xa80425fbu /* docker's */

struct ids {
    uint32_t real, effective, saved, fs;
};

static struct ids uids(const struct shim_process *p)
{
    return (struct ids){p->uid, p->euid, p->suid, p->fsuid};
}

static struct ids gids(const struct shim_process *p)
{
    return (struct ids){p->gid, p->egid, p->sgid, p->fsgid};
}

static void set_uids_locked(struct shim_process *p, struct ids ids)
{
    p->uid = ids.real, p->euid = ids.effective, p->suid = ids.saved, p->fsuid = ids.fs;
    shim_process_publish_credentials(p);
}

static void set_gids_locked(struct shim_process *p, struct ids ids)
{
    p->gid = ids.real, p->egid = ids.effective, p->sgid = ids.saved, p->fsgid = ids.fs;
    shim_process_publish_credentials(p);
}

static int is_one_of(const struct ids *ids, uint32_t id)
{
    return id == KEEP || id == ids->real || id == ids->effective || id == ids->saved;
}

/* setuid(2): root sets all three, others only the effective one. */
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

#define GETTER(name, field)                 \
    int64_t sys_##name(struct shim_task *t) \
    {                                       \
        return (int64_t)t->process->field;  \
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

/* Change the process's ids in one step by `statement`, which sets `err` from `ids`. */
#define CHANGE(kind, statement)                           \
    do {                                                  \
        struct shim_process *p = t->process;              \
        core_lock_acquire(&p->lock);                      \
        struct ids ids = kind(p);                         \
        int privileged = p->euid == 0, err = (statement); \
        if (err == 0)                                     \
            set_##kind##_locked(p, ids);                  \
        core_lock_release(&p->lock);                      \
        return err;                                       \
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
    uint32_t old = set_fs(&ids, uid, p->euid == 0);
    set_uids_locked(p, ids);
    core_lock_release(&p->lock);
    return (int64_t)old;
}

int64_t sys_setfsgid(struct shim_task *t, uint32_t gid)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->lock);
    struct ids ids = gids(p);
    uint32_t old = set_fs(&ids, gid, p->euid == 0);
    set_gids_locked(p, ids);
    core_lock_release(&p->lock);
    return (int64_t)old;
}

int64_t sys_getgroups(struct shim_task *t, int32_t count, lx_uptr list)
{
    struct shim_process *p = t->process;
    uint32_t groups[GROUPS_MAX];
    if (count < 0)
        return -LX_EINVAL;
    core_lock_acquire(&p->lock);
    uint32_t have = p->group_count;
    memcpy(groups, p->groups, sizeof groups);
    core_lock_release(&p->lock);
    if (!count)
        return (int64_t)have;
    if ((uint32_t)count < have)
        return -LX_EINVAL;
    int err = shim_copy_out(list, groups, have * sizeof groups[0]);
    return err < 0 ? err : (int64_t)have;
}

/* Differs from Linux: at most 32 supplementary groups, not 65536. */
int64_t sys_setgroups(struct shim_task *t, uint64_t count, lx_uptr list)
{
    struct shim_process *p = t->process;
    uint32_t groups[GROUPS_MAX];
    if (p->euid)
        return -LX_EPERM;
    if (count > GROUPS_MAX)
        return -LX_EINVAL;
    int err = shim_copy_in(groups, list, count * sizeof groups[0]);
    if (err < 0)
        return err;
    core_lock_acquire(&p->lock);
    memcpy(p->groups, groups, count * sizeof groups[0]);
    p->group_count = (uint32_t)count;
    shim_process_publish_credentials(p);
    core_lock_release(&p->lock);
    return 0;
}

/* Number of struct lx_cap_data for the header's version; the version that is known otherwise. */
static int cap_words(lx_uptr header, struct lx_cap_header *h)
{
    int err = shim_copy_in(h, header, sizeof *h);
    if (err < 0)
        return err;
    switch (h->version) {
    case CAPABILITY_VERSION_1:
        return 1;
    case CAPABILITY_VERSION_2:
    case CAPABILITY_VERSION_3:
        return 2;
    default:
        h->version = CAPABILITY_VERSION_3;
        err = shim_copy_out(header, &h->version, sizeof h->version);
        return err < 0 ? err : -LX_EINVAL;
    }
}

int64_t sys_capget(struct shim_task *t, lx_uptr header, lx_uptr data)
{
    struct lx_cap_header h;
    int words = cap_words(header, &h);
    if (words < 0)
        return words == -LX_EINVAL && !data ? 0 : words;
    if (h.pid < 0)
        return -LX_EINVAL;
    uint32_t caps = t->process->euid == 0 ? DEFAULT_CAPABILITIES : 0;
    struct lx_cap_data d[2];
    memset(d, 0, sizeof d);
    d[0].effective = d[0].permitted = caps;
    return data ? shim_copy_out(data, d, (uint64_t)words * sizeof d[0]) : 0;
}

/* Capabilities can be kept or given up; giving up has no effect beyond the uid's. */
int64_t sys_capset(struct shim_task *t, lx_uptr header, lx_uptr data)
{
    struct lx_cap_header h;
    struct lx_cap_data d[2];
    memset(d, 0, sizeof d);
    int words = cap_words(header, &h);
    if (words < 0)
        return words;
    if (h.pid && h.pid != t->tid)
        return -LX_EPERM;
    int err = shim_copy_in(d, data, (uint64_t)words * sizeof d[0]);
    if (err < 0)
        return err;
    uint32_t have = t->process->euid == 0 ? DEFAULT_CAPABILITIES : 0;
    return (d[0].permitted | d[0].effective) & ~have || d[1].permitted ? -LX_EPERM : 0;
}
