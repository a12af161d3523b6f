/* SPDX-License-Identifier: MIT */
#ifndef VFS_INTERNAL_H
#define VFS_INTERNAL_H

/*
 * What the files of vfs share and no one else sees: the container's file-system
 * state, directory entries and the dentry cache.
 *
 * Threads  any; functions called _locked need the directory's dir_lock.
 * Errors   0 or -LX_E*.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "core/layout.h"
#include "core/list.h"
#include "core/lock.h"
#include "lx/compiler.h"
#include "lx/unistd.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/path.h"
#include "vfs/super.h"
#include "vfs/sys.h"
#include "vfs/tree.h"

struct lx_mq_attr;
struct vfs_mapping_provider;
struct vfs_state;

/* A name and its hash in one directory. */
#define NAME_WORDS 4u
#define NAME_CACHED (NAME_WORDS * 8) /* longer names are not cached */

struct name_key {
    const char *name; /* borrowed, not terminated */
    uint32_t size;
    uint64_t dir; /* ino of the directory */
    uint64_t hash;
    uint64_t words[NAME_WORDS]; /* of a name that can be cached: its bytes, then zeros */
};

void name_key_init(struct name_key *key, uint64_t dir, const char *name, uint32_t size);

/* The key of a path's first name; returns what follows it, a slash or the end. */
const char *name_key_cut(struct name_key *key, uint64_t dir, const char *path);

static inline int name_is_dot(const char *name, uint32_t size)
{
    return size == 1 && name[0] == '.';
}

static inline int name_is_dotdot(const char *name, uint32_t size)
{
    return size == 2 && name[0] == '.' && name[1] == '.';
}

/* 1 if a path's last component is a name, not ".", "..", or nothing at all. */
static inline int last_is_plain(const struct vfs_last *last)
{
    return last->size && !name_is_dot(last->name, last->size) &&
           !name_is_dotdot(last->name, last->size);
}

/* A name that is a number, without zeros in front; -1: it is none. */
int32_t name_number(const char *name, uint32_t size);

/*
 * Where an inode was found: what a descriptor's path is made of.  All zero: nowhere that
 * is known; a directory has its place by its parents.
 */
struct vfs_place {
    struct vfs_inode *dir; /* a reference, or NULL */
    uint32_t size;
    char name[LX_NAME_MAX + 1]; /* in `dir`, not terminated */
};

void place_set(struct vfs_place *place, struct vfs_inode *dir, const char *name, uint32_t size);
void place_move(struct vfs_place *place, struct vfs_inode *dir, const char *name,
                uint32_t size); /* the reference, too */
void place_put(struct vfs_place *place);

/*
 * Where a file was opened.
 *   mount    borrowed; may be NULL.
 *   place    its directory moves to the file.
 */
void file_set_place(struct vfs_file *file, struct vfs_mount *mount, struct vfs_place *place);
void file_get_place(const struct vfs_file *file, struct vfs_place *place);

/*
 * Where an inode is now that was found at a place.
 *   now      filled, to be put; `dir` is NULL if nothing is known, or it is the root.
 *   returns  0: it has no name any more; `now` is where it was.
 */
int place_now(struct vfs_inode *inode, const struct vfs_place *place, struct vfs_place *now);

/* The path of what was found there, cut to `size`, as proc(5) shows it: " (deleted)" .. */
MUST_USE int64_t place_path(struct vfs_fs *fs, const struct vfs_path *where,
                            const struct vfs_place *place, char *buf, uint64_t size);

/* The paths of a mount's root: in its file system, and in the tree as it is seen from a root. */
struct mount_paths {
    char *within, *at; /* terminated; in `room` */
    char room[2 * LX_PATH_MAX];
};

/*
 * LOCK_TREE and LOCK_MOUNTS are held.
 *   returns  -LX_ENOENT: it is not below that root; -LX_ENAMETOOLONG.
 */
MUST_USE int mount_paths_locked(const struct vfs_mount *mount, const struct vfs_path *root,
                                struct mount_paths *out);

/* ---- The dentry cache (cache.c) ---- */

/*
 * One name in one directory and what it is, in a cache line; all zero at first.  Read
 * without a lock, by looking at `sequence` before and after.  It holds a reference, and
 * what it says is so in the directory too: whoever changes an entry drops it from the
 * cache with the directory locked.
 */
struct cache_slot {
    _Alignas(64) _Atomic uint32_t sequence; /* odd while it changes */
    _Atomic uint16_t size;                  /* of the name; 0: the slot is empty */
    _Atomic uint16_t next;                  /* the next one's place in its chain, or 0 */
    _Atomic uint64_t dir;
    struct vfs_inode *_Atomic inode; /* NULL: there is no such name */
    _Atomic uint64_t words[NAME_WORDS];
    uint16_t bucket; /* guarded by the stripe's lock */
};

_Static_assert(sizeof(struct cache_slot) == 64, "a cache line");

#define CACHE_STRIPE_BITS 4u
#define CACHE_SLOT_BITS 12u
#define CACHE_SLOTS (1u << CACHE_SLOT_BITS) /* of a stripe */

/* Slots, and chains of them, with a lock for those who change them; a place is an index plus 1. */
struct cache_stripe {
    struct core_lock lock; /* LOCK_DENTRY: guards all changes */
    uint32_t dropped;      /* the first of the slots to be used again, a chain; 0: none */
    uint32_t turn;         /* the index of the one that is taken when none is left */
    _Atomic uint16_t buckets[CACHE_SLOTS]; /* the first place of each chain; 0: it is empty */
    struct cache_slot slots[CACHE_SLOTS];
};

void cache_init(struct vfs_state *s);

/* What a slot said, to be asked again whether it still does. */
struct cache_view {
    const struct cache_slot *slot;
    uint64_t sequence;       /* as wide as it is copied */
    struct vfs_inode *inode; /* no reference: nothing but its atomic fields may be read */
};

/* Look without taking anything; 1 if the name is cached, as present or as absent. */
int cache_peek(const struct name_key *key, struct cache_view *out);

/* 1 if the slot did not change since: what was read of the inode was right. */
static inline int cache_still(const struct cache_view *view)
{
    return atomic_load_explicit(&view->slot->sequence, memory_order_acquire) == view->sequence;
}

/* Make the view's inode a reference; 0 if the slot changed. */
int cache_take(const struct cache_view *view);

void cache_add_locked(const struct name_key *key, struct vfs_inode *inode);
void cache_drop_locked(const struct name_key *key);

/* ---- Directories (dir.c) ---- */

/* A name in which a directory differs from the image. */
struct vfs_entry {
    struct core_list node;  /* in the directory's entries */
    struct vfs_entry *next; /* in its hash bucket */
    uint64_t hash;
    uint64_t cookie;         /* for getdents(2); of a name of the image's, the place there */
    struct vfs_inode *inode; /* a reference; NULL: a name of the image's that is gone */
    uint32_t size;
    char name[];
};

/* The inode of a name: a new reference.  -LX_ENOENT, -LX_EIO, -LX_ENOMEM. */
MUST_USE int dir_lookup_locked(struct vfs_inode *dir, const struct name_key *key,
                               struct vfs_inode **out);

/*
 * The entry of a name that is there, with its inode, to be changed: after this, no
 * change of it can fail.
 *   returns  -LX_ENOENT, -LX_ENOSPC, -LX_EIO.
 */
MUST_USE int dir_entry_locked(struct vfs_inode *dir, const struct name_key *key,
                              struct vfs_entry **out);

/* Add a name that is not there. */
MUST_USE int dir_add_locked(struct vfs_inode *dir, const struct name_key *key,
                            struct vfs_inode *inode);

/* Let an entry mean another inode, or (NULL) nothing; the caller owns the old reference. */
struct vfs_inode *dir_set_locked(struct vfs_inode *dir, struct vfs_entry *entry,
                                 struct vfs_inode *inode);

int dir_is_empty_locked(const struct vfs_inode *dir);

/* The name under which an inode is in the directory: -LX_ENOENT. */
MUST_USE int dir_name_locked(struct vfs_inode *dir, uint64_t ino, const char **name,
                             uint32_t *size);

/* Free what a directory that is gone holds. */
void dir_free(struct vfs_inode *dir);

/* Take all names out of the directories of a file system that nobody comes to any more. */
void dir_end_all(struct vfs_inode *root);

/* Its parent: a reference, safe from renames. */
struct vfs_inode *dir_parent(struct vfs_inode *dir);

#define FIRST_COOKIE 3u /* of a directory's names: after "." and ".." */

/* Show "." and ".." from a cookie on, and move it behind them; 0 if `emit` said no. */
int dir_show_dots(struct vfs_inode *dir, uint64_t *cookie, vfs_emit emit, void *arg);

/* ---- Path walks (path.c), for those that create on the way ---- */

struct walk {
    struct vfs_fs *fs;
    struct vfs_path root;    /* references, or NULL until somebody asks: root_of() */
    struct vfs_path at;      /* references: where we are */
    struct vfs_path base;    /* references, or NULL: RESOLVE_BENEATH may not leave it */
    const char *rest;        /* what is still to be walked */
    char *buffer;            /* holds `rest` once a link was followed */
    struct vfs_place *place; /* where the result was found; NULL: nobody asks */
    uint32_t links;
    uint32_t flags;   /* VFS_WALK_* and WALK_CREATE */
    uint32_t missing; /* 1: all but the last component is there */
};

#define WALK_CREATE 0x4u /* a last component with a slash behind it is -LX_EISDIR */

/* In this order; walk_end() always.  After them `at` is the result, or holds `last`. */
MUST_USE int walk_begin(struct walk *w, struct vfs_fs *fs, const struct vfs_path *from,
                        const char *path, uint32_t flags);
MUST_USE int walk_to_last(struct walk *w, struct vfs_last *last);
MUST_USE int walk_last(struct walk *w, struct vfs_last *last);
void walk_end(struct walk *w);

/*
 * As vfs_walk_path(), and where it was found; place_put() afterwards, also on failure.
 *   place    may be NULL; of a mount's root it is where that was found.
 */
MUST_USE int walk_to_place(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                           uint32_t flags, struct vfs_path *out, struct vfs_place *place);

/* vfs_may() for attributes that are not an inode's. */
int cred_may(const struct vfs_cred *cred, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t want);

/* ---- File systems (mount.c) ---- */

/*
 * One that has its names and inodes in memory.
 *   options  `flags` and `source` do not count.
 */
MUST_USE int super_in_memory(enum vfs_super_type type, const struct vfs_tmpfs_options *options,
                             struct vfs_super **out);

/* Nobody can come to it any more: a file system in memory gives that back. */
void super_end(struct vfs_super *super);

/* The minor device number of the next one. */
uint32_t mount_minor(void);

/*
 * Let a file system be seen at a path, which is made if it is missing.
 *   source  what is mounted, for /proc/self/mounts.
 *   flags   VFS_MOUNT_*.
 */
MUST_USE int mount_root(struct vfs_fs *fs, const char *at, struct vfs_super *super,
                        const char *source, uint32_t flags);

/* Move the roots and working directories of all processes that are `from` (fs.c). */
void fs_move_all(const struct vfs_path *from, const struct vfs_path *to);

/* ---- Changes (tree.c), for open.c and rename.c ---- */

/* May the process change this directory's entries?  Its dir_lock may be held. */
MUST_USE int tree_may_change(const struct vfs_fs *fs, struct vfs_inode *dir);
MUST_USE int tree_may_remove(const struct vfs_fs *fs, struct vfs_inode *dir,
                             struct vfs_inode *inode);

/* May it make a new one?  In a directory that was removed nobody may: -LX_ENOENT. */
MUST_USE int tree_may_create(const struct vfs_fs *fs, struct vfs_inode *dir);

/* Add a name for an inode that has none yet; -LX_EEXIST. */
MUST_USE int tree_add_new(struct vfs_inode *dir, const struct vfs_last *last,
                          struct vfs_inode *inode);

/* A directory's entries changed, and its links by so many; its dir_lock is held. */
void tree_touch_locked(struct vfs_inode *dir, int links);

/* One name of the inode is gone; directories have no other. */
void tree_drop_link(struct vfs_inode *inode);

/*
 * Group of what is made in a directory, and set-group-id bit of its mode, where the directory hands
 * its group on: inode(7).
 */
void tree_inherit_group(const struct vfs_fs *fs, const struct vfs_inode *dir, uint32_t *mode,
                        uint32_t *gid);

/* A new inode for the directory, which does not know it yet; `mode` is that before the umask. */
MUST_USE int tree_new_inode(struct vfs_fs *fs, struct vfs_inode *dir, uint32_t mode, uint32_t rdev,
                            const char *target, struct vfs_inode **out);

/*
 * Make a new inode under a name; `mode` is that before the umask.
 *   out  a reference to it; NULL if it is not wanted.
 */
MUST_USE int tree_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                         uint32_t mode, uint32_t rdev, const char *target, struct vfs_inode **out);

/* bind(2): a new socket's name, and references to it; -LX_EEXIST and those of mknod(2). */
MUST_USE int tree_make_socket(struct vfs_fs *fs, const char *path, uint32_t mode,
                              struct vfs_path *out);

/* ---- Message queues (mqueue.c, mqueue_fs.c) ---- */

/* Nothing is in such a file system but queues, with one name each and in one directory. */
static inline int super_is_mqueue(const struct vfs_super *super)
{
    return super->type == VFS_SUPER_MQUEUE;
}

/* The queue that an inode has in place of contents, or NULL. */
static inline struct vfs_mqueue *mqueue_of(const struct vfs_inode *inode)
{
    return super_is_mqueue(inode->super) ? inode->mqueue : NULL;
}

/*
 * A new inode with a queue, for a directory that does not know it yet.
 *   mode     -LX_EPERM for all but regular files.
 *   attr     NULL: the defaults.
 *   returns  also as mqueue_new().
 */
MUST_USE int mqueue_create(struct vfs_fs *fs, struct vfs_inode *dir, uint32_t mode,
                           const struct lx_mq_attr *attr, struct vfs_inode **out);

/* Give a new inode a queue: -LX_ENOSPC, -LX_EINVAL, -LX_EMFILE: as vfs_mqueue_open(). */
MUST_USE int mqueue_new(struct vfs_inode *inode, const struct lx_mq_attr *attr);
void mqueue_free(struct vfs_inode *inode);

/* ---- State ---- */

/* Minor device numbers of the file systems; those that are mounted come after the root's. */
#define FILES_MINOR 1u
#define ROOT_MINOR 32u

#define MOUNTS_MAX 100000u /* sysctl fs.mount-max */
#define SOCKET_NAME_BUCKETS 256u
#define INET_PORT_BUCKETS 256u
#define INET_WAIT_BUCKETS 1024u
#define INODE_CHUNK 512u /* image inodes are found through tables of so many */

struct vfs_state {
    struct core_lock tree_lock;      /* LOCK_TREE: renames, and every directory's parent */
    struct core_lock nest_lock;      /* LOCK_EPOLL_NEST */
    struct core_lock lock_wait_lock; /* LOCK_FILE_WAITS: guards the next, see lock.c */
    struct core_list lock_waits;
    struct core_lock stream_lock; /* LOCK_STREAMS */
    struct core_lock notify_lock; /* LOCK_NOTIFY: guards every watch and event, see notify.h */
    _Atomic uint32_t watch_count, inotify_count;
    struct core_lock async_lock; /* LOCK_ASYNC: guards every list of async.h, and async_notes */
    struct core_list async_notes;
    _Atomic uint32_t async_note_count; /* in that list, and those that are just being sent */
    _Atomic uint32_t rename_cookie;    /* the last one */
    struct core_lock mqueue_lock;      /* LOCK_MQUEUES: guards mqueues and mqueue_count */
    struct core_list mqueues;          /* all queues, also those without a name */
    uint32_t mqueue_count;
    struct core_lock socket_lock;  /* LOCK_SOCKET_NAMES: guards all to inet_waits */
    struct core_list unix_sockets; /* by in_list */
    struct core_list sockets_in_flight;
    uint32_t in_flight_count;     /* sockets in that list, guarded likewise */
    uint32_t collections_skipped; /* see unix_collect() */
    struct vfs_socket *socket_names[SOCKET_NAME_BUCKETS];    /* abstract ones */
    struct inet_socket *inet_ports[INET_PORT_BUCKETS];       /* see inet_port.c */
    struct inet_socket *inet_connections[INET_PORT_BUCKETS]; /* likewise */
    struct core_list inet_waits_by_time;                     /* see inet_wait.c */
    uint32_t inet_wait_count;                                /* in that list */
    struct inet_wait *inet_waits[INET_WAIT_BUCKETS];
    struct core_lock tty_lock;  /* LOCK_TTYS: guards the list and every terminal's inode */
    struct core_list terminals; /* of struct vfs_tty.in_list, by number */
    uint32_t tty_count;         /* in that list */
    struct vfs_super root_super, files_super;
    struct vfs_inode *ptmx;       /* constant; a reference: the file of that name in devpts */
    struct vfs_inode *root;       /* constant; a reference */
    struct core_lock lock;        /* guards inodes and unused */
    struct vfs_inode ***inodes;   /* by image index: chunks made when needed */
    struct vfs_inode *unused;     /* inodes of old, to be used again; see inode_alloc() */
    uint32_t inode_chunks;        /* constant */
    _Atomic uint8_t *checked;     /* a bit per image inode: its content is what it should be */
    _Atomic uint32_t damaged;     /* image inode, plus 1, whose content is not; 0: none so far */
    _Atomic uint32_t minor_count; /* file systems so far */
    struct core_lock mount_lock;  /* LOCK_MOUNTS: guards the four that follow, and see mounts.h */
    struct core_list mounts;      /* of struct vfs_mount.in_list: those in the tree */
    struct vfs_mount *top; /* the one of them that lies in no other; NULL: it was taken away */
    uint32_t mount_count, mount_id; /* how many, and the last one's id */
    struct core_lock fs_lock;       /* LOCK_FS_LIST: guards the list */
    struct core_list processes;     /* of struct vfs_fs.in_list */
    /* Constant; in a line of its own, for every open looks here. */
    _Alignas(64) struct vfs_mount *image_mount; /* the image's, wherever it is */
    struct vfs_mount *mqueue_mount;             /* where mq_open(2) finds queues; in no tree */
    struct vfs_super *singles[VFS_SUPER_TYPES]; /* those that there is one of, as proc */
    struct host_slots *slots;                   /* from the first mount of a host folder on */
    struct cache_stripe cache[1u << CACHE_STRIPE_BITS];
};

struct vfs_state *vfs_state(void);

/*
 * Who answers what vfs does not know itself.  Of this process (proc.c), since the arena holds
 * no function pointers; set before its first guest thread runs.
 */
struct vfs_providers {
    uint64_t (*now)(void);                       /* vfs_set_clock(); NULL: the host's clock */
    const struct vfs_proc_provider *processes;   /* vfs/proc.h */
    vfs_sys_render sys;                          /* vfs/sys.h */
    const struct vfs_signal_provider *signals;   /* vfs/signalfd.h */
    const struct vfs_mqueue_provider *mqueues;   /* vfs/mqueue.h */
    const struct vfs_tty_provider *terminals;    /* vfs/tty.h */
    const struct vfs_mapping_provider *mappings; /* vfs/mapping.h */
};
extern struct vfs_providers g_providers;

/* ---- Mappings (mapping.c) ---- */

/* The size of a regular file changes; its lock is held. */
void mapping_resized_locked(const struct vfs_inode *inode, uint64_t old, uint64_t size);

/*
 * Keep all mappings away from a file of the host, which does not cut it else, until
 * mapping_show(); no lock is held.  0: there are none.
 */
MUST_USE int mapping_hide(struct vfs_inode *inode);
void mapping_show(struct vfs_inode *inode);

/* Pages that so many bytes lie in, when the first of them begins one. */
static inline uint64_t pages_of(uint64_t size)
{
    return (size + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE;
}

/* Inode numbers: an image inode's comes from its index, a new one's lies beyond all of those. */
#define NEW_INO (1ull << 32)

static inline uint64_t image_ino(uint32_t index)
{
    return index + 1ull;
}

/*
 * Fields that are read without a lock are set so, by who holds the inode's lock or is the only one
 * to know it: nobody waits until all processors see it, and who does sees what was stored before.
 */
#define INODE_SET(field, value) atomic_store_explicit(&(field), (value), memory_order_release)

/* Its contents, or a directory's names, have changed now; or only what is known of it. */
static inline void inode_touch(struct vfs_inode *inode)
{
    int64_t now = vfs_now();
    INODE_SET(inode->mtime_ns, now);
    INODE_SET(inode->ctime_ns, now);
}

static inline void inode_touch_attributes(struct vfs_inode *inode)
{
    INODE_SET(inode->ctime_ns, vfs_now());
}

/*
 * vfs_inode_stat() of one of the container's own, which need not be held: what is told is true if
 * it still is that inode afterwards.
 */
void inode_stat_own(const struct vfs_inode *inode, const struct vfs_super *super,
                    struct lx_stat *out);

/* The calls of vfs/inode.h for inodes whose attributes are kept here, whosever they are. */
MUST_USE int inode_chmod_own(struct vfs_inode *inode, uint32_t mode);
MUST_USE int inode_chown_own(struct vfs_inode *inode, uint32_t uid, uint32_t gid);
MUST_USE int inode_utimes_own(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns);

/* The number that stat(2) and getdents(2) show. */
uint64_t inode_shown_ino(struct vfs_inode *inode);

/* A reference, unless the inode has none left; for memory that was an inode at some time. */
int inode_get_live(struct vfs_inode *inode);

/* An image inode without names: the table forgets it, so that it can end. */
void inode_forget(struct vfs_inode *inode);

/* Free a file's pages. */
void data_free(struct vfs_inode *inode);

/* Free what makes a file a memfd (memfd.c). */
void memfd_free(struct vfs_inode *inode);

void xattr_free(struct vfs_inode *inode);

/* Free what its locks need, of which none is held (lock.c). */
void locks_free(struct vfs_inode *inode);

/* An extended attribute, wherever it is kept. */
struct xattr_found {
    const char *name; /* not terminated */
    const void *value;
    uint32_t name_size, value_size;
};

/* 1 if the inode has it. */
int xattr_find_locked(const struct vfs_inode *inode, const char *name, struct xattr_found *f);

/* Set one, or (NULL) remove it: -LX_ENOSPC. */
MUST_USE int xattr_put_locked(struct vfs_inode *inode, const char *name, const void *value,
                              uint32_t size);

/* ---- Access control lists (acl.c) ---- */

/* The lists that the image has for a new inode of its own, which nobody knows yet. */
uint32_t acl_of_image(const struct vfs_inode *inode);

/* Copy out what a list is now; `buf` may be guest memory: -LX_EFAULT. */
MUST_USE int acl_copy_locked(const struct vfs_inode *inode, uint32_t which,
                             const struct xattr_found *f, uint8_t *buf);

/* May who is not the owner, by the access list?  0, -LX_EACCES; ACL_NONE: it has just gone. */
#define ACL_NONE 1
MUST_USE int acl_may(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want);

/*
 * Give a new inode, which nobody knows yet, what the directory's default list says; without one,
 * what is in `umask` is taken off its mode.
 *   returns  -LX_ENOSPC.
 */
MUST_USE int acl_inherit(struct vfs_inode *dir, struct vfs_inode *inode, uint32_t umask);

#endif
