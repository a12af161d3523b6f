/* SPDX-License-Identifier: MIT */
/* File systems whose files are made when they are read: names, attributes and texts. */

#include "made.h"

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "mounts.h"
#include "plat/thread.h"
#include "vfs/file.h"

#define FIRST_NUMBER 512u /* cookies of names with numbers begin here */
#define NUMBER_MAX 10     /* digits */

_Static_assert(UINT8_MAX + FIRST_COOKIE < FIRST_NUMBER, "cookies of rows come first");

const struct made_fs *made_fs(uint32_t owner)
{
    static const struct made_fs *const tables[VFS_OWNER_COUNT] = {
        [VFS_OF_PROC] = &proc_fs,
        [VFS_OF_SYS] = &sys_fs,
        [VFS_OF_CGROUP] = &cgroup_fs,
    };
    return tables[owner];
}

/* ---- Inodes ---- */

/* The same for the same thing, and never 0. */
static uint64_t number_of(const struct made_fs *fs, uint32_t what, const union made_id *id)
{
    const int32_t *w = id->words;
    uint64_t n = core_hash_u64(((uint64_t)(uint32_t)w[0] << 32) | (uint32_t)w[1]);
    n = core_hash_u64(n ^ ((uint64_t)what << 32) ^ (uint32_t)w[2]);
    return what == fs->root ? 1 : n >> 16 | 2; /* Linux' are small, too */
}

/* What a lookup or a listing has found. */
struct child {
    uint32_t what, mode;
    union made_id id;
};

/* parent: NULL for the root. */
static int make(enum vfs_inode_owner owner, struct vfs_super *super, const struct child *c,
                struct vfs_inode *parent, struct vfs_inode **out)
{
    uint32_t uid = 0, gid = 0;
    *out = NULL;
    int err = made_fs(owner)->owner(&c->id, &uid, &gid);
    struct vfs_made *m = err == 0 ? core_arena_alloc(sizeof *m) : NULL;
    if (!m)
        return err < 0 ? err : -LX_ENOMEM;
    err = vfs_inode_new(super, c->mode, uid, gid, 0, NULL, out);
    if (err < 0) {
        core_arena_free(m, sizeof *m);
        return -LX_ENOMEM;
    }
    m->what = c->what;
    m->id = c->id;
    struct vfs_inode *inode = *out;
    inode->owner = owner;
    inode->made = m;
    inode->nlink = VFS_IS_DIR(inode) ? 2 : 1;
    if (VFS_IS_DIR(inode))
        inode->parent = parent ? vfs_inode_get(parent) : inode;
    return 0;
}

int made_mount(struct vfs_fs *fs, const char *at, enum vfs_inode_owner owner, const char *source,
               uint32_t flags)
{
    const struct child top = {.what = made_fs(owner)->root, .mode = LX_S_IFDIR | 0555};
    struct vfs_super *super = core_arena_alloc(sizeof *super);
    if (!super)
        return -LX_ENOMEM;
    vfs_super_init(super, made_fs(owner)->type, mount_minor());
    super->read_only = (flags & VFS_MOUNT_READ_ONLY) != 0;
    int err = make(owner, super, &top, NULL, &super->root);
    if (err == 0)
        err = mount_root(fs, at, super, source,
                         flags | VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC);
    vfs_state()->singles[super->type] = super;
    return err;
}

void made_end(struct vfs_inode *inode)
{
    vfs_text_free(&inode->made->text);
    core_arena_free(inode->made, sizeof *inode->made);
}

uint64_t made_shown_ino(struct vfs_inode *inode)
{
    return number_of(made_fs(inode->owner), inode->made->what, &inode->made->id);
}

void made_refresh(struct vfs_inode *inode)
{
    uint32_t uid, gid;
    if (made_fs(inode->owner)->owner(&inode->made->id, &uid, &gid) < 0)
        return;
    core_lock_acquire(&inode->lock);
    inode->uid = uid;
    inode->gid = gid;
    core_lock_release(&inode->lock);
}

void made_stat(struct vfs_inode *inode, struct lx_stat *out)
{
    out->st_ino = made_shown_ino(inode);
    out->st_blocks = 0;
    out->st_size = 0;
}

/* ---- Directories ---- */

int32_t name_number(const char *name, uint32_t size)
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

static void set_child(struct child *c, const struct made_row *row, const struct vfs_made *dir,
                      int32_t n)
{
    c->what = row->what;
    c->mode = row->mode;
    c->id = dir->id;
    if (row->number)
        c->id.words[row->number - 1] = n;
}

/* Is this the row of a name?  `n` is the number in it. */
static int is_of(const struct made_row *row, const char *name, uint32_t size, int32_t *n)
{
    *n = -1;
    if (size < row->size || memcmp(row->name, name, row->size) != 0)
        return 0;
    if (!row->number)
        return size == row->size;
    *n = name_number(name + row->size, size - row->size);
    return *n >= 0;
}

/* A place where something is mounted is the same at each lookup: a reference, or NULL. */
static struct vfs_inode *mounted_on(const struct vfs_inode *dir, const struct child *c)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inode *found = NULL;
    if (!dir->super->covered_count)
        return NULL;
    core_lock_acquire(&s->mount_lock);
    CORE_LIST_FOR_EACH(node, &s->mounts)
    {
        struct vfs_inode *place = CORE_LIST_ENTRY(node, struct vfs_mount, in_list)->on.covers;
        if (place && place->owner == dir->owner && place->made->what == c->what &&
            memcmp(&place->made->id, &c->id, sizeof c->id) == 0)
            found = place;
    }
    if (found)
        vfs_inode_get(found);
    core_lock_release(&s->mount_lock);
    return found;
}

int made_lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    const struct made_fs *fs = made_fs(dir->owner);
    *out = NULL;
    for (uint32_t i = 0; i < fs->count; i++) {
        const struct made_row *row = &fs->rows[i];
        struct child c;
        int32_t n;
        if (!fs->is_in(row, dir->made) || !is_of(row, name, size, &n))
            continue;
        set_child(&c, row, dir->made, n);
        *out = mounted_on(dir, &c);
        int err = !*out && row->number ? fs->find(c.what, &c.id, &c.mode) : 0;
        return err < 0 || *out ? err : make(dir->owner, dir->super, &c, dir, out);
    }
    return -LX_ENOENT;
}

/* The row of the names with numbers in a directory, of which there is at most one. */
static const struct made_row *row_of_numbers(const struct made_fs *fs, const struct vfs_made *dir)
{
    for (uint32_t i = 0; i < fs->count; i++) {
        if (fs->rows[i].number && fs->is_in(&fs->rows[i], dir))
            return &fs->rows[i];
    }
    return NULL;
}

static uint64_t put_numbered(char *name, const struct made_row *row, int32_t n)
{
    memcpy(name, row->name, row->size);
    return row->size + core_str_u64(name + row->size, (uint64_t)n);
}

/* Cookies of numbers go by the numbers, so that a listing stands when others come and go. */
static void list_numbers(struct vfs_inode *dir, uint64_t cookie, vfs_emit emit, void *arg)
{
    const struct made_fs *fs = made_fs(dir->owner);
    const struct made_row *row = row_of_numbers(fs, dir->made);
    uint64_t first = cookie > FIRST_NUMBER ? cookie - FIRST_NUMBER : 0;
    for (int64_t n = (int64_t)first; row && n <= INT32_MAX; n++) {
        char name[UINT8_MAX + 24];
        struct child c;
        n = fs->next(dir->made, (int32_t)n);
        if (n < 0)
            break;
        set_child(&c, row, dir->made, (int32_t)n);
        uint64_t size = put_numbered(name, row, (int32_t)n);
        if (!emit(arg, name, (uint32_t)size, number_of(fs, c.what, &c.id), c.mode >> 12,
                  (uint64_t)n + FIRST_NUMBER + 1))
            break;
    }
}

int made_list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg)
{
    struct vfs_inode *dir = file->inode;
    const struct made_fs *fs = made_fs(dir->owner);
    uint32_t uid, gid;
    if (fs->owner(&dir->made->id, &uid, &gid) < 0)
        return -LX_ENOENT;
    if (!dir_show_dots(dir, &cookie, emit, arg))
        return 0;
    for (uint64_t i = cookie - FIRST_COOKIE; i < fs->count; i++) {
        const struct made_row *row = &fs->rows[i];
        if (!row->number && fs->is_in(row, dir->made) &&
            !emit(arg, row->name, row->size, number_of(fs, row->what, &dir->made->id),
                  row->mode >> 12, i + FIRST_COOKIE + 1))
            return 0;
    }
    list_numbers(dir, cookie, emit, arg);
    return 0;
}

uint64_t made_count_numbers(const struct vfs_inode *dir)
{
    const struct made_fs *fs = made_fs(dir->owner);
    uint64_t count = 0;
    for (int32_t n = 0; n < INT32_MAX && (n = fs->next(dir->made, n)) >= 0; n++)
        count++;
    return count;
}

uint64_t made_count_dirs(const struct vfs_inode *dir)
{
    const struct made_fs *fs = made_fs(dir->owner);
    uint64_t count = 0;
    for (uint32_t i = 0; i < fs->count; i++) {
        const struct made_row *row = &fs->rows[i];
        if ((row->mode & LX_S_IFMT) == LX_S_IFDIR && fs->is_in(row, dir->made))
            count += row->number ? made_count_numbers(dir) : 1;
    }
    return count;
}

/* The row that an inode was made from; NULL: it is the root. */
static const struct made_row *row_of(const struct vfs_inode *inode)
{
    const struct made_fs *fs = made_fs(inode->owner);
    for (uint32_t i = 0; i < fs->count; i++) {
        if (fs->rows[i].what == inode->made->what)
            return &fs->rows[i];
    }
    return NULL;
}

uint64_t made_name_locked(struct vfs_inode *dir, char *name)
{
    const struct made_row *row = row_of(dir);
    if (!row)
        return 0;
    if (row->number)
        return put_numbered(name, row, dir->made->id.words[row->number - 1]);
    memcpy(name, row->name, row->size);
    return row->size;
}

/* ---- What cannot be done ---- */

int made_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
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

int made_link(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    (void)dir;
    (void)last;
    (void)inode;
    return -LX_ENOENT;
}

int made_remove(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    (void)dir;
    (void)last;
    (void)inode;
    return -LX_EPERM;
}

int made_rename_locked(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode,
                       struct vfs_inode *to_dir, const struct vfs_last *to_last,
                       struct vfs_inode *target, uint32_t flags)
{
    (void)dir;
    (void)last;
    (void)inode;
    (void)to_dir;
    (void)to_last;
    (void)flags;
    return target ? -LX_EPERM : -LX_ENOENT;
}

/* ---- Links and files ---- */

int64_t made_readlink(struct vfs_inode *inode, char *buf, uint64_t size)
{
    const struct made_row *row = row_of(inode);
    char number[24];
    uint64_t length = row && row->target ? core_str_length(row->target) : 0, digits = 0;
    if (!length)
        return -LX_EIO;
    if (row->number)
        digits = core_str_u64(number, (uint64_t)inode->made->id.words[row->number - 1]);
    if (length > size)
        length = size;
    if (digits > size - length)
        digits = size - length;
    memcpy(buf, row->target, length);
    memcpy(buf + length, number, digits);
    return (int64_t)(length + digits);
}

/* Make the text anew and let the inode have it. */
static int make_text(struct vfs_inode *inode)
{
    struct vfs_made *m = inode->made;
    struct vfs_text fresh = {.data = NULL}, old;
    int err = made_fs(inode->owner)->render(m->what, &m->id, &fresh);
    if (err == 0 && fresh.failed)
        err = -LX_ENOMEM;
    if (err < 0) {
        vfs_text_free(&fresh);
        return err;
    }
    core_lock_acquire(&inode->lock);
    old = m->text;
    m->text = fresh;
    core_lock_release(&inode->lock);
    vfs_text_free(&old);
    return 0;
}

int64_t made_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    struct vfs_made *m = inode->made;
    core_lock_acquire(&inode->lock);
    int is_made = m->text.data != NULL;
    core_lock_release(&inode->lock);
    if (!offset || !is_made) {
        int err = make_text(inode);
        if (err < 0)
            return err;
    }
    core_lock_acquire(&inode->lock);
    uint64_t left = offset < m->text.size ? m->text.size - offset : 0;
    if (size > left)
        size = left;
    uint64_t failed = size ? plat_copy_guest(buf, m->text.data + offset, size) : 0;
    core_lock_release(&inode->lock);
    return size && failed == size ? -LX_EFAULT : (int64_t)(size - failed);
}
