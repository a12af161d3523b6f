/* SPDX-License-Identifier: MIT */
/* Control messages of SOL_SOCKET, cmsg(3): descriptors and credentials, unix(7). */

#include "core/arena.h"
#include "core/mem.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/resource.h"
#include "shim/cred.h"
#include "sys/file.h"
#include "sys/socket.h"

#define CONTROL_MAX 131072u /* /proc/sys/net/core/optmem_max */

static uint64_t aligned(uint64_t size)
{
    return (size + 7) & ~7ull;
}

/* ---- In ---- */

/* Descriptors become references to their files. */
static int rights_in(struct shim_task *t, const int32_t *fds, uint64_t count, uint64_t capacity,
                     struct vfs_message *m)
{
    if (!count)
        return 0;
    if (count > LX_SCM_MAX_FD)
        return -LX_EINVAL;
    capacity = capacity < LX_SCM_MAX_FD ? capacity : LX_SCM_MAX_FD;
    if (!m->rights)
        m->rights = vfs_rights_new((uint32_t)capacity);
    if (!m->rights)
        return -LX_ENOMEM;
    if (m->rights->count + count > m->rights->capacity)
        return -LX_EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        struct vfs_file *file;
        int err = vfs_fdtable_get(t->process->fds, fds[i], &file);
        if (err < 0)
            return err;
        m->rights->files[m->rights->count++] = file;
    }
    return 0;
}

static int is_one_of(uint32_t id, uint32_t real, uint32_t effective, uint32_t saved)
{
    return id == real || id == effective || id == saved;
}

/* unix(7): a process may say what it is; who is privileged, anything. */
static int cred_in(struct shim_task *t, const struct lx_ucred *said, struct vfs_message *m)
{
    const struct shim_cred *c = &t->process->cred;
    if (said->uid == UINT32_MAX || said->gid == UINT32_MAX)
        return -LX_EINVAL;
    if ((said->pid != t->process->pid && !shim_capable(t, LX_CAP_SYS_ADMIN)) ||
        (!is_one_of(said->uid, c->uid, c->euid, c->suid) && !shim_capable(t, LX_CAP_SETUID)) ||
        (!is_one_of(said->gid, c->gid, c->egid, c->sgid) && !shim_capable(t, LX_CAP_SETGID)))
        return -LX_EPERM;
    m->cred = *said;
    m->has_cred = 1;
    return 0;
}

/* Those of a family; too large or too many are nobody's. */
static int other_in(const struct lx_cmsghdr *c, uint64_t size, struct vfs_message *m)
{
    struct vfs_control *to = &m->controls[m->control_count];
    if (m->control_count == VFS_CONTROLS_MAX || size > sizeof to->bytes)
        return -LX_EINVAL;
    to->level = c->cmsg_level;
    to->type = c->cmsg_type;
    to->size = (uint32_t)size;
    memcpy(to->bytes, c + 1, size);
    m->control_count++;
    return 0;
}

static int parse_one(struct shim_task *t, const struct lx_cmsghdr *c, uint64_t capacity,
                     struct vfs_message *m)
{
    uint64_t size = c->cmsg_len - sizeof *c;
    if (c->cmsg_level != LX_SOL_SOCKET)
        return other_in(c, size, m);
    switch (c->cmsg_type) {
    case LX_SCM_RIGHTS:
        return rights_in(t, (const int32_t *)(c + 1), size / sizeof(int32_t), capacity, m);
    case LX_SCM_CREDENTIALS:
        return size == sizeof(struct lx_ucred) ? cred_in(t, (const struct lx_ucred *)(c + 1), m)
                                               : -LX_EINVAL;
    default:
        return -LX_EINVAL;
    }
}

static int parse(struct shim_task *t, const uint8_t *control, uint64_t size, struct vfs_message *m)
{
    int err = 0;
    for (uint64_t at = 0; err == 0 && at + sizeof(struct lx_cmsghdr) <= size;) {
        const struct lx_cmsghdr *c = (const struct lx_cmsghdr *)(control + at);
        if (c->cmsg_len < sizeof *c || c->cmsg_len > size - at)
            return -LX_EINVAL;
        err = parse_one(t, c, size / sizeof(int32_t), m);
        at += aligned(c->cmsg_len);
    }
    return err;
}

int sys_control_in(struct shim_task *t, const struct lx_msghdr *h, struct vfs_message *m)
{
    uint64_t size = h->msg_controllen;
    if (size > CONTROL_MAX)
        return -LX_ENOBUFS;
    if (!size)
        return 0;
    uint8_t *control = core_arena_alloc_dirty(size);
    if (!control)
        return -LX_ENOBUFS;
    int err = shim_copy_in(control, h->msg_control, size);
    if (err == 0)
        err = parse(t, control, size, m);
    core_arena_free(control, size);
    return err;
}

/* ---- Out ---- */

/* A message's head; what its place takes is used up.  Linux, too, does not mind a bad address. */
static void end_control(struct lx_msghdr *h, int32_t level, int32_t type, uint64_t size)
{
    const struct lx_cmsghdr c = {sizeof c + size, level, type};
    uint64_t space = aligned(c.cmsg_len);
    int bad = shim_copy_out(h->msg_control, &c, sizeof c);
    (void)bad;
    space = space < h->msg_controllen ? space : h->msg_controllen;
    h->msg_control += space;
    h->msg_controllen -= space;
}

/* put_cmsg() in Linux: cut to what there is room for. */
static uint32_t data_out(int32_t level, int32_t type, const void *data, uint64_t size,
                         struct lx_msghdr *h)
{
    uint64_t head = sizeof(struct lx_cmsghdr);
    if (h->msg_controllen < head)
        return LX_MSG_CTRUNC;
    uint32_t cut = h->msg_controllen < head + size ? LX_MSG_CTRUNC : 0;
    size = cut ? h->msg_controllen - head : size;
    int bad = shim_copy_out(h->msg_control + head, data, size);
    (void)bad;
    end_control(h, level, type, size);
    return cut;
}

/* One file becomes a descriptor, which is written before anybody can use it. */
static int right_out(struct shim_task *t, struct vfs_file *file, uint32_t fd_flags, lx_uptr to)
{
    uint64_t limit = t->process->limits[LX_RLIMIT_NOFILE].rlim_cur;
    int32_t fd = vfs_fdtable_add(t->process->fds, file, fd_flags, 0, limit);
    if (fd < 0)
        return fd;
    int err = shim_copy_out(to, &fd, sizeof fd);
    if (err < 0)
        sys_take_back(t, fd);
    return err;
}

static uint32_t rights_out(struct shim_task *t, const struct vfs_message *m, struct lx_msghdr *h)
{
    const struct vfs_rights *r = m->rights;
    uint64_t head = sizeof(struct lx_cmsghdr);
    uint64_t room = h->msg_controllen > head ? (h->msg_controllen - head) / sizeof(int32_t) : 0;
    uint32_t fd_flags = m->flags & LX_MSG_CMSG_CLOEXEC ? VFS_FD_CLOEXEC : 0, done = 0;
    while (done < r->count && done < room &&
           right_out(t, r->files[done], fd_flags, h->msg_control + head + done * sizeof(int32_t)) ==
               0)
        done++;
    if (done)
        end_control(h, LX_SOL_SOCKET, LX_SCM_RIGHTS, done * sizeof(int32_t));
    return done < r->count ? LX_MSG_CTRUNC : 0;
}

uint32_t sys_control_out(struct shim_task *t, const struct vfs_file *socket,
                         const struct vfs_message *m, struct lx_msghdr *h)
{
    int passes = m->has_cred && vfs_socket_passes_cred(socket);
    uint32_t flags = 0;
    if (!h->msg_control)
        return passes || m->rights || m->control_count ? LX_MSG_CTRUNC : 0;
    for (uint32_t i = 0; i < m->control_count; i++) {
        const struct vfs_control *c = &m->controls[i];
        flags |= data_out(c->level, c->type, c->bytes, c->size, h);
    }
    if (passes)
        flags |= data_out(LX_SOL_SOCKET, LX_SCM_CREDENTIALS, &m->cred, sizeof m->cred, h);
    if (m->rights)
        flags |= rights_out(t, m, h);
    return flags;
}
