/* SPDX-License-Identifier: MIT */
/*
 * The path walk: one loop over components; a link's target is put before what is left
 * of the path.  In front of it a walk that takes neither locks nor references, for
 * paths that are cached as a whole and have nothing special in them.
 */

#include "vfs/path.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
#include "vfs/acl.h"
#include "vfs/tree.h"

#define RESOLVE(flags) ((flags) >> VFS_WALK_RESOLVE_SHIFT)

/* ---- What the cache knows ---- */

/* What the quick walk knows of where it is: no reference. */
struct seen {
    uint64_t ino;
    uint32_t mode, uid, gid;
    uint32_t acls;
};

static inline void look_at(const struct vfs_inode *inode, struct seen *p)
{
    p->ino = inode->ino;
    p->mode = inode->mode;
    p->uid = inode->uid;
    p->gid = inode->gid;
    p->acls = inode->acls;
}

/* A component that the cache may know; `at` is the directory, whose access list takes a lock. */
static int is_cacheable(struct vfs_fs *fs, const struct seen *at, const struct vfs_last *c)
{
    return last_is_plain(c) && c->size <= NAME_CACHED && (at->mode & LX_S_IFMT) == LX_S_IFDIR &&
           !(at->acls & VFS_ACL_ACCESS) &&
           cred_may(&fs->cred, at->mode, at->uid, at->gid, LX_X_OK) == 0;
}

static const char *skip_slashes(const char *p)
{
    while (*p == '/')
        p++;
    return p;
}

/* A component, between where its name begins and what follows that; returns what is left. */
static const char *component(const char *name, const char *end, struct vfs_last *c)
{
    c->name = name;
    c->size = (uint32_t)(end - name);
    c->slashes = *end == '/';
    return skip_slashes(end);
}

/* Where a walk through the cache has come to; nothing is held. */
struct ahead {
    struct cache_view view;  /* what the path names, if all of it is cached */
    struct cache_view up;    /* its directory, unless that is where the path begins */
    uint64_t dir;            /* the same: its number */
    struct vfs_last last;    /* its name there */
    const char *rest;        /* of the path, from that name on */
    struct vfs_mount *mount; /* where all of it is: what is mounted on the way ends it */
    uint32_t changes;        /* of the process's root and working directory until then */
};

#define SLOWLY 1

/*
 * Walk a path as far as the cache knows it, but not over anything special.  Each step is as
 * true as one with the directory locked; a rename in between shows as it does in the long walk.
 *   at       the directory where it begins; then what the path names.
 *   returns  0 or -LX_ENOENT, as vfs_walk(); SLOWLY: from `up` on, `rest` is still to be walked.
 */
static int look_ahead(struct vfs_fs *fs, struct seen *at, const char *path, struct ahead *a)
{
    a->view.inode = NULL;
    do {
        struct name_key key;
        a->up = a->view;
        a->dir = at->ino;
        a->rest = path;
        path = skip_slashes(path);
        path = component(path, name_key_cut(&key, at->ino, path), &a->last);
        if (!is_cacheable(fs, at, &a->last) || !cache_peek(&key, &a->view))
            return SLOWLY;
        if (!a->view.inode)
            return -LX_ENOENT;
        if (a->view.inode->mounted)
            return SLOWLY;
        look_at(a->view.inode, at);
        if (!cache_still(&a->view) || (*path && (at->mode & LX_S_IFMT) != LX_S_IFDIR))
            return SLOWLY;
    } while (*path);
    return 0;
}

/* ---- Where a path begins ---- */

/* 1; 0: the directory where the path begins has just changed. */
static int quick_begin(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                       struct seen *p, struct ahead *a)
{
    if (*path != '/' && from) {
        look_at(from->inode, p);
        a->mount = from->mount;
        return 1;
    }
    const struct vfs_current *current = *path == '/' ? &fs->root : &fs->cwd;
    a->changes = fs->changes;
    look_at(current->inode, p);
    a->mount = current->mount;
    return !(a->changes & 1) && fs->changes == a->changes;
}

/* The place where a path begins: references. */
static void get_start(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                      struct vfs_path *out)
{
    if (*path != '/' && from)
        *out = vfs_path_get(from);
    else
        vfs_fs_current(fs, *path == '/' ? &fs->root : &fs->cwd, out);
}

/* Make the mount of what was found a reference; 0: the process has left it. */
static int take_mount(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                      const struct ahead *a)
{
    struct vfs_path start;
    if (a->mount == vfs_state()->image_mount) /* it stays */
        return 1;
    get_start(fs, from, path, &start);
    int is_there = (*path != '/' && from) || fs->changes == a->changes;
    if (is_there)
        mount_get(start.mount);
    vfs_path_put(&start);
    return is_there;
}

/* ---- The walk ---- */

/* The references are the walk's then. */
static void step_to(struct walk *w, const struct vfs_path *to)
{
    vfs_path_put(&w->at);
    w->at = *to;
}

/* Begin where the path does, or where the cache's knowledge of it ends. */
static int begin(struct walk *w, struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                 uint32_t flags, const struct ahead *a)
{
    uint32_t resolve = RESOLVE(flags);
    memset(w, 0, sizeof *w);
    if (!*path)
        return -LX_ENOENT;
    w->fs = fs;
    w->rest = path;
    w->flags = flags;
    if (*path == '/' && resolve & LX_RESOLVE_BENEATH)
        return -LX_EXDEV;
    if (a->up.inode && take_mount(fs, from, path, a)) {
        w->at.mount = a->mount;
        w->rest = a->rest;
        if (cache_take(&a->up)) {
            w->at.inode = a->up.inode;
            return 0;
        }
        mount_put(a->mount);
        w->rest = path;
    }
    if (resolve & (LX_RESOLVE_IN_ROOT | LX_RESOLVE_BENEATH)) {
        get_start(fs, from, "", &w->at);
        if (resolve & LX_RESOLVE_IN_ROOT)
            w->root = vfs_path_get(&w->at);
        if (resolve & LX_RESOLVE_BENEATH)
            w->base = vfs_path_get(&w->at);
    } else {
        get_start(fs, from, path, &w->at);
    }
    return VFS_IS_DIR(w->at.inode) ? 0 : -LX_ENOTDIR;
}

int walk_begin(struct walk *w, struct vfs_fs *fs, const struct vfs_path *from, const char *path,
               uint32_t flags)
{
    struct ahead a;
    struct seen at;
    a.up.inode = NULL;
    if (!RESOLVE(flags) && *path && quick_begin(fs, from, path, &at, &a))
        look_ahead(fs, &at, path, &a); /* whatever it says: the last step is the walk's own */
    return begin(w, fs, from, path, flags, &a);
}

/* Where the process's root is; it is looked up when it is first needed. */
static const struct vfs_path *root_of(struct walk *w)
{
    if (!w->root.inode)
        vfs_fs_current(w->fs, &w->fs->root, &w->root);
    return &w->root;
}

void walk_end(struct walk *w)
{
    vfs_path_put(&w->at);
    vfs_path_put(&w->root);
    vfs_path_put(&w->base);
    core_arena_free(w->buffer, 2 * LX_PATH_MAX);
}

/* Cut the next component off `rest`. */
static void next_component(struct walk *w, struct vfs_last *c)
{
    const char *name = skip_slashes(w->rest), *end = name;
    while (*end && *end != '/')
        end++;
    w->rest = component(name, end, c);
}

/* Step to what may lie in another mount; the references are the walk's, or are put. */
static int step_across(struct walk *w, struct vfs_path *to)
{
    if (RESOLVE(w->flags) & LX_RESOLVE_NO_XDEV && to->mount != w->at.mount) {
        vfs_path_put(to);
        return -LX_EXDEV;
    }
    step_to(w, to);
    return 0;
}

static int is_same(const struct vfs_path *a, const struct vfs_path *b)
{
    return a->inode == b->inode && a->mount == b->mount;
}

/* The place that the walk may not leave, whoever moves what; NULL: it may go anywhere. */
static const struct vfs_path *scope_of(const struct walk *w)
{
    return RESOLVE(w->flags) & LX_RESOLVE_IN_ROOT ? &w->root : w->base.inode ? &w->base : NULL;
}

/* 1 if it lies below the scope now; LOCK_TREE and LOCK_MOUNTS are held. */
static int is_in_scope_locked(const struct vfs_path *where, const struct vfs_path *scope)
{
    struct vfs_path at = *where;
    while (!is_same(&at, scope)) {
        if (!mount_up_locked(&at.mount, &at.inode, scope))
            return is_same(&at, scope);
        if (at.inode->parent == at.inode)
            return 0; /* it was moved out of what its mount shows */
        at.inode = at.inode->parent;
    }
    return 1;
}

static int is_in_scope(const struct vfs_path *where, const struct vfs_path *scope)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tree_lock);
    core_lock_acquire(&s->mount_lock);
    int is_in = is_in_scope_locked(where, scope);
    core_lock_release(&s->mount_lock);
    core_lock_release(&s->tree_lock);
    return is_in;
}

/* 1 if the mount shows it: a directory may be moved out of one that shows not all of its tree. */
static int is_shown_locked(const struct vfs_mount *mount, const struct vfs_inode *dir)
{
    if (!mount || mount->root == dir->super->root)
        return 1;
    while (dir != mount->root && dir->parent != dir)
        dir = dir->parent;
    return dir == mount->root;
}

/* What lies above where the walk is, and in its scope. */
static int parent_of(const struct walk *w, struct vfs_path *out)
{
    struct vfs_state *s = vfs_state();
    const struct vfs_path *scope = scope_of(w);
    struct vfs_path up = w->at;
    int err = 0, crosses = up.mount && up.inode == up.mount->root;
    *out = (struct vfs_path){NULL, NULL};
    core_lock_acquire(&s->tree_lock);
    if (crosses || scope)
        core_lock_acquire(&s->mount_lock);
    if (scope && !is_in_scope_locked(&w->at, scope))
        err = -LX_EAGAIN;
    else if (!crosses || mount_up_locked(&up.mount, &up.inode, scope ? scope : &w->root))
        up.inode = up.inode->parent;
    else if (w->base.inode)
        err = -LX_EXDEV;
    else
        up = w->at; /* there is nothing above */
    if (err == 0 && !is_shown_locked(up.mount, up.inode))
        err = -LX_ENOENT;
    if (err == 0)
        *out = vfs_path_get(&up);
    if (crosses || scope)
        core_lock_release(&s->mount_lock);
    core_lock_release(&s->tree_lock);
    return err;
}

/* Source: follow_dotdot() in Linux. */
static int step_up(struct walk *w)
{
    struct vfs_path up;
    int err = 0;
    if (w->base.inode && is_same(&w->at, &w->base))
        return -LX_EXDEV;
    if (is_same(&w->at, root_of(w)))
        up = vfs_path_get(&w->at); /* and onto what was mounted on it since */
    else
        err = parent_of(w, &up);
    if (err < 0)
        return err;
    mount_cross(&up);
    return step_across(w, &up);
}

/* Look a name up where the walk is; as in path_is_under() in Linux, that is in its scope still. */
static int look_up(const struct walk *w, const struct vfs_last *c, struct vfs_path *child)
{
    const struct vfs_path *scope = scope_of(w);
    *child = (struct vfs_path){NULL, NULL};
    int err = vfs_tree_lookup(w->at.inode, c->name, c->size, &child->inode);
    if (err < 0)
        return err;
    child->mount = mount_get(w->at.mount);
    mount_cross(child);
    if (scope && !is_in_scope(&w->at, scope)) {
        vfs_path_put(child);
        err = -LX_EXDEV;
    }
    return err;
}

#define ORDINARY 1 /* of struct inode_ops.jump */
#define JUMPED 1   /* of follow() */
#define OWN_TARGET_MAX 64

/* Follow a link that leads to an inode: nd_jump_link() in Linux. */
static int jump(struct walk *w, struct vfs_inode *link)
{
    struct vfs_path to;
    struct vfs_place place = {.dir = NULL};
    int err = inode_ops(link)->jump(link, RESOLVE(w->flags), &to, &place);
    if (err == 0) {
        step_to(w, &to);
        if (w->place) {
            place_put(w->place);
            *w->place = place;
            return 0;
        }
    }
    place_put(&place);
    return err;
}

/*
 * Put a link's target before the rest of the path.
 *   returns  JUMPED: `w->at` is what the link means, and the rest is as it was.
 */
static int follow(struct walk *w, struct vfs_inode *link, const struct vfs_last *c)
{
    uint32_t resolve = RESOLVE(w->flags);
    if (resolve & LX_RESOLVE_NO_SYMLINKS || ++w->links > LX_SYMLOOP_MAX ||
        vfs_mount_flags(w->at.mount) & VFS_MOUNT_NOSYMFOLLOW)
        return -LX_ELOOP;
    int err = link->owner && inode_ops(link)->jump ? jump(w, link) : ORDINARY;
    if (err != ORDINARY)
        return err < 0 ? err : JUMPED;
    if (!w->buffer) {
        w->buffer = core_arena_alloc(2 * LX_PATH_MAX);
        if (!w->buffer)
            return -LX_ENOMEM;
    }
    char own[OWN_TARGET_MAX]; /* a text that is made for the occasion */
    uint64_t target_size = link->size, rest_size = core_str_length(w->rest);
    if (link->owner && inode_ops(link)->readlink) {
        int64_t n = vfs_inode_readlink(link, own, sizeof own);
        if (n < 0)
            return (int)n;
        target_size = (uint64_t)n;
    }
    if (!target_size)
        return -LX_ENOENT;
    if (target_size > LX_PATH_MAX || target_size + rest_size + 2 > 2 * LX_PATH_MAX)
        return -LX_ENAMETOOLONG; /* Differs from Linux: which keeps the rests of nested links apart */
    /* The rest may lie in the buffer itself: move it to the end of the new text first. */
    memmove(w->buffer + target_size + 1, w->rest, rest_size + 1);
    if (link->owner && inode_ops(link)->readlink) {
        memcpy(w->buffer, own, target_size);
    } else {
        int64_t n = vfs_inode_readlink(link, w->buffer, target_size);
        if (n < 0)
            return (int)n;
    }
    if (c->slashes)
        w->buffer[target_size] = '/';
    else
        w->buffer[target_size] = 0; /* nothing followed: rest_size is 0 */
    w->rest = w->buffer;
    if (w->buffer[0] == '/') {
        if (resolve & LX_RESOLVE_BENEATH)
            return -LX_EXDEV;
        struct vfs_path root = vfs_path_get(root_of(w));
        return step_across(w, &root);
    }
    return 0;
}

/*
 * Walk all but the last component.
 *   returns  0 with the last one in `c`; `w->at` is its directory.
 */
int walk_to_last(struct walk *w, struct vfs_last *c)
{
    for (;;) {
        next_component(w, c);
        if (!*w->rest)
            return 0;
        int err = vfs_may(&w->fs->cred, w->at.inode, LX_X_OK);
        if (err < 0)
            return err;
        if (name_is_dot(c->name, c->size))
            continue;
        if (name_is_dotdot(c->name, c->size)) {
            err = step_up(w);
            if (err < 0)
                return err;
            continue;
        }
        struct vfs_path child;
        err = look_up(w, c, &child);
        if (err < 0)
            return err;
        if (VFS_IS_LNK(child.inode)) {
            err = follow(w, child.inode, c);
            vfs_path_put(&child);
            if (err == JUMPED && !VFS_IS_DIR(w->at.inode))
                err = -LX_ENOTDIR;
            if (err < 0)
                return err;
            continue;
        }
        if (!VFS_IS_DIR(child.inode)) {
            vfs_path_put(&child);
            return -LX_ENOTDIR;
        }
        err = step_across(w, &child);
        if (err < 0)
            return err;
    }
}

/* Where the result was found: of a mount's root, where that was. */
static void note_place(const struct walk *w, const struct vfs_path *child, const struct vfs_last *c)
{
    if (child->mount == w->at.mount)
        place_set(w->place, w->at.inode, c->name, c->size);
    else if (child->mount->found.dir)
        place_set(w->place, child->mount->found.dir, child->mount->found.name,
                  child->mount->found.size);
    else
        place_put(w->place);
}

/* Resolve the last component, following links at the end if asked. */
int walk_last(struct walk *w, struct vfs_last *c)
{
    for (;;) {
        if (!c->size)
            return 0;
        int err = vfs_may(&w->fs->cred, w->at.inode, LX_X_OK);
        if (err < 0 || name_is_dot(c->name, c->size))
            return err;
        if (name_is_dotdot(c->name, c->size))
            return step_up(w);
        if (w->flags & WALK_CREATE && c->slashes)
            return -LX_EISDIR;
        struct vfs_path child;
        err = look_up(w, c, &child);
        if (err < 0) {
            w->missing = err == -LX_ENOENT;
            return err;
        }
        if (VFS_IS_LNK(child.inode) && (c->slashes || !(w->flags & VFS_WALK_NOFOLLOW))) {
            err = follow(w, child.inode, c);
            vfs_path_put(&child);
            if (err == JUMPED)
                return c->slashes && !VFS_IS_DIR(w->at.inode) ? -LX_ENOTDIR : 0;
            if (err == 0)
                err = walk_to_last(w, c);
            if (err < 0)
                return err;
            continue;
        }
        if (w->place)
            note_place(w, &child, c);
        err = step_across(w, &child);
        return err == 0 && c->slashes && !VFS_IS_DIR(w->at.inode) ? -LX_ENOTDIR : err;
    }
}

/* ---- The quick walk ---- */

/* Note the directory that the name was found in; 1, or 0: it has changed. */
static int set_place_quickly(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                             const struct ahead *a, struct vfs_place *place)
{
    struct vfs_path start;
    struct vfs_inode *dir = a->up.inode;
    if (!dir) {
        get_start(fs, from, path, &start);
        dir = vfs_inode_get(start.inode);
        vfs_path_put(&start);
    } else if (!cache_take(&a->up)) {
        return 0;
    }
    if (dir->ino != a->dir) {
        vfs_inode_put(dir);
        return 0;
    }
    place_move(place, dir, a->last.name, a->last.size);
    return 1;
}

/*
 * Find what a path names without taking anything.
 *   returns  0 or -LX_ENOENT, as vfs_walk(); SLOWLY: the walk is to go on from `a`.
 */
static int find_quickly(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                        uint32_t flags, struct ahead *a)
{
    struct seen at;
    a->up.inode = NULL;
    if (RESOLVE(flags) || !*path || !quick_begin(fs, from, path, &at, a))
        return SLOWLY;
    int err = look_ahead(fs, &at, path, a);
    uint32_t type = at.mode & LX_S_IFMT;
    if (err == 0 && (a->last.slashes || (type == LX_S_IFLNK && !(flags & VFS_WALK_NOFOLLOW)) ||
                     (type != LX_S_IFDIR && flags & VFS_WALK_DIRECTORY)))
        err = SLOWLY;
    return err;
}

/* 1: that is done, and there may be a place. */
static int take_quickly(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                        const struct ahead *a, struct vfs_path *out, struct vfs_place *place)
{
    if (place && !set_place_quickly(fs, from, path, a, place))
        return 0;
    if (!take_mount(fs, from, path, a))
        return 0;
    if (!cache_take(&a->view)) {
        mount_put(a->mount);
        return 0;
    }
    *out = (struct vfs_path){a->mount, a->view.inode};
    return 1;
}

/* vfs_walk_path(), when the cache was looked at: from there on. */
static int walk_from(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                     uint32_t flags, const struct ahead *a, struct vfs_path *out,
                     struct vfs_place *place)
{
    struct walk w;
    struct vfs_last c;
    int err = begin(&w, fs, from, path, flags, a);
    w.place = place;
    if (err == 0)
        err = walk_to_last(&w, &c);
    if (err == 0)
        err = walk_last(&w, &c);
    if (err == 0 && flags & VFS_WALK_DIRECTORY && !VFS_IS_DIR(w.at.inode))
        err = -LX_ENOTDIR;
    if (err == 0) {
        *out = w.at;
        w.at = (struct vfs_path){NULL, NULL};
    }
    walk_end(&w);
    return err;
}

int walk_to_place(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t flags,
                  struct vfs_path *out, struct vfs_place *place)
{
    struct ahead a;
    *out = (struct vfs_path){NULL, NULL};
    int err = find_quickly(fs, from, path, flags, &a);
    if (err < 0 || (err == 0 && take_quickly(fs, from, path, &a, out, place)))
        return err;
    return walk_from(fs, from, path, flags, &a, out, place);
}

int vfs_walk_stat(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t flags,
                  struct lx_stat *out, uint32_t *mount_id)
{
    struct ahead a;
    struct vfs_path where;
    int err = find_quickly(fs, from, path, flags, &a);
    if (err < 0)
        return err;
    /* Of a mount that is not held nothing may be read; the image's stays. */
    if (err == 0 && a.view.inode->owner == VFS_OF_CONTAINER &&
        (!mount_id || a.mount == vfs_state()->image_mount)) {
        inode_stat_own(a.view.inode, a.view.inode->super, out);
        if (mount_id)
            *mount_id = vfs_mount_id(a.mount);
        if (cache_still(&a.view))
            return 0;
    }
    err = walk_from(fs, from, path, flags, &a, &where, NULL);
    if (err < 0)
        return err;
    vfs_inode_stat(where.inode, out);
    if (mount_id)
        *mount_id = vfs_mount_id(where.mount);
    vfs_path_put(&where);
    return 0;
}

int vfs_walk_path(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t flags,
                  struct vfs_path *out)
{
    return walk_to_place(fs, from, path, flags, out, NULL);
}

int vfs_walk(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t flags,
             struct vfs_inode **out)
{
    struct vfs_path where;
    int err = vfs_walk_path(fs, from, path, flags, &where);
    *out = where.inode;
    mount_put(where.mount);
    return err;
}

int vfs_walk_parent(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                    uint32_t flags, struct vfs_path *out, struct vfs_last *last)
{
    struct walk w;
    *out = (struct vfs_path){NULL, NULL};
    int err = walk_begin(&w, fs, from, path, flags);
    if (err == 0)
        err = walk_to_last(&w, last);
    if (err == 0 && last->size)
        err = vfs_may(&fs->cred, w.at.inode, LX_X_OK);
    if (err == 0) {
        *out = w.at;
        w.at = (struct vfs_path){NULL, NULL};
        /* The last component is the end of `path`, also where a link on the way moved it. */
        if (w.buffer)
            last->name = path + core_str_length(path) - core_str_length(last->name);
    }
    walk_end(&w);
    return err;
}
