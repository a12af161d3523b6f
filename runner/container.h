/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_CONTAINER_H
#define RUNNER_CONTAINER_H

/*
 * A container that is kept from one run to the next (--name): which image it runs on, and
 * what becomes of its changes.
 *
 * Threads the main thread.
 * Errors  -LX_E*, with a sentence in `diag`.
 */

#include "core/diag.h"
#include "image/container.h"
#include "image/image.h"
#include "lx/compiler.h"

struct container {
    const char *name; /* borrowed; NULL: nothing is kept */
    struct image_store *store;
    struct plat_file *hold; /* nobody else runs it */
    struct image_container record;
};

/*
 * Begin a run.
 *   root     folder of the store, or NULL.
 *   from     what the user calls the image.
 *   image    the one that is to be run; in its place comes what the container is by now.
 *   out      container_close() it, also after an error.
 */
MUST_USE int container_open(const char *name, const char *root, const char *from,
                            struct image *image, struct container *out, struct core_diag *diag);

/* Keep what was changed, when no guest host is left. */
MUST_USE int container_keep(struct container *c, struct image *image, struct core_diag *diag);
void container_close(struct container *c);

#endif
