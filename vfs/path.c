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
#include "vfs/acl.h"
#include "vfs/tree.h"

#define RESOLVE(flags) ((flags) >> VFS_WALK_RESOLVE_SHIFT)

int vfs_fs_new(struct vfs_fs **out)
{
    struct vfs_fs *fs = core_arena_alloc(sizeof *fs);
    *out = fs;
    if (!fs)
        return -LX_ENOMEM;
    fs->refs = 1;
    core_lock_init(&fs->lock, CORE_LOCK_FS);
    fs->root = vfs_inode_get(vfs_root());
    fs->cwd = vfs_inode_get(vfs_root());
    fs->umask = 022;
    core_lock_init(&fs->groups.lock, CORE_LOCK_GROUPS);
    fs->cred = (struct vfs_cred){.capabilities = VFS_CAPABILITIES, .groups = &fs->groups};
    return 0;
}

int vfs_fs_clone(struct vfs_fs *fs, struct vfs_fs **out)
{
    struct vfs_fs *copy = core_arena_alloc(sizeof *copy);
    *out = copy;
    if (!copy)
        return -LX_ENOMEM;
    copy->refs = 1;
    core_lock_init(&copy->lock, CORE_LOCK_FS);
    core_lock_acquire(&fs->lock);
    copy->root = vfs_inode_get(fs->root);
    copy->cwd = vfs_inode_get(fs->cwd);
    core_lock_release(&fs->lock);
    copy->umask = fs->umask;
    copy->cred = fs->cred;
    copy->cred.groups = &copy->groups;
    core_lock_init(&copy->groups.lock, CORE_LOCK_GROUPS);
    core_lock_acquire(&fs->groups.lock);
    copy->groups.list = vfs_groups_get(fs->groups.list);
    core_lock_release(&fs->groups.lock);
    return 0;
}

struct vfs_fs *vfs_fs_get(struct vfs_fs *fs)
{
    atomic_fetch_add(&fs->refs, 1);
    return fs;
}

void vfs_fs_put(struct vfs_fs *fs)
{
    if (!fs || atomic_fetch_sub(&fs->refs, 1) != 1)
        return;
    vfs_inode_put(fs->root);
    vfs_inode_put(fs->cwd);
    vfs_groups_put(fs->groups.list);
    core_arena_free(fs, sizeof *fs);
}

static void replace(struct vfs_fs *fs, struct vfs_inode *_Atomic *place, struct vfs_inode *inode)
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

void vfs_fs_set_cred(struct vfs_fs *fs, uint32_t uid, uint32_t gid, uint32_t capabilities,
                     struct vfs_groups *groups)
{
    fs->cred.uid = uid;
    fs->cred.gid = gid;
    fs->cred.capabilities = capabilities & VFS_CAPABILITIES;
    core_lock_acquire(&fs->groups.lock);
    struct vfs_groups *old = fs->groups.list;
    fs->groups.list = vfs_groups_get(groups);
    core_lock_release(&fs->groups.lock);
    vfs_groups_put(old);
}

struct vfs_inode *fs_current(struct vfs_fs *fs, struct vfs_inode *_Atomic *place)
{
    core_lock_acquire(&fs->lock);
    struct vfs_inode *inode = vfs_inode_get(*place);
    core_lock_release(&fs->lock);
    return inode;
}

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
    struct cache_view view; /* what the path names, if all of it is cached */
    struct cache_view up;   /* its directory, unless that is where the path begins */
    uint64_t dir;           /* the same: its number */
    struct vfs_last last;   /* its name there */
    const char *rest;       /* of the path, from that name on */
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

/* ---- The walk ---- */

static void step_to(struct walk *w, struct vfs_inode *inode)
{
    vfs_inode_put(w->at);
    w->at = inode;
}

static int begin(struct walk *w, struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                 uint32_t flags)
{
    memset(w, 0, sizeof *w);
    if (!*path)
        return -LX_ENOENT;
    w->fs = fs;
    w->rest = path;
    w->flags = flags;
    uint32_t resolve = RESOLVE(flags);
    if (*path == '/' && resolve & LX_RESOLVE_BENEATH)
        return -LX_EXDEV;
    core_lock_acquire(&fs->lock);
    struct vfs_inode *start = from ? from : fs->cwd;
    w->root = vfs_inode_get(resolve & LX_RESOLVE_IN_ROOT ? start : fs->root);
    w->base = resolve & LX_RESOLVE_BENEATH ? vfs_inode_get(start) : NULL;
    w->at = vfs_inode_get(*path == '/' ? w->root : start);
    core_lock_release(&fs->lock);
    return VFS_IS_DIR(w->at) ? 0 : -LX_ENOTDIR;
}

/* Go on where the cache ends. */
static void skip(struct walk *w, const struct ahead *a)
{
    if (a->up.inode && cache_take(&a->up)) {
        step_to(w, a->up.inode);
        w->rest = a->rest;
    }
}

int walk_begin(struct walk *w, struct vfs_fs *fs, struct vfs_inode *from, const char *path,
               uint32_t flags)
{
    struct ahead a;
    struct seen at;
    int err = begin(w, fs, from, path, flags);
    if (err < 0 || RESOLVE(flags))
        return err;
    look_at(w->at, &at);
    look_ahead(fs, &at, path, &a); /* whatever it says: the last step is the walk's own */
    skip(w, &a);
    return 0;
}

void walk_end(struct walk *w)
{
    vfs_inode_put(w->at);
    vfs_inode_put(w->root);
    vfs_inode_put(w->base);
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

/* Step to what may lie in another file system; the reference is the walk's, or is put. */
static int step_across(struct walk *w, struct vfs_inode *inode)
{
    if (RESOLVE(w->flags) & LX_RESOLVE_NO_XDEV && inode->super != w->at->super) {
        vfs_inode_put(inode);
        return -LX_EXDEV;
    }
    step_to(w, inode);
    return 0;
}

/* The directory that the walk may not leave, whoever moves what; NULL: it may go anywhere. */
static const struct vfs_inode *scope_of(const struct walk *w)
{
    return RESOLVE(w->flags) & LX_RESOLVE_IN_ROOT ? w->root : w->base;
}

/* The parent of where the walk is, if that is beneath its scope now; else NULL. */
static struct vfs_inode *parent_in_scope(const struct walk *w)
{
    struct vfs_state *s = vfs_state();
    const struct vfs_inode *scope = scope_of(w), *above = w->at;
    core_lock_acquire(&s->tree_lock);
    while (above != scope && above != s->root)
        above = above->parent;
    struct vfs_inode *parent = above == scope ? vfs_inode_get(w->at->parent) : NULL;
    core_lock_release(&s->tree_lock);
    return parent;
}

static int step_up(struct walk *w)
{
    if (RESOLVE(w->flags) & LX_RESOLVE_BENEATH && w->at == w->base)
        return -LX_EXDEV;
    if (w->at == w->root)
        return 0;
    struct vfs_inode *parent = scope_of(w) ? parent_in_scope(w) : dir_parent(w->at);
    return parent ? step_across(w, parent) : -LX_EAGAIN;
}

/* Look a name up where the walk is; as in path_is_under() in Linux, that is in its scope still. */
static int look_up(const struct walk *w, const struct vfs_last *c, struct vfs_inode **child)
{
    int err = vfs_tree_lookup(w->at, c->name, c->size, child);
    if (err < 0 || !scope_of(w))
        return err;
    struct vfs_inode *parent = parent_in_scope(w);
    vfs_inode_put(parent);
    if (!parent) {
        vfs_inode_put(*child);
        *child = NULL;
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
    struct vfs_place to;
    to.inode = to.dir = NULL;
    int err = inode_ops(link)->jump(link, RESOLVE(w->flags), &to);
    if (err == 0) {
        step_to(w, to.inode);
        to.inode = NULL;
        if (w->place) {
            place_put(w->place);
            *w->place = to;
            return 0;
        }
    }
    place_put(&to);
    return err;
}

/*
 * Put a link's target before the rest of the path.
 *   returns  JUMPED: `w->at` is what the link means, and the rest is as it was.
 */
static int follow(struct walk *w, struct vfs_inode *link, const struct vfs_last *c)
{
    uint32_t resolve = RESOLVE(w->flags);
    if (resolve & LX_RESOLVE_NO_SYMLINKS || ++w->links > LX_SYMLOOP_MAX)
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
        return step_across(w, vfs_inode_get(w->root));
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
        int err = vfs_may(&w->fs->cred, w->at, LX_X_OK);
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
        struct vfs_inode *child;
        err = look_up(w, c, &child);
        if (err < 0)
            return err;
        if (VFS_IS_LNK(child)) {
            err = follow(w, child, c);
            vfs_inode_put(child);
            if (err == JUMPED && !VFS_IS_DIR(w->at))
                err = -LX_ENOTDIR;
            if (err < 0)
                return err;
            continue;
        }
        if (!VFS_IS_DIR(child)) {
            vfs_inode_put(child);
            return -LX_ENOTDIR;
        }
        err = step_across(w, child);
        if (err < 0)
            return err;
    }
}

/* Resolve the last component, following links at the end if asked. */
int walk_last(struct walk *w, struct vfs_last *c)
{
    for (;;) {
        if (!c->size)
            return 0;
        int err = vfs_may(&w->fs->cred, w->at, LX_X_OK);
        if (err < 0 || name_is_dot(c->name, c->size))
            return err;
        if (name_is_dotdot(c->name, c->size))
            return step_up(w);
        if (w->flags & WALK_CREATE && c->slashes)
            return -LX_EISDIR;
        struct vfs_inode *child;
        err = look_up(w, c, &child);
        if (err < 0) {
            w->missing = err == -LX_ENOENT;
            return err;
        }
        if (VFS_IS_LNK(child) && (c->slashes || !(w->flags & VFS_WALK_NOFOLLOW))) {
            err = follow(w, child, c);
            vfs_inode_put(child);
            if (err == JUMPED)
                return c->slashes && !VFS_IS_DIR(w->at) ? -LX_ENOTDIR : 0;
            if (err == 0)
                err = walk_to_last(w, c);
            if (err < 0)
                return err;
            continue;
        }
        if (w->place)
            place_set(w->place, w->at, c->name, c->size);
        err = step_across(w, child);
        return err == 0 && c->slashes && !VFS_IS_DIR(child) ? -LX_ENOTDIR : err;
    }
}

/* ---- The quick walk ---- */

/* 1; 0: the directory where the path begins has just changed. */
static int quick_begin(struct vfs_fs *fs, const struct vfs_inode *from, const char *path,
                       struct seen *p)
{
    if (*path != '/' && from) {
        look_at(from, p);
        return 1;
    }
    struct vfs_inode *_Atomic *place = *path == '/' ? &fs->root : &fs->cwd;
    const struct vfs_inode *inode = *place;
    look_at(inode, p);
    return *place == inode && inode->ino == p->ino;
}

/* Note the directory that the name was found in; 1, or 0: it has changed. */
static int set_place_quickly(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                             const struct ahead *a, struct vfs_place *place)
{
    struct vfs_inode *dir = a->up.inode;
    if (!dir)
        dir = *path != '/' && from ? vfs_inode_get(from)
                                   : fs_current(fs, *path == '/' ? &fs->root : &fs->cwd);
    else if (!cache_take(&a->up))
        return 0;
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
static int find_quickly(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                        struct ahead *a)
{
    struct seen at;
    a->up.inode = NULL;
    if (RESOLVE(flags) || !*path || !quick_begin(fs, from, path, &at))
        return SLOWLY;
    int err = look_ahead(fs, &at, path, a);
    uint32_t type = at.mode & LX_S_IFMT;
    if (err == 0 && (a->last.slashes || (type == LX_S_IFLNK && !(flags & VFS_WALK_NOFOLLOW)) ||
                     (type != LX_S_IFDIR && flags & VFS_WALK_DIRECTORY)))
        err = SLOWLY;
    return err;
}

/* 1: that is done, and there may be a place. */
static int take_quickly(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                        const struct ahead *a, struct vfs_inode **out, struct vfs_place *place)
{
    if (place && !set_place_quickly(fs, from, path, a, place))
        return 0;
    if (!cache_take(&a->view))
        return 0;
    *out = a->view.inode;
    return 1;
}

/* vfs_walk(), when the cache was looked at: from there on. */
static int walk_from(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                     const struct ahead *a, struct vfs_inode **out, struct vfs_place *place)
{
    struct walk w;
    struct vfs_last c;
    int err = begin(&w, fs, from, path, flags);
    w.place = place;
    if (err == 0) {
        skip(&w, a);
        err = walk_to_last(&w, &c);
    }
    if (err == 0)
        err = walk_last(&w, &c);
    if (err == 0 && flags & VFS_WALK_DIRECTORY && !VFS_IS_DIR(w.at))
        err = -LX_ENOTDIR;
    if (err == 0)
        *out = vfs_inode_get(w.at);
    walk_end(&w);
    return err;
}

int walk_to_place(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                  struct vfs_inode **out, struct vfs_place *place)
{
    struct ahead a;
    *out = NULL;
    int err = find_quickly(fs, from, path, flags, &a);
    if (err < 0 || (err == 0 && take_quickly(fs, from, path, &a, out, place)))
        return err;
    return walk_from(fs, from, path, flags, &a, out, place);
}

int vfs_walk_stat(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                  struct lx_stat *out, const struct vfs_super **super)
{
    struct ahead a;
    struct vfs_inode *inode;
    int err = find_quickly(fs, from, path, flags, &a);
    if (err < 0)
        return err;
    if (err == 0 && a.view.inode->owner == VFS_OF_CONTAINER) {
        *super = a.view.inode->super;
        inode_stat_own(a.view.inode, *super, out);
        if (cache_still(&a.view))
            return 0;
    }
    err = walk_from(fs, from, path, flags, &a, &inode, NULL);
    if (err < 0)
        return err;
    vfs_inode_stat(inode, out);
    *super = inode->super;
    vfs_inode_put(inode);
    return 0;
}

int vfs_walk(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
             struct vfs_inode **out)
{
    return walk_to_place(fs, from, path, flags, out, NULL);
}

int vfs_walk_parent(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                    struct vfs_inode **out, struct vfs_last *last)
{
    struct walk w;
    *out = NULL;
    int err = walk_begin(&w, fs, from, path, flags);
    if (err == 0)
        err = walk_to_last(&w, last);
    if (err == 0 && last->size)
        err = vfs_may(&fs->cred, w.at, LX_X_OK);
    if (err == 0) {
        *out = vfs_inode_get(w.at);
        /* The last component is the end of `path`, also where a link on the way moved it. */
        if (w.buffer)
            last->name = path + core_str_length(path) - core_str_length(last->name);
    }
    walk_end(&w);
    return err;
}
