/* SPDX-License-Identifier: MIT */
#ifndef VFS_PROC_H
#define VFS_PROC_H

/*
 * /proc: a file system whose names and attributes are here, and whose contents come from
 * whoever keeps processes: the provider, one in each guest host.  A file's text is made when
 * it is read from its beginning, and kept for the reads that follow.
 *
 * Source   proc(5); fs/proc of Linux 6.12.
 * Threads  any.  The provider is called with no lock held but LOCK_MADE_FILE.
 * Errors   0 or an amount, else -LX_E*: -LX_ENOENT, -LX_ESRCH (a process that is gone),
 *          -LX_EACCES.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_file;
struct vfs_fs;
struct vfs_path;
struct vfs_text;

enum vfs_proc_what {
    VFS_PROC_ROOT,
#define X(dir, name, mode, what) VFS_PROC_##what,
#define LINK(dir, name, what, target) VFS_PROC_##what,
#define NUMBERED(dir, mode, what, n) VFS_PROC_##what,
#include "vfs/proc.def"
#undef X
#undef LINK
#undef NUMBERED
    VFS_PROC_COUNT,
};

/* Which process, thread and descriptor a node is about. */
struct vfs_proc_id {
    int32_t pid; /* 0: none */
    int32_t tid; /* 0: the whole process */
    int32_t fd;
};

struct vfs_proc_provider {
    /* The calling thread, and its process's file-system state (borrowed). */
    int (*self)(struct vfs_proc_id *id, struct vfs_fs **fs);

    /* The lowest process id from `from` on, or thread id of process `pid`; 0: none. */
    int32_t (*next)(int32_t pid, int32_t from);

    /* The lowest open descriptor from `from` on; -1: none, or no such process. */
    int32_t (*next_fd)(const struct vfs_proc_id *id, int32_t from);

    /* Whose its files are; -LX_ENOENT: there is no such process or thread. */
    int (*owner)(const struct vfs_proc_id *id, uint32_t *uid, uint32_t *gid);

    /* May the caller look into the process?  ptrace(2), PTRACE_MODE_READ_FSCREDS. */
    int (*may_look)(const struct vfs_proc_id *id);

    /* What is open as id->fd, or (what: EXE) the program: a reference. */
    int (*file)(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_file **out);

    /* CWD or ROOT_LINK: references. */
    int (*directory)(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_path *out);

    /* Make a file's text. */
    int (*render)(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_text *t);

    /* Take what was written to a file; -LX_EINVAL. */
    int64_t (*write)(enum vfs_proc_what what, const struct vfs_proc_id *id, const char *text,
                     uint64_t size);
};

/* Set this process's provider, before its first guest thread runs. */
void vfs_proc_set_provider(const struct vfs_proc_provider *provider);

/* The process whose directory is open; 0: it is something else. */
int32_t vfs_proc_process(const struct vfs_file *file);

/* Mount a /proc on a path, which is made if it is missing; once per container. */
MUST_USE int vfs_proc_mount(struct vfs_fs *fs, const char *at);

#endif
