/* SPDX-License-Identifier: MIT */
/*
 * Names of AF_UNIX sockets.  A path's inode knows who is bound to it; abstract names are in a
 * hash table.  Neither holds a reference: who closes takes himself out.
 */

#include <stdatomic.h>

#include "core/hash.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "unix.h"
#include "vfs/path.h"
#include "vfs/tree.h"

#define FAMILY_SIZE 2u /* before sun_path */
#define AUTO_DIGITS 5u
#define AUTO_COUNT (1u << (4 * AUTO_DIGITS))

int unix_name_check(const struct vfs_sockaddr *name)
{
    return name->size > FAMILY_SIZE && name->size <= sizeof name->un && name->family == LX_AF_UNIX
               ? 0
               : -LX_EINVAL;
}

static int is_path(const struct vfs_sockaddr *name)
{
    return name->un.sun_path[0] != 0;
}

/* A path as a string: it need not be terminated. */
static void path_of(const struct vfs_sockaddr *name, char path[LX_UNIX_PATH_MAX + 1])
{
    uint32_t size = name->size - FAMILY_SIZE;
    memcpy(path, name->un.sun_path, size);
    path[size] = 0;
}

/* ---- Abstract names ---- */

/* The head of the list that a name belongs to; sockets of different types share no names. */
static struct vfs_socket **bucket_of(uint32_t type, const struct vfs_sockaddr *name)
{
    uint64_t hash = core_hash_bytes(name->bytes + FAMILY_SIZE, name->size - FAMILY_SIZE, type);
    return &vfs_state()->socket_names[hash % SOCKET_NAME_BUCKETS];
}

static struct vfs_socket *find_locked(uint32_t type, const struct vfs_sockaddr *name)
{
    struct vfs_socket *s = *bucket_of(type, name);
    while (s && !(s->type == type && s->name.size == name->size &&
                  memcmp(s->name.bytes, name->bytes, name->size) == 0))
        s = s->next_name;
    return s;
}

/* Give a socket its name for life; -LX_EINVAL: it has one. */
static int set_name(struct vfs_socket *s, const struct vfs_sockaddr *name,
                    const struct vfs_path *where)
{
    core_lock_acquire(&s->lock);
    int err = s->has_name ? -LX_EINVAL : 0;
    if (err == 0) {
        s->name = *name;
        s->where = *where;
        s->has_name = 1;
    }
    core_lock_release(&s->lock);
    return err;
}

static int bind_abstract(struct vfs_socket *s, const struct vfs_sockaddr *name)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    int err = s->has_name ? -LX_EINVAL : find_locked(s->type, name) ? -LX_EADDRINUSE : 0;
    if (err == 0)
        err = set_name(s, name, &(struct vfs_path){NULL, NULL});
    if (err == 0) {
        struct vfs_socket **bucket = bucket_of(s->type, name);
        s->next_name = *bucket;
        *bucket = s;
    }
    core_lock_release(&state->socket_lock);
    return err;
}

int unix_autobind(struct vfs_socket *s)
{
    struct vfs_sockaddr name = {.size = FAMILY_SIZE + 1 + AUTO_DIGITS, .family = LX_AF_UNIX};
    uint32_t number = 0;
    plat_random(&number, sizeof number);
    int err = s->has_name ? -LX_EINVAL : -LX_EADDRINUSE;
    for (uint32_t i = 0; i < AUTO_COUNT && err == -LX_EADDRINUSE; i++, number++) {
        for (uint32_t k = 0; k < AUTO_DIGITS; k++)
            name.un.sun_path[AUTO_DIGITS - k] = "0123456789abcdef"[number >> (4 * k) & 15];
        err = bind_abstract(s, &name);
    }
    return err == -LX_EADDRINUSE ? -LX_ENOSPC
           : err == -LX_EINVAL   ? 0
                                 : err; /* EINVAL: it has one */
}

int unix_autobind_if_passing(struct vfs_socket *s)
{
    return socket_option_is_on(s, LX_SO_PASSCRED) && !s->has_name ? unix_autobind(s) : 0;
}

/* ---- Paths ---- */

/* As Linux: the file is made first, and goes again if the socket has a name already. */
static int bind_path(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                     const struct vfs_sockaddr *name)
{
    char path[LX_UNIX_PATH_MAX + 1];
    struct vfs_sockaddr full = *name;
    struct vfs_path where;
    path_of(name, path);
    uint32_t length = (uint32_t)core_str_length(path);
    memset(full.bytes + FAMILY_SIZE, 0, sizeof full.bytes - FAMILY_SIZE);
    memcpy(full.un.sun_path, path, length);
    full.size = FAMILY_SIZE + length + 1; /* with the end, even where there is no room for it */
    int err = tree_make_socket(caller->fs, path, s->mode, &where);
    if (err < 0)
        return err == -LX_EEXIST ? -LX_EADDRINUSE : err;
    core_lock_acquire(&where.inode->lock);
    err = set_name(s, &full, &where);
    if (err == 0)
        where.inode->socket = s;
    core_lock_release(&where.inode->lock);
    if (err < 0) {
        int gone = vfs_tree_unlink(caller->fs, NULL, path);
        (void)gone;
        vfs_path_put(&where);
    }
    return err;
}

static int find_path(const struct vfs_socket_caller *caller, const struct vfs_sockaddr *name,
                     uint32_t type, struct vfs_socket **out)
{
    char path[LX_UNIX_PATH_MAX + 1];
    struct vfs_inode *inode;
    path_of(name, path);
    int err = vfs_walk(caller->fs, NULL, path, 0, &inode);
    if (err < 0)
        return err;
    err = vfs_may(&caller->fs->cred, inode, LX_W_OK);
    if (err == 0) {
        core_lock_acquire(&inode->lock);
        struct vfs_socket *s = inode->socket;
        err = !s ? -LX_ECONNREFUSED : s->type != type ? -LX_EPROTOTYPE : 0;
        if (err == 0)
            *out = socket_get(s);
        core_lock_release(&inode->lock);
    }
    vfs_inode_put(inode);
    return err;
}

/* ---- All names ---- */

int unix_bind(struct vfs_socket *s, const struct vfs_socket_caller *caller,
              const struct vfs_sockaddr *name)
{
    if (name->size == FAMILY_SIZE && name->family == LX_AF_UNIX)
        return unix_autobind(s);
    int err = unix_name_check(name);
    if (err < 0)
        return err;
    return is_path(name) ? bind_path(s, caller, name) : bind_abstract(s, name);
}

int unix_name_find(const struct vfs_socket_caller *caller, const struct vfs_sockaddr *name,
                   uint32_t type, struct vfs_socket **out)
{
    struct vfs_state *state = vfs_state();
    *out = NULL;
    if (is_path(name))
        return find_path(caller, name, type, out);
    core_lock_acquire(&state->socket_lock);
    struct vfs_socket *s = find_locked(type, name);
    if (s)
        *out = socket_get(s);
    core_lock_release(&state->socket_lock);
    return s ? 0 : -LX_ECONNREFUSED;
}

static void drop_abstract(struct vfs_socket *s)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    struct vfs_socket **at = bucket_of(s->type, &s->name);
    while (*at && *at != s)
        at = &(*at)->next_name;
    if (*at) /* else it has its listener's name */
        *at = s->next_name;
    core_lock_release(&state->socket_lock);
}

/* Its name is nobody's from now on; what it sent keeps showing it. */
void unix_name_drop(struct vfs_socket *s)
{
    struct vfs_path where = s->where;
    if (!s->has_name)
        return;
    if (!where.inode) {
        drop_abstract(s);
        return;
    }
    core_lock_acquire(&where.inode->lock);
    where.inode->socket = NULL;
    core_lock_release(&where.inode->lock);
    core_lock_acquire(&s->lock);
    s->where = (struct vfs_path){NULL, NULL};
    core_lock_release(&s->lock);
    vfs_path_put(&where);
}

static void name_of(const struct vfs_socket *s, struct vfs_sockaddr *out)
{
    if (s->has_name)
        *out = s->name;
    else
        *out = (struct vfs_sockaddr){.size = FAMILY_SIZE, .family = LX_AF_UNIX};
}

int unix_getname(struct vfs_socket *s, int peer, struct vfs_sockaddr *out)
{
    struct vfs_socket *of = peer ? unix_peer(s) : s;
    if (!of)
        return -LX_ENOTCONN;
    name_of(of, out);
    if (peer)
        socket_put(of);
    return 0;
}
