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

/*
 * The files given to the guest host: the image's index, its packs in its order, its
 * patches and its memory images if it has them, and the folders of the volumes.
 */
enum handover_file { HANDOVER_INDEX, HANDOVER_PACKS };

struct handover_volume {
    const char *name, *at; /* see struct volume */
    uint32_t flags;
};

struct handover {
    uint64_t index_size;
    struct kept kept;        /* the image's patches and memory images */
    const char *const *argv; /* in the arena, NULL-terminated; argv[0] is the program */
    const char *const *env;
    const struct handover_volume *volumes; /* `volume_count`; folders from `volume_file` on */
    uint32_t volume_count, volume_file;
    const char *workdir;
    const char *user;          /* "NAME[:GROUP]"; empty is root */
    const char *const *groups; /* NULL-terminated "NAME|GID", besides the user's */
    struct lx_rlimit64 limits[SHIM_RLIMIT_COUNT]; /* of the first process, and so of all */
    uint64_t started_ns;                          /* when the run began, monotonic */
    uint64_t entered_ns;                          /* when the program's first instruction ran */
    uint64_t peak_size;                           /* private memory of the guest host at its end */
    _Atomic uint32_t is_stuck; /* a guest host waits for a lock that nobody seems to give back */
    int32_t code;              /* exit code for a program that could not be started, else 0 */
    char error[1024];          /* why it could not be started */
};

#endif
