/* SPDX-License-Identifier: MIT */
/* The path walk: one loop over components, with a stack of links being followed. */

#include "vfs/path.h"

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "internal.h"
#include "vfs/tree.h"

#define RESOLVE(flags) ((flags) >> VFS_WALK_RESOLVE_SHIFT)

int vfs_fs_new(struct vfs_fs **out)
{
    struct vfs_fs *fs = core_arena_alloc(sizeof *fs);
    *out = fs;
    if (!fs)
        return -LX_ENOMEM;
    core_lock_init(&fs->lock, CORE_LOCK_FS);
    fs->root = vfs_inode_get(vfs_root());
    fs->cwd = vfs_inode_get(vfs_root());
    fs->umask = 022;
    return 0;
}

void vfs_fs_free(struct vfs_fs *fs)
{
    if (!fs)
        return;
    vfs_inode_put(fs->root);
    vfs_inode_put(fs->cwd);
    core_arena_free(fs, sizeof *fs);
}

static void replace(struct vfs_fs *fs, struct vfs_inode **place, struct vfs_inode *inode)
{
    core_lock_acquire(&fs->lock);
    struct vfs_inode *old = *place;
    *place = vfs_inode_get(inode);
    core_lock_release(&fs->lock);
    vfs_inode_put(old);
}

void vfs_fs_set_root(struct vfs_fs *fs, struct vfs_inode *root)
{
    replace(fs, &fs->root, root);
}

void vfs_fs_set_cwd(struct vfs_fs *fs, struct vfs_inode *cwd)
{
    replace(fs, &fs->cwd, cwd);
}

static struct vfs_inode *current(struct vfs_fs *fs, struct vfs_inode *const *place)
{
    core_lock_acquire(&fs->lock);
    struct vfs_inode *inode = vfs_inode_get(*place);
    core_lock_release(&fs->lock);
    return inode;
}

/* ---- Permissions ---- */

static int in_group(const struct vfs_cred *cred, uint32_t gid)
{
    if (cred->gid == gid)
        return 1;
    for (uint32_t i = 0; i < cred->group_count; i++) {
        if (cred->groups[i] == gid)
            return 1;
    }
    return 0;
}

int vfs_may(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want)
{
    uint32_t mode = inode->mode;
    if (cred->uid == 0) { /* capabilities(7): CAP_DAC_OVERRIDE does not make a file executable */
        int executable = VFS_IS_DIR(inode) || mode & 0111;
        return want & LX_X_OK && !executable ? -LX_EACCES : 0;
    }
    uint32_t shift = cred->uid == inode->uid ? 6 : in_group(cred, inode->gid) ? 3 : 0;
    return want & ~(mode >> shift) & 7 ? -LX_EACCES : 0;
}

int vfs_owns(const struct vfs_cred *cred, struct vfs_inode *inode)
{
    return cred->uid == 0 || cred->uid == inode->uid;
}

/* ---- The walk ---- */

struct walk {
    struct vfs_fs *fs;
    struct vfs_inode *root; /* reference */
    struct vfs_inode *at;   /* reference: where we are */
    struct vfs_inode *base; /* borrowed: RESOLVE_BENEATH may not leave it */
    const char *rest;       /* what is still to be walked */
    char *buffer;           /* holds `rest` once a link was followed */
    uint32_t links;
    uint32_t flags;
};

static void step_to(struct walk *w, struct vfs_inode *inode)
{
    vfs_inode_put(w->at);
    w->at = inode;
}

static int walk_begin(struct walk *w, struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                      uint32_t flags)
{
    memset(w, 0, sizeof *w);
    if (!*path)
        return -LX_ENOENT;
    w->fs = fs;
    w->rest = path;
    w->flags = flags;
    int beneath = RESOLVE(flags) & LX_RESOLVE_BENEATH;
    if (*path == '/' && beneath)
        return -LX_EXDEV;
    struct vfs_inode *start = from ? vfs_inode_get(from) : current(fs, &fs->cwd);
    w->root = RESOLVE(flags) & LX_RESOLVE_IN_ROOT ? vfs_inode_get(start) : current(fs, &fs->root);
    w->at = *path == '/' ? vfs_inode_get(w->root) : vfs_inode_get(start);
    w->base = start;
    if (!VFS_IS_DIR(w->at) && *path != '/')
        return -LX_ENOTDIR;
    return 0;
}

static void walk_end(struct walk *w)
{
    vfs_inode_put(w->at);
    vfs_inode_put(w->root);
    vfs_inode_put(w->base);
    core_arena_free(w->buffer, 2 * LX_PATH_MAX);
}

/* Cut the next component off `rest`. */
static void next_component(struct walk *w, struct vfs_last *c)
{
    const char *p = w->rest;
    while (*p == '/')
        p++;
    c->name = p;
    while (*p && *p != '/')
        p++;
    c->size = (uint32_t)(p - c->name);
    c->slashes = *p == '/';
    while (*p == '/')
        p++;
    w->rest = p;
}

static int step_up(struct walk *w)
{
    if (RESOLVE(w->flags) & LX_RESOLVE_BENEATH && w->at == w->base)
        return -LX_EXDEV;
    if (w->at == w->root)
        return 0;
    core_lock_acquire(&vfs_state()->tree_lock); /* the parent may be changed by a rename */
    struct vfs_inode *parent = vfs_inode_get(w->at->parent);
    core_lock_release(&vfs_state()->tree_lock);
    step_to(w, parent);
    return 0;
}

/* Put a link's target before the rest of the path. */
static int follow(struct walk *w, struct vfs_inode *link, const struct vfs_last *c)
{
    uint32_t resolve = RESOLVE(w->flags);
    if (resolve & LX_RESOLVE_NO_SYMLINKS || ++w->links > LX_SYMLOOP_MAX)
        return -LX_ELOOP;
    if (!w->buffer) {
        w->buffer = core_arena_alloc(2 * LX_PATH_MAX);
        if (!w->buffer)
            return -LX_ENOMEM;
    }
    uint64_t target_size = link->size, rest_size = core_str_length(w->rest);
    if (!target_size)
        return -LX_ENOENT;
    if (target_size + rest_size + 2 > 2 * LX_PATH_MAX)
        return -LX_ENAMETOOLONG;
    /* The rest may lie in the buffer itself: move it to the end of the new text first. */
    memmove(w->buffer + target_size + 1, w->rest, rest_size + 1);
    int64_t n = vfs_inode_readlink(link, w->buffer, target_size);
    if (n < 0)
        return (int)n;
    if (c->slashes)
        w->buffer[target_size] = '/';
    else
        w->buffer[target_size] = 0; /* nothing followed: rest_size is 0 */
    w->rest = w->buffer;
    if (w->buffer[0] == '/') {
        if (resolve & LX_RESOLVE_BENEATH)
            return -LX_EXDEV;
        step_to(w, vfs_inode_get(w->root));
    }
    return 0;
}

/*
 * Walk all but the last component.
 *   returns  0 with the last one in `c`; `w->at` is its directory.
 */
static int walk_to_last(struct walk *w, struct vfs_last *c)
{
    for (;;) {
        next_component(w, c);
        if (!*w->rest)
            return 0;
        if (c->size > LX_NAME_MAX)
            return -LX_ENAMETOOLONG;
        int err = vfs_may(&w->fs->cred, w->at, LX_X_OK);
        if (err < 0)
            return err;
        if (c->size == 1 && c->name[0] == '.')
            continue;
        if (c->size == 2 && c->name[0] == '.' && c->name[1] == '.') {
            err = step_up(w);
            if (err < 0)
                return err;
            continue;
        }
        struct vfs_inode *child;
        err = vfs_tree_lookup(w->at, c->name, c->size, &child);
        if (err < 0)
            return err;
        if (VFS_IS_LNK(child)) {
            err = follow(w, child, c);
            vfs_inode_put(child);
            if (err < 0)
                return err;
            continue;
        }
        if (!VFS_IS_DIR(child)) {
            vfs_inode_put(child);
            return -LX_ENOTDIR;
        }
        step_to(w, child);
    }
}

/* Resolve the last component, following links at the end if asked. */
static int walk_last(struct walk *w, struct vfs_last *c)
{
    for (;;) {
        int err;
        if (c->size) {
            if (c->size > LX_NAME_MAX)
                return -LX_ENAMETOOLONG;
            err = vfs_may(&w->fs->cred, w->at, LX_X_OK);
            if (err < 0)
                return err;
        }
        if (!c->size || (c->size == 1 && c->name[0] == '.'))
            return 0;
        if (c->size == 2 && c->name[0] == '.' && c->name[1] == '.')
            return step_up(w);
        struct vfs_inode *child;
        err = vfs_tree_lookup(w->at, c->name, c->size, &child);
        if (err < 0)
            return err;
        if (VFS_IS_LNK(child) && (c->slashes || !(w->flags & VFS_WALK_NOFOLLOW))) {
            err = follow(w, child, c);
            vfs_inode_put(child);
            if (err == 0)
                err = walk_to_last(w, c);
            if (err < 0)
                return err;
            continue;
        }
        step_to(w, child);
        return c->slashes && !VFS_IS_DIR(child) ? -LX_ENOTDIR : 0;
    }
}

int vfs_walk(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
             struct vfs_inode **out)
{
    struct walk w;
    struct vfs_last c;
    *out = NULL;
    int err = walk_begin(&w, fs, from, path, flags);
    if (err == 0)
        err = walk_to_last(&w, &c);
    if (err == 0)
        err = walk_last(&w, &c);
    if (err == 0 && flags & VFS_WALK_DIRECTORY && !VFS_IS_DIR(w.at))
        err = -LX_ENOTDIR;
    if (err == 0)
        *out = vfs_inode_get(w.at);
    walk_end(&w);
    return err;
}

int vfs_walk_parent(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                    struct vfs_inode **out, struct vfs_last *last)
{
    struct walk w;
    *out = NULL;
    int err = walk_begin(&w, fs, from, path, flags);
    if (err == 0)
        err = walk_to_last(&w, last);
    if (err == 0 && last->size > LX_NAME_MAX)
        err = -LX_ENAMETOOLONG;
    if (err == 0)
        err = vfs_may(&fs->cred, w.at, LX_X_OK);
    if (err == 0) {
        /* The name lies at the end of the path unless a link came in between. */
        *out = vfs_inode_get(w.at);
        if (w.buffer && last->name >= w.buffer && last->name < w.buffer + 2 * LX_PATH_MAX)
            last->name = path + core_str_length(path) - (core_str_length(last->name));
    }
    walk_end(&w);
    return err;
}

/* ---- The working directory's path ---- */

struct name_search {
    uint64_t ino;
    char *end; /* where the name's last byte goes, moving to the front */
    char *begin;
    int found;
};

static int match(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                 uint64_t next)
{
    struct name_search *s = arg;
    (void)type;
    if (ino != s->ino || next <= 3) /* not "." or ".." */
        return 1;
    if ((uint64_t)(s->end - s->begin) <= size)
        return 0;
    s->end -= size;
    memcpy(s->end, name, size);
    *--s->end = '/';
    s->found = 1;
    return 0;
}

int64_t vfs_fs_getcwd(struct vfs_fs *fs, char *buf, uint64_t size)
{
    struct vfs_inode *root = current(fs, &fs->root), *at = current(fs, &fs->cwd);
    char *path = core_arena_alloc(LX_PATH_MAX);
    struct name_search s = {.end = path + LX_PATH_MAX, .begin = path};
    int64_t result = path ? 0 : -LX_ENOMEM;
    while (result == 0 && at != root && at != at->parent) {
        struct vfs_inode *parent = vfs_inode_get(at->parent);
        s.ino = at->ino;
        s.found = 0;
        result = vfs_tree_list(parent, 3, match, &s);
        if (result == 0 && !s.found)
            result = s.end - s.begin < 256 ? -LX_ENAMETOOLONG : -LX_ENOENT; /* removed */
        vfs_inode_put(at);
        at = parent;
    }
    if (result == 0) {
        if (s.end == path + LX_PATH_MAX)
            *--s.end = '/';
        uint64_t length = (uint64_t)(path + LX_PATH_MAX - s.end);
        result = (int64_t)length;
        if (length + 1 > size) {
            result = -LX_ERANGE;
        } else {
            memcpy(buf, s.end, length);
            buf[length] = 0;
        }
    }
    core_arena_free(path, LX_PATH_MAX);
    vfs_inode_put(at);
    vfs_inode_put(root);
    return result;
}
