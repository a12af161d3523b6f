/* SPDX-License-Identifier: MIT */
#ifndef TESTS_VFS_TEST_H
#define TESTS_VFS_TEST_H

/*
 * The start of every test program here: cmocka's header with what it needs before
 * it, an arena, and a file system over an image in memory.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/segment.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "mkimage.h"
#include "plat/plat.h"
#include "vfs/image.h"
#include "vfs/inode.h"
#include "vfs/path.h"
#include "vfs/tree.h"

#define DIR LX_S_IFDIR
#define REG LX_S_IFREG
#define LNK LX_S_IFLNK
#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static inline void start_or_exit(int *argc, char ***argv)
{
    if (plat_start(argc, argv) < 0 || core_arena_create() < 0 || core_segment_init() < 0 ||
        core_shared_init() < 0) {
        fprintf(stderr, "no platform, or no arena\n");
        exit(2);
    }
}

/* How often to repeat what takes long: `full` in the long tier. */
static inline long test_count(long fast, long full)
{
    return getenv("TARBOX_LONG") ? full : fast;
}

/* A file system over these rows, and a privileged process in it; the one before is left behind. */
static inline struct vfs_fs *mount_rows(const struct mkimage_row *rows, uint32_t count)
{
    static struct mkimage image;
    struct vfs_fs *fs;
    mkimage_free(&image);
    mkimage_build(rows, count, &image);
    struct vfs_image open;
    assert_int_equal(mkimage_open(&image, &open), 0);
    vfs_image_attach(&open);
    assert_int_equal(vfs_init(), 0);
    assert_int_equal(vfs_fs_new(&fs), 0);
    return fs;
}

/* Be the user and group of this number; 0 is privileged. */
static inline void act_as(struct vfs_fs *fs, uint32_t id)
{
    vfs_fs_set_cred(fs, id, id, id ? 0 : VFS_CAPABILITIES, NULL);
}

static inline int open_path(struct vfs_fs *fs, const char *path, uint32_t flags,
                            struct vfs_inode **out)
{
    return vfs_tree_open(fs, NULL, path, &(struct vfs_open){.flags = flags, .mode = 0666}, out);
}

/* An empty file, or an error. */
static inline int make_file(struct vfs_fs *fs, const char *path)
{
    struct vfs_inode *inode;
    int err = open_path(fs, path, LX_O_CREAT | LX_O_EXCL | LX_O_WRONLY, &inode);
    vfs_inode_put(inode);
    return err;
}

static inline int stat_path(struct vfs_fs *fs, const char *path, struct lx_stat *out)
{
    struct vfs_inode *inode;
    int err = vfs_walk(fs, NULL, path, VFS_WALK_NOFOLLOW, &inode);
    if (err == 0)
        vfs_inode_stat(inode, out);
    vfs_inode_put(inode);
    return err;
}

static inline uint64_t ino_of(struct vfs_fs *fs, const char *path)
{
    struct lx_stat st;
    assert_int_equal(stat_path(fs, path, &st), 0);
    return st.st_ino;
}

static inline uint64_t nlink_of(struct vfs_fs *fs, const char *path)
{
    struct lx_stat st;
    assert_int_equal(stat_path(fs, path, &st), 0);
    return st.st_nlink;
}

#endif
