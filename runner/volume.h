/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_VOLUME_H
#define RUNNER_VOLUME_H

/*
 * Volumes: "HOST:GUEST[:OPTIONS]" of `tarbox run -v`, as docker has it.
 *
 * Source  docker run, "-v"; docs/volumes.md.
 * Threads the main thread.
 * Errors  -LX_E*, with a sentence in `diag`.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"
#include "vfs/mount.h"

struct volume {
    struct plat_file *folder; /* owned: the folder, or the one that holds the file */
    char name[1024];          /* of the file in it; empty: the folder is what is mounted */
    char at[4096];            /* absolute guest path, without superfluous parts */
    uint32_t flags;           /* VFS_MOUNT_* */
};

struct volumes {
    struct volume *items; /* a folder comes before what is mounted inside of it */
    uint32_t count;
};

/*
 * Read and open them; a folder that is missing is made.
 *   specs    NULL-terminated.
 *   out      owned by the caller: volumes_close() it, also after an error.
 */
MUST_USE int volumes_open(const char *const *specs, struct volumes *out, struct core_diag *diag);
void volumes_close(struct volumes *v);

/*
 * The parts of a volume as they are written.
 *   host     `size` bytes.
 *   out      its `at` and `flags`.
 */
MUST_USE int volume_parse(const char *spec, char *host, size_t size, struct volume *out,
                          struct core_diag *diag);

#endif
