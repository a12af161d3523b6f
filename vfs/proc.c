/* SPDX-License-Identifier: MIT */
/* /proc: its names, links and attributes. */

#include "vfs/proc.h"

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/text.h"

#define FIRST_NUMBER 256u /* cookies of processes and descriptors begin here */
#define NUMBER_MAX 10     /* digits */
#define WRITE_MAX 128u
#define LINK_SIZE 64 /* what lstat(2) shows of a link to a descriptor */

struct vfs_proc {
    uint32_t what; /* constant */
    struct vfs_proc_id id;
    struct vfs_text text; /* guarded by the inode's lock: what reads go on with */
};

struct vfs_providers g_providers;

static const struct row {
    uint8_t dir, what;
    uint16_t mode;
    uint32_t size;
    const char *name;
} rows[] = {
#define X(dir, name, mode, what) {VFS_PROC_##dir, VFS_PROC_##what, mode, sizeof name - 1, name},
#include "vfs/proc.def"
#undef X
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

_Static_assert(VFS_PROC_COUNT < 256, "a byte each");
_Static_assert(ROW_COUNT + FIRST_COOKIE < FIRST_NUMBER, "cookies of rows come first");

void vfs_proc_set_provider(const struct vfs_proc_provider *provider)
{
    g_providers.processes = provider;
}

/* ---- Inodes ---- */

/* The same for the same thing, and never 0. */
static uint64_t number_of(uint32_t what, const struct vfs_proc_id *id)
{
    uint64_t n = core_hash_u64(((uint64_t)(uint32_t)id->pid << 32) | (uint32_t)id->tid);
    n = core_hash_u64(n ^ ((uint64_t)what << 32) ^ (uint32_t)id->fd);
    return what == VFS_PROC_ROOT ? 1 : n >> 16 | 2; /* Linux' are small, too */
}

static int make(uint32_t what, uint32_t mode, const struct vfs_proc_id *id,
                struct vfs_inode *parent, struct vfs_inode **out)
{
    uint32_t uid = 0, gid = 0;
    *out = NULL;
    int err = id->pid && g_providers.processes ? g_providers.processes->owner(id, &uid, &gid) : 0;
    struct vfs_proc *p = err == 0 ? core_arena_alloc(sizeof *p) : NULL;
    if (!p)
        return err < 0 ? err : -LX_ENOMEM;
    err = vfs_inode_new(&vfs_state()->proc_super, mode, uid, gid, 0, NULL, out);
    if (err < 0) {
        core_arena_free(p, sizeof *p);
        return -LX_ENOMEM;
    }
    p->what = what;
    p->id = *id;
    struct vfs_inode *inode = *out;
    inode->owner = VFS_OF_PROC;
    inode->proc = p;
    inode->nlink = VFS_IS_DIR(inode) ? 2 : 1;
    if (VFS_IS_DIR(inode))
        inode->parent = parent ? vfs_inode_get(parent) : NULL;
    return 0;
}

int32_t vfs_proc_process(const struct vfs_file *file)
{
    const struct vfs_inode *inode = file->kind == VFS_FILE_DIRECTORY ? file->inode : NULL;
    return inode && inode->owner == VFS_OF_PROC && inode->proc->what == VFS_PROC_PROCESS
               ? inode->proc->id.pid
               : 0;
}

static void end(struct vfs_inode *inode)
{
    vfs_text_free(&inode->proc->text);
    core_arena_free(inode->proc, sizeof *inode->proc);
}

static uint64_t shown_ino(struct vfs_inode *inode)
{
    return number_of(inode->proc->what, &inode->proc->id);
}

/* A process may change its identity; what it shows of itself follows. */
static void refresh(struct vfs_inode *inode)
{
    uint32_t uid, gid;
    if (!inode->proc->id.pid || g_providers.processes->owner(&inode->proc->id, &uid, &gid) < 0)
        return;
    core_lock_acquire(&inode->lock);
    inode->uid = uid;
    inode->gid = gid;
    core_lock_release(&inode->lock);
}

static int32_t next_number(const struct vfs_proc *p, int32_t from);

static int64_t count_numbers(const struct vfs_proc *p)
{
    int64_t n = 0;
    for (int32_t i = 0; i < INT32_MAX && (i = next_number(p, i)) >= 0; i++)
        n++;
    return n;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    const struct vfs_proc *p = inode->proc;
    out->st_ino = shown_ino(inode);
    out->st_blksize = 1024;
    out->st_blocks = 0;
    if (p->what == VFS_PROC_TASKS)
        out->st_nlink = 2 + (uint64_t)count_numbers(p);
    out->st_size = p->what == VFS_PROC_FD            ? count_numbers(p)
                   : p->what == VFS_PROC_FD_LINK     ? LINK_SIZE
                   : p->what == VFS_PROC_MOUNTS_LINK ? (int64_t)sizeof "self/mounts" - 1
                   : p->what == VFS_PROC_NET_LINK    ? (int64_t)sizeof "self/net" - 1
                                                     : 0;
}

/* A process may always list its own descriptors: proc_fd_permission() in Linux. */
static int may_use(const struct vfs_inode *inode, uint32_t want)
{
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    return inode->proc->what == VFS_PROC_FD && !(want & LX_W_OK) &&
           g_providers.processes->self(&self, &fs) == 0 && self.pid == inode->proc->id.pid;
}

/* ---- Directories ---- */

/* Links to descriptors show by their permissions what these were opened for. */
static uint32_t link_mode(const struct vfs_file *file)
{
    return LX_S_IFLNK | (vfs_file_may(file, PLAT_READ) ? 0500u : 0) |
           (vfs_file_may(file, PLAT_WRITE) ? 0300u : 0);
}

/* A name that is a number, without zeros in front; -1: it is none. */
static int32_t number_in(const char *name, uint32_t size)
{
    int64_t n = 0;
    if (!size || size > NUMBER_MAX || (name[0] == '0' && size > 1))
        return -1;
    for (uint32_t i = 0; i < size; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        n = n * 10 + (name[i] - '0');
    }
    return n <= INT32_MAX ? (int32_t)n : -1;
}

static int look_up_fd(struct vfs_inode *dir, int32_t fd, struct vfs_inode **out)
{
    struct vfs_proc_id id = dir->proc->id;
    struct vfs_file *file;
    id.fd = fd;
    int err = g_providers.processes->file(VFS_PROC_FD_LINK, &id, &file);
    if (err < 0)
        return -LX_ENOENT;
    err = dir->proc->what == VFS_PROC_FD
              ? make(VFS_PROC_FD_LINK, link_mode(file), &id, dir, out)
              : make(VFS_PROC_FDINFO_FILE, LX_S_IFREG | 0444, &id, dir, out);
    vfs_file_put(file);
    return err;
}

static int look_up_number(struct vfs_inode *dir, int32_t n, struct vfs_inode **out)
{
    struct vfs_proc_id id = dir->proc->id;
    switch (dir->proc->what) {
    case VFS_PROC_ROOT:
        id.pid = n;
        return n ? make(VFS_PROC_PROCESS, LX_S_IFDIR | 0555, &id, dir, out) : -LX_ENOENT;
    case VFS_PROC_TASKS:
        id.tid = n;
        return n ? make(VFS_PROC_TASK, LX_S_IFDIR | 0555, &id, dir, out) : -LX_ENOENT;
    case VFS_PROC_FD:
    case VFS_PROC_FDINFO:
        return look_up_fd(dir, n, out);
    default:
        return -LX_ENOENT;
    }
}

/* Is this row seen in this directory?  A thread's has what a process's has, but threads. */
static int is_in(const struct row *row, uint32_t dir)
{
    return row->dir == dir ||
           (dir == VFS_PROC_TASK && row->dir == VFS_PROC_PROCESS && row->what != VFS_PROC_TASKS);
}

static int lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    const struct vfs_proc *p = dir->proc;
    *out = NULL;
    if (!g_providers.processes)
        return -LX_ENOENT;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (is_in(row, p->what) && row->size == size && memcmp(row->name, name, size) == 0)
            return make(row->what, row->mode, &p->id, dir, out);
    }
    int32_t n = number_in(name, size);
    return n < 0 ? -LX_ENOENT : look_up_number(dir, n, out);
}

static int32_t next_number(const struct vfs_proc *p, int32_t from)
{
    int32_t n;
    switch (p->what) {
    case VFS_PROC_ROOT:
        n = g_providers.processes->next(0, from);
        return n ? n : -1;
    case VFS_PROC_TASKS:
        n = g_providers.processes->next(p->id.pid, from);
        return n ? n : -1;
    case VFS_PROC_FD:
    case VFS_PROC_FDINFO:
        return g_providers.processes->next_fd(&p->id, from);
    default:
        return -1;
    }
}

/* Cookies of numbers go by the numbers, so that a listing stands when others come and go. */
static int list_numbers(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    const struct vfs_proc *p = dir->proc;
    struct vfs_proc_id id = p->id;
    uint64_t first = cookie > FIRST_NUMBER ? cookie - FIRST_NUMBER : 0;
    for (int64_t n = (int64_t)first; n <= INT32_MAX; n++) {
        char name[24];
        n = next_number(p, (int32_t)n);
        if (n < 0)
            break;
        uint32_t what = VFS_PROC_FDINFO_FILE, type = LX_DT_DIR;
        if (p->what == VFS_PROC_ROOT) {
            what = VFS_PROC_PROCESS;
            id.pid = (int32_t)n;
        } else if (p->what == VFS_PROC_TASKS) {
            what = VFS_PROC_TASK;
            id.tid = (int32_t)n;
        } else {
            id.fd = (int32_t)n;
            what = p->what == VFS_PROC_FD ? VFS_PROC_FD_LINK : VFS_PROC_FDINFO_FILE;
            type = p->what == VFS_PROC_FD ? LX_DT_LNK : LX_DT_REG;
        }
        uint32_t size = (uint32_t)core_str_u64(name, (uint64_t)n);
        if (!emit(arg, name, size, number_of(what, &id), type, (uint64_t)n + FIRST_NUMBER + 1))
            break;
    }
    return 0;
}

static int list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg)
{
    struct vfs_inode *dir = file->inode;
    const struct vfs_proc *p = dir->proc;
    uint32_t uid, gid;
    if (!g_providers.processes ||
        (p->id.pid && g_providers.processes->owner(&p->id, &uid, &gid) < 0))
        return -LX_ENOENT;
    if (!dir_show_dots(dir, &cookie, emit, arg))
        return 0;
    for (uint64_t n = cookie - FIRST_COOKIE; n < ROW_COUNT; n++) {
        const struct row *row = &rows[n];
        if (is_in(row, p->what) && !emit(arg, row->name, row->size, number_of(row->what, &p->id),
                                         row->mode >> 12, n + FIRST_COOKIE + 1))
            return 0;
    }
    return list_numbers(dir, cookie, emit, arg);
}

static uint64_t name_locked(struct vfs_inode *dir, char *name)
{
    const struct vfs_proc *p = dir->proc;
    char number[24];
    if (p->what == VFS_PROC_PROCESS || p->what == VFS_PROC_TASK) {
        uint64_t size =
            core_str_u64(number, (uint64_t)(p->what == VFS_PROC_TASK ? p->id.tid : p->id.pid));
        memcpy(name, number, size);
        return size;
    }
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].what == p->what) {
            memcpy(name, rows[i].name, rows[i].size);
            return rows[i].size;
        }
    }
    return 0;
}

/* A name that is not there cannot be: lookups say so before anything is made. */
static int create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                  uint32_t mode, const char *target, struct vfs_inode **out)
{
    (void)fs;
    (void)dir;
    (void)last;
    (void)mode;
    (void)target;
    if (out)
        *out = NULL;
    return -LX_ENOENT;
}

static int link_name(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    (void)dir;
    (void)last;
    (void)inode;
    return -LX_ENOENT;
}

static int remove_name(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    (void)dir;
    (void)last;
    (void)inode;
    return -LX_EPERM;
}

static int rename_locked(struct vfs_inode *dir, const struct vfs_last *last,
                         struct vfs_inode *inode, struct vfs_inode *to_dir,
                         const struct vfs_last *to_last, struct vfs_inode *target, uint32_t flags)
{
    (void)dir;
    (void)last;
    (void)inode;
    (void)to_dir;
    (void)to_last;
    (void)flags;
    return target ? -LX_EPERM : -LX_ENOENT;
}

/* ---- Links ---- */

static int64_t put_text(const struct vfs_text *t, char *buf, uint64_t size)
{
    uint64_t length = t->size < size ? t->size : size;
    memcpy(buf, t->data, length);
    return (int64_t)length;
}

/* The links that are paths: "self" and the like; 0: it is another. */
static int64_t ordinary_target(const struct vfs_proc *p, char *buf, uint64_t size)
{
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    struct vfs_text t = {.data = NULL};
    if (p->what == VFS_PROC_MOUNTS_LINK) {
        vfs_text_f(&t, "self/mounts");
    } else if (p->what == VFS_PROC_NET_LINK) {
        vfs_text_f(&t, "self/net");
    } else if (p->what == VFS_PROC_SELF || p->what == VFS_PROC_THREAD_SELF) {
        int err = g_providers.processes->self(&self, &fs);
        if (err < 0)
            return err;
        vfs_text_f(&t, "%d", self.pid);
        if (p->what == VFS_PROC_THREAD_SELF)
            vfs_text_f(&t, "/task/%d", self.tid);
    }
    int64_t n = t.failed ? -LX_ENOMEM : put_text(&t, buf, size);
    vfs_text_free(&t);
    return n;
}

/* What a magic link leads to: a file or a directory, the other one NULL; references. */
static int target_of(const struct vfs_proc *p, struct vfs_file **file, struct vfs_inode **dir)
{
    *file = NULL;
    *dir = NULL;
    int err = g_providers.processes->may_look(&p->id);
    if (err < 0)
        return err;
    return p->what == VFS_PROC_CWD || p->what == VFS_PROC_ROOT_LINK
               ? g_providers.processes->directory(p->what, &p->id, dir)
               : g_providers.processes->file(p->what, &p->id, file);
}

static int is_magic(const struct vfs_proc *p)
{
    return p->what == VFS_PROC_FD_LINK || p->what == VFS_PROC_EXE || p->what == VFS_PROC_CWD ||
           p->what == VFS_PROC_ROOT_LINK;
}

static int64_t read_link(struct vfs_inode *inode, char *buf, uint64_t size)
{
    struct vfs_file *file;
    struct vfs_inode *dir;
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    if (!is_magic(inode->proc))
        return ordinary_target(inode->proc, buf, size);
    int64_t n = target_of(inode->proc, &file, &dir);
    if (n == 0)
        n = g_providers.processes->self(&self, &fs);
    if (n == 0 && file) {
        n = vfs_file_path(file, fs, buf, size);
    } else if (n == 0) {
        struct vfs_place nowhere;
        nowhere.inode = nowhere.dir = NULL;
        n = place_path(fs, dir, &nowhere, buf, size);
    }
    vfs_file_put(file);
    vfs_inode_put(dir);
    return n;
}

/* Source: proc_pid_get_link() and nd_jump_link() in Linux. */
static int jump(struct vfs_inode *link, uint32_t resolve, struct vfs_place *to)
{
    struct vfs_file *file;
    struct vfs_inode *dir;
    struct vfs_proc_id self;
    struct vfs_fs *fs;
    if (!is_magic(link->proc))
        return 1;
    int err = target_of(link->proc, &file, &dir);
    if (err == 0 && resolve & LX_RESOLVE_NO_MAGICLINKS)
        err = -LX_ELOOP;
    if (err == 0 && resolve & (LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT | LX_RESOLVE_NO_XDEV))
        err = -LX_EXDEV;
    if (err == 0)
        err = g_providers.processes->self(&self, &fs);
    if (err == 0 && file) {
        file_get_place(file, to);
        err = vfs_file_inode(file, &fs->cred, &to->inode);
    } else if (err == 0) {
        to->inode = vfs_inode_get(dir);
    }
    vfs_file_put(file);
    vfs_inode_put(dir);
    return err;
}

/* ---- Files ---- */

/* Make the text anew and let the inode have it. */
static int make_text(struct vfs_inode *inode)
{
    struct vfs_proc *p = inode->proc;
    struct vfs_text fresh = {.data = NULL}, old;
    int err = g_providers.processes->render((enum vfs_proc_what)p->what, &p->id, &fresh);
    if (err == 0 && fresh.failed)
        err = -LX_ENOMEM;
    if (err < 0) {
        vfs_text_free(&fresh);
        return err;
    }
    core_lock_acquire(&inode->lock);
    old = p->text;
    p->text = fresh;
    core_lock_release(&inode->lock);
    vfs_text_free(&old);
    return 0;
}

static int64_t read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    struct vfs_proc *p = inode->proc;
    if (!g_providers.processes)
        return -LX_EIO;
    core_lock_acquire(&inode->lock);
    int is_made = p->text.data != NULL;
    core_lock_release(&inode->lock);
    if (!offset || !is_made) {
        int err = make_text(inode);
        if (err < 0)
            return err;
    }
    core_lock_acquire(&inode->lock);
    uint64_t left = offset < p->text.size ? p->text.size - offset : 0;
    if (size > left)
        size = left;
    uint64_t failed = size ? plat_copy_guest(buf, p->text.data + offset, size) : 0;
    core_lock_release(&inode->lock);
    return size && failed == size ? -LX_EFAULT : (int64_t)(size - failed);
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
    int64_t n = g_providers.processes->write((enum vfs_proc_what)inode->proc->what,
                                             &inode->proc->id, text, part);
    return n < 0 ? n : (int64_t)size;
}

static int64_t append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end_offset)
{
    *end_offset = 0;
    return write(inode, buf, size, 0);
}

const struct inode_ops proc_ops = {
    .end = end,
    .refresh = refresh,
    .stat = show,
    .shown_ino = shown_ino,
    .may = may_use,
    .chmod = inode_keeps_mode,
    .chown = inode_keeps_owner,
    .utimes = inode_keeps_times,
    .readlink = read_link,
    .jump = jump,
    .read = read,
    .write = write,
    .append = append,
    .truncate = inode_keeps_size,
    .zero = inode_cannot_zero,
    .lookup = lookup,
    .list = list,
    .name_locked = name_locked,
    .create = create,
    .link = link_name,
    .remove = remove_name,
    .rename_locked = rename_locked,
};

int vfs_proc_mount(struct vfs_fs *fs, const char *at)
{
    struct vfs_inode *root;
    const struct vfs_proc_id id = {0, 0, 0};
    struct vfs_super *super = &vfs_state()->proc_super;
    vfs_super_init(super, VFS_SUPER_PROC, mount_minor());
    super->flags = VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC;
    int err = make(VFS_PROC_ROOT, LX_S_IFDIR | 0555, &id, NULL, &root);
    if (err == 0)
        err = mount_root(fs, at, root, "proc");
    vfs_inode_put(root);
    return err;
}
