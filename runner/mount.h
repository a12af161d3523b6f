/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_MOUNT_H
#define RUNNER_MOUNT_H

/*
 * What the user wants to have mounted, ready to be handed over.
 *
 * Threads the main thread.
 * Errors  -LX_E*, with a sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"
#include "mount_spec.h"

struct mount {
    struct mount_spec spec;
    struct plat_file *folder; /* owned: MOUNT_FOLDER: the folder, or the one that has the file */
    char name[1024];          /* of the file in it; empty: the folder is what is mounted */
};

struct mounts {
    struct mount *items; /* what is mounted in another mount comes after it */
    uint32_t count;
};

/* NULL-terminated lists, see mount_spec.h. */
struct mount_texts {
    const char *const *volumes, *const *tmpfs, *const *mounts;
};

/*
 * Read and open them; a folder of -v that is missing is made.
 *   out      owned by the caller: mounts_close() it, also after an error.
 */
MUST_USE int mounts_open(const struct mount_texts *texts, struct mounts *out,
                         struct core_diag *diag);
void mounts_close(struct mounts *mounts);

#endif
