/* SPDX-License-Identifier: MIT */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

/*
 * Mounts: which file systems, or parts of them, are seen where in the container's tree.
 *
 * What is in a folder of the host is the host's, at every moment: nothing is kept here but
 * which inode stands for which file.  Attributes that the host has no place for (an owner
 * without privilege; permission bits on Windows) last as long as the container.  A tmpfs
 * is as the root, with nothing in it and limits of its own.
 *
 * Source   mount(2), umount(2), pivot_root(2); tmpfs(5), proc(5); docs/volumes.md.
 * Threads  any; a process attaches the folders of the host before its first thread runs.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct plat_file;
struct vfs_fs;
struct vfs_mount;
struct vfs_path;
struct vfs_text;

#define VFS_MOUNT_READ_ONLY 0x1u
#define VFS_MOUNT_NOSUID 0x2u
#define VFS_MOUNT_NODEV 0x4u
#define VFS_MOUNT_NOEXEC 0x8u
#define VFS_MOUNT_NOATIME 0x10u
#define VFS_MOUNT_NODIRATIME 0x20u
#define VFS_MOUNT_STRICTATIME 0x40u /* else, without NOATIME, it is "relatime" */
#define VFS_MOUNT_NOSYMFOLLOW 0x80u

#define VFS_MOUNTS_MAX 32u /* folders of the user's */

/* Make `folder` the one of mount `number` in this process; it stays the mount's. */
void vfs_mount_attach(uint32_t number, struct plat_file *folder);

/* Nothing runs in this process for now: close its handles of open files. */
void vfs_mount_rest(void);

struct vfs_folder_options {
    uint32_t flags;    /* VFS_MOUNT_* */
    uint32_t uid, gid; /* what files show as whose owner is the user of the host */
};

/*
 * Mount a folder, which was attached as `number`, on a path of the tree.
 *   name     "" for the folder itself, else the file in it that is mounted.
 *   at       absolute; directories that are missing there are made, as is the last one, or
 *            the file.
 *   returns  -LX_ENOTDIR, -LX_EISDIR: there is something else at that place; -LX_EBUSY: "/".
 */
MUST_USE int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                              const struct vfs_folder_options *options);

struct vfs_tmpfs_options {
    uint32_t flags;     /* VFS_MOUNT_* */
    uint32_t mode;      /* permission bits of its root */
    uint32_t uid, gid;  /* of its root */
    uint64_t size;      /* bytes of contents, rounded up to pages; UINT64_MAX: no limit */
    uint64_t inodes;    /* UINT64_MAX: no limit */
    const char *source; /* what /proc/self/mounts calls it */
};

/* Mount an empty tmpfs on a path, as vfs_mount_folder(). */
MUST_USE int vfs_mount_tmpfs(struct vfs_fs *fs, const char *at,
                             const struct vfs_tmpfs_options *options);

/* Nothing of the root file system may be changed from now on. */
void vfs_mount_root_read_only(void);

/* ---- What is mounted where ---- */

/* For statx(2) and mountinfo: from 1 on; 0: `mount` is NULL. */
uint32_t vfs_mount_id(const struct vfs_mount *mount);

/* 1 if a file that is open in it keeps it busy for umount(2): in any but the image's. */
int vfs_mount_is_counted(const struct vfs_mount *mount);

/* VFS_MOUNT_*; NULL: none. */
uint32_t vfs_mount_flags(const struct vfs_mount *mount);

/* -LX_EROFS if nothing may be changed there: its mount or its file system is read-only. */
MUST_USE int vfs_may_write(const struct vfs_path *path);

/* ---- Changing that ---- */

struct vfs_mount_request {
    const char *source, *type, *options; /* as mount(2) has them; each may be NULL */
    uint32_t flags;                      /* LX_MS_* */
    int is_privileged;                   /* the caller has CAP_SYS_ADMIN */
};

/* mount(2) and umount2(2); paths begin where the process is. */
MUST_USE int vfs_mount(struct vfs_fs *fs, const char *at, const struct vfs_mount_request *request);
MUST_USE int vfs_umount(struct vfs_fs *fs, const char *at, uint32_t flags, int is_privileged);

/* pivot_root(2), of who is privileged. */
MUST_USE int vfs_pivot_root(struct vfs_fs *fs, const char *new_root, const char *put_old);

/* The files of /proc/PID that show all mounts below the root of `fs`: -LX_ENOMEM. */
enum vfs_mounts_form { VFS_MOUNTS, VFS_MOUNTINFO, VFS_MOUNTSTATS };
MUST_USE int vfs_mounts_show(struct vfs_fs *fs, enum vfs_mounts_form form, struct vfs_text *t);

#endif
