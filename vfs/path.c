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

static struct vfs_inode *current(struct vfs_fs *fs, struct vfs_inode *const *place)
{
    core_lock_acquire(&fs->lock);
    struct vfs_inode *inode = vfs_inode_get(*place);
    core_lock_release(&fs->lock);
    return inode;
}

/* ---- Places ---- */

void place_set(struct vfs_place *place, struct vfs_inode *dir, const char *name, uint32_t size)
{
    place_put(place);
    place->dir = vfs_inode_get(dir);
    place->size = size;
    memcpy(place->name, name, size);
}

void place_put(struct vfs_place *place)
{
    vfs_inode_put(place->inode);
    vfs_inode_put(place->dir);
    place->inode = place->dir = NULL;
    place->size = 0;
}

/* ---- The walk ---- */

static void step_to(struct walk *w, struct vfs_inode *inode)
{
    vfs_inode_put(w->at);
    w->at = inode;
}

int walk_begin(struct walk *w, struct vfs_fs *fs, struct vfs_inode *from, const char *path,
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
    if (!VFS_IS_DIR(w->at))
        return -LX_ENOTDIR;
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
    if (RESOLVE(w->flags) & LX_RESOLVE_NO_XDEV && w->at->covers)
        return -LX_EXDEV;
    step_to(w, dir_parent(w->at));
    return 0;
}

/* A step down, by vfs_tree_lookup(). */
static int look_down(const struct walk *w, const struct vfs_last *c, struct vfs_inode **out)
{
    int err = vfs_tree_lookup(w->at, c->name, c->size, out);
    if (err == 0 && RESOLVE(w->flags) & LX_RESOLVE_NO_XDEV && (*out)->covers) {
        vfs_inode_put(*out);
        *out = NULL;
        err = -LX_EXDEV;
    }
    return err;
}

static int on_one_mount(const struct vfs_inode *a, const struct vfs_inode *b)
{
    return a->owner == b->owner &&
           (!a->owner || !inode_ops(a)->same_mount || inode_ops(a)->same_mount(a, b) == 0);
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
        if (resolve & LX_RESOLVE_BENEATH ||
            (resolve & LX_RESOLVE_NO_XDEV && !on_one_mount(w->at, w->root)))
            return -LX_EXDEV;
        step_to(w, vfs_inode_get(w->root));
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
        err = look_down(w, c, &child);
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
        step_to(w, child);
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
        err = look_down(w, c, &child);
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
        step_to(w, child);
        return c->slashes && !VFS_IS_DIR(child) ? -LX_ENOTDIR : 0;
    }
}

/* ---- The quick walk ---- */

/* What the quick walk knows of where it is: no reference. */
struct seen {
    uint64_t ino;
    uint32_t mode, uid, gid;
};

static void look_at(const struct vfs_inode *inode, struct seen *p)
{
    p->ino = inode->ino;
    p->mode = inode->mode;
    p->uid = inode->uid;
    p->gid = inode->gid;
}

static void quick_begin(struct vfs_fs *fs, const struct vfs_inode *from, const char *path,
                        struct seen *p)
{
    if (*path != '/' && from) {
        look_at(from, p);
        return;
    }
    core_lock_acquire(&fs->lock);
    look_at(*path == '/' ? fs->root : fs->cwd, p);
    core_lock_release(&fs->lock);
}

/* Note the directory that the walk is in, which `up` found; 1, or 0: it has changed. */
static int set_place_quickly(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                             const struct seen *at, const struct cache_view *up,
                             struct vfs_place *place, const char *name, uint32_t size)
{
    struct vfs_inode *dir = up->inode;
    if (!dir)
        dir = *path != '/' && from ? vfs_inode_get(from)
                                   : current(fs, *path == '/' ? &fs->root : &fs->cwd);
    else if (!cache_take(up))
        return 0;
    int same = dir->ino == at->ino;
    if (same)
        place_set(place, dir, name, size);
    vfs_inode_put(dir);
    return same;
}

#define SLOWLY 1

/*
 * Walk a path as far as the cache knows all of it.  Each step is as true as one with
 * the directory locked; a rename in between shows as it does in the long walk.
 *   returns  0 or -LX_ENOENT, as vfs_walk(); SLOWLY: anything special, nothing was done.
 */
static int walk_quickly(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                        struct vfs_inode **out, struct vfs_place *place)
{
    struct seen at;
    struct cache_view view, up = {.inode = NULL};
    if (RESOLVE(flags) || !*path)
        return SLOWLY;
    quick_begin(fs, from, path, &at);
    for (const char *p = path;;) {
        while (*p == '/')
            p++;
        const char *name = p;
        while (*p && *p != '/')
            p++;
        uint32_t size = (uint32_t)(p - name);
        if (!size || size > NAME_CACHED || name_is_dot(name, size) || name_is_dotdot(name, size))
            return SLOWLY;
        if ((at.mode & LX_S_IFMT) != LX_S_IFDIR ||
            cred_may(&fs->cred, at.mode, at.uid, at.gid, LX_X_OK))
            return SLOWLY;
        struct name_key key;
        name_key_init(&key, at.ino, name, size);
        if (!cache_peek(&key, &view))
            return SLOWLY;
        if (!view.inode)
            return -LX_ENOENT;
        if (view.inode->mounted)
            return SLOWLY;
        if (!*p) {
            if (place && !set_place_quickly(fs, from, path, &at, &up, place, name, size))
                return SLOWLY;
            look_at(view.inode, &at);
            break;
        }
        look_at(view.inode, &at);
        if (!cache_still(&view))
            return SLOWLY;
        up = view;
    }
    uint32_t type = at.mode & LX_S_IFMT;
    if ((type == LX_S_IFLNK && !(flags & VFS_WALK_NOFOLLOW)) ||
        (type != LX_S_IFDIR && flags & VFS_WALK_DIRECTORY) || !cache_take(&view))
        return SLOWLY;
    *out = view.inode;
    return 0;
}

int walk_to_place(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t flags,
                  struct vfs_inode **out, struct vfs_place *place)
{
    struct walk w;
    struct vfs_last c;
    *out = NULL;
    int err = walk_quickly(fs, from, path, flags, out, place);
    if (err != SLOWLY)
        return err;
    err = walk_begin(&w, fs, from, path, flags);
    w.place = place;
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

/* ---- The working directory's path ---- */

/* A path that grows at its front. */
struct backwards {
    char *begin, *end; /* of what is there; `begin` moves down to `limit` */
    char *limit;
};

static int prepend(struct backwards *b, const char *text, uint64_t size)
{
    if ((uint64_t)(b->begin - b->limit) < size)
        return -LX_ENAMETOOLONG;
    b->begin -= size;
    memcpy(b->begin, text, size);
    return 0;
}

/* The name that a file of a host folder, or a directory, has in its parent; LOCK_TREE is held. */
static int own_name_locked(struct vfs_inode *inode, char name[LX_NAME_MAX + 1], uint32_t *size)
{
    struct vfs_inode *parent = inode->parent;
    const char *there;
    if (inode->covers)
        inode = inode->covers;
    if (inode->owner) {
        *size = (uint32_t)inode_ops(inode)->name_locked(inode, name);
        return 0;
    }
    core_lock_acquire(&parent->dir_lock);
    int err = dir_name_locked(parent, inode->ino, &there, size);
    if (err == 0)
        memcpy(name, there, *size);
    core_lock_release(&parent->dir_lock);
    return err;
}

/* Put a name before the path. */
static int prepend_name(struct backwards *b, const char *name, uint32_t size)
{
    int err = prepend(b, name, size);
    return err < 0 ? err : prepend(b, "/", 1);
}

static int prepend_name_of(struct backwards *b, struct vfs_inode *dir)
{
    char name[LX_NAME_MAX + 1];
    uint32_t size;
    int err = own_name_locked(dir, name, &size);
    return err < 0 ? err : prepend_name(b, name, size);
}

/* Put a directory's path before what is there; LOCK_TREE is held. */
static int prepend_path_of(struct backwards *b, struct vfs_inode *root, struct vfs_inode *at)
{
    int err = 0, is_empty = b->begin == b->end;
    struct vfs_inode *top = vfs_state()->root;
    for (; err == 0 && at != root && at != top; at = at->parent)
        err = prepend_name_of(b, at);
    if (err == 0 && is_empty && b->begin == b->end)
        err = prepend(b, "/", 1);
    if (err == 0 && at != root)
        err = prepend(b, "(unreachable)", 13);
    return err;
}

/* Source: getcwd(2). */
static int build_cwd(struct backwards *b, struct vfs_inode *root, struct vfs_inode *cwd)
{
    struct vfs_state *s = vfs_state();
    if (!cwd->nlink)
        return -LX_ENOENT;
    core_lock_acquire(&s->tree_lock);
    int err = prepend_path_of(b, root, cwd);
    core_lock_release(&s->tree_lock);
    return err;
}

/* ---- Any file's path ---- */

/*
 * The name of a file in a directory: the one it was found by, as long as that is the file's, else
 * another one.  -LX_ENOENT: it has none there.
 */
static int name_in(struct vfs_inode *dir, struct vfs_inode *inode, const struct vfs_place *place,
                   char out[LX_NAME_MAX + 1], uint32_t *size)
{
    struct vfs_inode *there = NULL;
    const char *name = place->name;
    struct name_key key;
    *size = place->size;
    if (dir->owner) { /* the names of /proc do not change; a host folder's inodes know theirs */
        memcpy(out, name, *size);
        return dir->owner == VFS_OF_PROC ? 0 : -LX_ENOENT;
    }
    int err = 0;
    name_key_init(&key, dir->ino, name, *size);
    core_lock_acquire(&dir->dir_lock);
    if (dir_lookup_locked(dir, &key, &there) < 0 || (there != inode && there->mounted != inode))
        err = inode->nlink ? dir_name_locked(dir, inode->ino, &name, size) : -LX_ENOENT;
    if (err == 0)
        memcpy(out, name, *size);
    core_lock_release(&dir->dir_lock);
    vfs_inode_put(there);
    return err;
}

/*
 * Where a file is now that was found at a place; LOCK_TREE is held.
 *   dir, name, size  filled; as in `place` if it has no name any more: -LX_ENOENT.
 *
 * Differs from Linux: of a file that was renamed and then deleted, that is the name it was found by.
 */
static int find_now_locked(struct vfs_inode *inode, const struct vfs_place *place,
                           struct vfs_inode **dir, char name[LX_NAME_MAX + 1], uint32_t *size)
{
    *dir = place->dir;
    int err = name_in(place->dir, inode, place, name, size);
    if (err == -LX_ENOENT && inode->parent && inode->parent != place->dir) { /* it was moved */
        *dir = inode->parent;
        err = name_in(inode->parent, inode, place, name, size);
    }
    if (err == -LX_ENOENT) {
        *dir = place->dir;
        *size = place->size;
        memcpy(name, place->name, place->size);
    }
    return err;
}

/* LOCK_TREE is held. */
static int prepend_file(struct backwards *b, struct vfs_inode *root, struct vfs_inode *inode,
                        const struct vfs_place *place)
{
    struct vfs_inode *dir;
    char name[LX_NAME_MAX + 1];
    uint32_t size;
    int err = find_now_locked(inode, place, &dir, name, &size);
    if (err == -LX_ENOENT)
        err = prepend(b, " (deleted)", 10);
    if (err == 0)
        err = prepend_name(b, name, size);
    return err < 0 ? err : prepend_path_of(b, root, dir);
}

/* 1 if an inode knows its place itself. */
static int has_own_place(const struct vfs_inode *inode)
{
    return inode->nlink && (VFS_IS_DIR(inode) || (inode->owner == VFS_OF_HOST && inode->parent));
}

int place_now(struct vfs_inode *inode, const struct vfs_place *place, struct vfs_place *now)
{
    struct vfs_state *s = vfs_state();
    int err = 0;
    *now = (struct vfs_place){.dir = NULL};
    core_lock_acquire(&s->tree_lock);
    if (has_own_place(inode)) {
        now->dir = inode == s->root ? NULL : inode->parent;
        if (now->dir)
            err = own_name_locked(inode, now->name, &now->size);
    } else if (place->dir) {
        err = find_now_locked(inode, place, &now->dir, now->name, &now->size);
    }
    if (now->dir)
        vfs_inode_get(now->dir);
    core_lock_release(&s->tree_lock);
    return err == 0;
}

static int build_path(struct backwards *b, struct vfs_inode *root, struct vfs_inode *inode,
                      const struct vfs_place *place)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tree_lock);
    int err = has_own_place(inode) ? prepend_path_of(b, root, inode)
              : place->dir         ? prepend_file(b, root, inode, place)
                                   : prepend(b, "/ (deleted)", 11);
    core_lock_release(&s->tree_lock);
    return err;
}

int64_t place_path(struct vfs_fs *fs, struct vfs_inode *inode, const struct vfs_place *place,
                   char *buf, uint64_t size)
{
    struct vfs_inode *root = current(fs, &fs->root);
    char *path = core_arena_alloc(LX_PATH_MAX);
    int64_t result = -LX_ENOMEM;
    if (path) {
        struct backwards b = {path + LX_PATH_MAX, path + LX_PATH_MAX, path};
        result = build_path(&b, root, inode, place);
        if (result == 0) {
            result = b.end - b.begin;
            if ((uint64_t)result > size)
                result = (int64_t)size; /* readlink(2): cut */
            memcpy(buf, b.begin, (uint64_t)result);
        }
    }
    core_arena_free(path, LX_PATH_MAX);
    vfs_inode_put(root);
    return result;
}

int64_t vfs_fs_getcwd(struct vfs_fs *fs, char *buf, uint64_t size)
{
    struct vfs_inode *root = current(fs, &fs->root), *cwd = current(fs, &fs->cwd);
    char *path = core_arena_alloc(LX_PATH_MAX);
    int64_t result = -LX_ENOMEM;
    if (path) {
        struct backwards b = {path + LX_PATH_MAX, path + LX_PATH_MAX, path};
        result = build_cwd(&b, root, cwd);
        if (result == 0) {
            result = b.end - b.begin;
            if ((uint64_t)result + 1 > size) {
                result = -LX_ERANGE;
            } else {
                memcpy(buf, b.begin, (uint64_t)result);
                buf[result] = 0;
            }
        }
    }
    core_arena_free(path, LX_PATH_MAX);
    vfs_inode_put(cwd);
    vfs_inode_put(root);
    return result;
}
