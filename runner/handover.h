/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_HANDOVER_H
#define RUNNER_HANDOVER_H

/*
 * What the launcher tells the guest host, in the arena.  Private to runner.
 *
 * Threads  written before the guest host starts; `error` and `code` by the guest
 *          host before it ends.
 */

#include <stdint.h>

#include "kept.h"
#include "lx/types.h"
#include "shim/task.h"
#include "vfs/mount.h"

/*
 * The files given to the guest host: the image's index, its packs in its order, its
 * patches and its memory images if it has them, and the folders that are mounted.
 */
enum handover_file { HANDOVER_INDEX, HANDOVER_PACKS };

struct handover_mount {
    const char *name, *at;          /* see struct mount */
    struct vfs_tmpfs_options tmpfs; /* if `name` is NULL; its flags are a folder's, too */
};

struct handover {
    uint64_t index_size;
    uint32_t whole_packs;    /* of struct vfs_image */
    struct kept kept;        /* the image's patches and memory images */
    const char *const *argv; /* in the arena, NULL-terminated; argv[0] is the program */
    const char *const *env;
    const struct handover_mount *mounts; /* `mount_count` */
    uint32_t mount_count;
    uint32_t folder_file, folder_count; /* their folders: the first one's place, and how many */
    uint32_t is_read_only;              /* 1: the root file system may not be changed */
    uint64_t shm_size;                  /* bytes of /dev/shm */
    const char *workdir;
    const char *user;          /* "NAME[:GROUP]"; empty is root */
    const char *const *groups; /* NULL-terminated "NAME|GID", besides the user's */
    uint64_t capabilities;     /* of root; the bounding set of any user */
    struct lx_rlimit64 limits[SHIM_RLIMIT_COUNT]; /* of the first process, and so of all */
    uint64_t started_ns;                          /* when the run began, monotonic */
    uint64_t entered_ns;                          /* when the program's first instruction ran */
    uint64_t peak_size;                           /* private memory of the guest host at its end */
    _Atomic uint32_t is_stuck; /* a guest host waits for a lock that nobody seems to give back */
    int32_t code;              /* exit code for a program that could not be started, else 0 */
    char error[1024];          /* why it could not be started */
};

#endif
