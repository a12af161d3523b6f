/* SPDX-License-Identifier: MIT */
/* /proc: its names, links and attributes. */

#include "vfs/proc.h"

#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "made.h"
#include "mounts.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/text.h"

#define WRITE_MAX 128u
#define LINK_SIZE 64 /* what lstat(2) shows of a link to a descriptor */

struct vfs_providers g_providers;

static const struct made_row rows[] = {
#define X(dir, name, mode, what) \
    {VFS_PROC_##dir, VFS_PROC_##what, 0, sizeof name - 1, mode, name, NULL},
#define LINK(dir, name, what, target) \
    {VFS_PROC_##dir, VFS_PROC_##what, 0, sizeof name - 1, LX_S_IFLNK | 0777, name, target},
#define NUMBERED(dir, mode, what, n) {VFS_PROC_##dir, VFS_PROC_##what, n, 0, mode, "", NULL},
#include "vfs/proc.def"
#undef X
#undef LINK
#undef NUMBERED
};

_Static_assert(VFS_PROC_COUNT < 256, "a byte each");

void vfs_proc_set_provider(const struct vfs_proc_provider *provider)
{
    g_providers.processes = provider;
}

int32_t vfs_proc_process(const struct vfs_file *file)
{
    const struct vfs_inode *inode = file->kind == VFS_FILE_DIRECTORY ? file->inode : NULL;
    return inode && inode->owner == VFS_OF_PROC && inode->made->what == VFS_PROC_PROCESS
               ? inode->made->id.proc.pid
               : 0;
}

/* ---- Attributes ---- */

/* A process may change its identity; what it shows of itself follows. */
static int owner(const union made_id *id, uint32_t *uid, uint32_t *gid)
{
    *uid = *gid = 0;
    return id->proc.pid ? g_providers.processes->owner(&id->proc, uid, gid) : 0;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    char target[LX_NAME_MAX];
    made_stat(inode, out);
    out->st_blksize = 1024;
    if (inode->made->what == VFS_PROC_TASKS)
        out->st_nlink = 2 + made_count_dirs(inode);
    else if (inode->made->what == VFS_PROC_FD)
        out->st_size = (int64_t)made_count_numbers(inode);
    else if (inode->made->what == VFS_PROC_FD_LINK)
        out->st_size = LINK_SIZE;
    else if (VFS_IS_LNK(inode) && made_readlink(inode, target, sizeof target) > 0)
        out->st_size = made_readlink(inode, target, sizeof target);
}

/* A process may always list its own descriptors: proc_fd_permission() in Linux. */
static int may_use(const struct vfs_inode *inode, uint32_t want)
{
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    return inode->made->what == VFS_PROC_FD && !(want & LX_W_OK) &&
           g_providers.processes->self(&self, &fs) == 0 && self.pid == inode->made->id.proc.pid;
}

/* ---- Names ---- */

/* Links to descriptors show by their permissions what these were opened for. */
static uint32_t link_mode(const struct vfs_file *file)
{
    return LX_S_IFLNK | (vfs_file_may(file, PLAT_READ) ? 0500u : 0) |
           (vfs_file_may(file, PLAT_WRITE) ? 0300u : 0);
}

static int find(uint32_t what, const union made_id *id, uint32_t *mode)
{
    struct vfs_file *file;
    if (!g_providers.processes)
        return -LX_ENOENT;
    if (what == VFS_PROC_PROCESS || what == VFS_PROC_TASK) /* owner() looks whether it is there */
        return (what == VFS_PROC_TASK ? id->proc.tid : id->proc.pid) ? 0 : -LX_ENOENT;
    int err = g_providers.processes->file(VFS_PROC_FD_LINK, &id->proc, &file);
    if (err < 0)
        return -LX_ENOENT;
    if (what == VFS_PROC_FD_LINK)
        *mode = link_mode(file);
    vfs_file_put(file);
    return 0;
}

/* A thread's directory has what a process's has, but threads. */
static int is_in(const struct made_row *row, const struct vfs_made *dir)
{
    return row->dir == dir->what || (dir->what == VFS_PROC_TASK && row->dir == VFS_PROC_PROCESS &&
                                     row->what != VFS_PROC_TASKS);
}

static int32_t next(const struct vfs_made *dir, int32_t from)
{
    const struct vfs_proc_id *id = &dir->id.proc;
    if (!g_providers.processes)
        return -1;
    if (dir->what == VFS_PROC_FD || dir->what == VFS_PROC_FDINFO)
        return g_providers.processes->next_fd(id, from);
    int32_t n = g_providers.processes->next(id->pid, from);
    return n ? n : -1;
}

/* ---- Links ---- */

static int64_t put_text(const struct vfs_text *t, char *buf, uint64_t size)
{
    uint64_t length = t->size < size ? t->size : size;
    memcpy(buf, t->data, length);
    return (int64_t)length;
}

/* The links that are paths: "self" and the like. */
static int64_t ordinary_target(struct vfs_inode *inode, char *buf, uint64_t size)
{
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    struct vfs_text t = {.data = NULL};
    uint32_t what = inode->made->what;
    if (what != VFS_PROC_SELF && what != VFS_PROC_THREAD_SELF)
        return made_readlink(inode, buf, size);
    int err = g_providers.processes->self(&self, &fs);
    if (err < 0)
        return err;
    vfs_text_f(&t, "%d", self.pid);
    if (what == VFS_PROC_THREAD_SELF)
        vfs_text_f(&t, "/task/%d", self.tid);
    int64_t n = t.failed ? -LX_ENOMEM : put_text(&t, buf, size);
    vfs_text_free(&t);
    return n;
}

/* What a magic link leads to: a file or a directory, the other one NULL; references. */
static int target_of(const struct vfs_made *m, struct vfs_file **file, struct vfs_path *dir)
{
    *file = NULL;
    *dir = (struct vfs_path){NULL, NULL};
    int err = g_providers.processes->may_look(&m->id.proc);
    if (err < 0)
        return err;
    return m->what == VFS_PROC_CWD || m->what == VFS_PROC_ROOT_LINK
               ? g_providers.processes->directory(m->what, &m->id.proc, dir)
               : g_providers.processes->file(m->what, &m->id.proc, file);
}

static int is_magic(const struct vfs_made *m)
{
    return m->what == VFS_PROC_FD_LINK || m->what == VFS_PROC_EXE || m->what == VFS_PROC_CWD ||
           m->what == VFS_PROC_ROOT_LINK;
}

static int64_t read_link(struct vfs_inode *inode, char *buf, uint64_t size)
{
    struct vfs_file *file;
    struct vfs_path dir;
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    if (!is_magic(inode->made))
        return ordinary_target(inode, buf, size);
    int64_t n = target_of(inode->made, &file, &dir);
    if (n == 0)
        n = g_providers.processes->self(&self, &fs);
    if (n == 0 && file) {
        n = vfs_file_path(file, fs, buf, size);
    } else if (n == 0) {
        struct vfs_place nowhere;
        nowhere.dir = NULL;
        n = place_path(fs, &dir, &nowhere, buf, size);
    }
    vfs_file_put(file);
    vfs_path_put(&dir);
    return n;
}

/* Source: proc_pid_get_link() and nd_jump_link() in Linux. */
static int jump(struct vfs_inode *link, uint32_t resolve, struct vfs_path *to,
                struct vfs_place *place)
{
    struct vfs_file *file;
    struct vfs_path dir;
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    if (!is_magic(link->made))
        return 1;
    int err = target_of(link->made, &file, &dir);
    if (err == 0 && resolve & LX_RESOLVE_NO_MAGICLINKS)
        err = -LX_ELOOP;
    if (err == 0 && resolve & (LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT | LX_RESOLVE_NO_XDEV))
        err = -LX_EXDEV;
    if (err == 0)
        err = g_providers.processes->self(&self, &fs);
    if (err == 0 && file) {
        file_get_place(file, place);
        err = vfs_file_inode(file, &fs->cred, &to->inode);
        to->mount = err == 0 ? mount_get(file->mount) : NULL;
    } else if (err == 0) {
        *to = vfs_path_get(&dir);
    }
    vfs_file_put(file);
    vfs_path_put(&dir);
    return err;
}

/* ---- Files ---- */

static int render(uint32_t what, const union made_id *id, struct vfs_text *t)
{
    return g_providers.processes
               ? g_providers.processes->render((enum vfs_proc_what)what, &id->proc, t)
               : -LX_EIO;
}

static int64_t write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    char text[WRITE_MAX];
    uint64_t part = size < sizeof text ? size : sizeof text;
    (void)offset;
    if (!g_providers.processes)
        return -LX_EIO;
    if (plat_copy_guest(text, buf, part))
        return -LX_EFAULT;
    int64_t n = g_providers.processes->write((enum vfs_proc_what)inode->made->what,
                                             &inode->made->id.proc, text, part);
    return n < 0 ? n : (int64_t)size;
}

static int64_t append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end_offset)
{
    *end_offset = 0;
    return write(inode, buf, size, 0);
}

const struct made_fs proc_fs = {
    .type = VFS_SUPER_PROC,
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .root = VFS_PROC_ROOT,
    .is_in = is_in,
    .next = next,
    .find = find,
    .owner = owner,
    .render = render,
};

const struct inode_ops proc_ops = {
    .end = made_end,
    .refresh = made_refresh,
    .stat = show,
    .shown_ino = made_shown_ino,
    .may = may_use,
    .chmod = inode_keeps_mode,
    .chown = inode_keeps_owner,
    .utimes = inode_keeps_times,
    .readlink = read_link,
    .jump = jump,
    .read = made_read,
    .write = write,
    .append = append,
    .truncate = inode_keeps_size,
    .allocate = inode_cannot_allocate,
    .lookup = made_lookup,
    .list = made_list,
    .name_locked = made_name_locked,
    .create = made_create,
    .link = made_link,
    .remove = made_remove,
    .rename_locked = made_rename_locked,
};

int vfs_proc_mount(struct vfs_fs *fs, const char *at)
{
    return made_mount(fs, at, VFS_OF_PROC, "proc", 0);
}
