/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_CONTAINER_H
#define IMAGE_CONTAINER_H

/*
 * Containers that are kept: what `tarbox run --name` makes.  One is a name for two images of
 * the store: that from which it began, and that which it is now; each run ends by making
 * the latter anew, so that a run that is cut off leaves the container as it was before.
 *
 * Source   docs/store-format.md.
 * Threads  one per store object; any number of processes may use one store.
 * Errors   -LX_E*, with one sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "image/store.h"
#include "lx/compiler.h"

struct image_container {
    struct vfs_image_key image, from;
    char from_name[IMAGE_NAME_SIZE]; /* what the user called that, cut to fit */
    uint64_t created_ns;             /* since 1970 */
    char hostname[65];               /* as it sees itself, unless a run says otherwise */
};

/* -LX_EINVAL: this cannot name a container. */
MUST_USE int image_container_check(const char *name, struct core_diag *diag);

/* -LX_ENOENT: there is none. */
MUST_USE int image_container_read(struct image_store *s, const char *name,
                                  struct image_container *out, struct core_diag *diag);

/* Note what it is; an image that it was and that nobody else needs is removed. */
MUST_USE int image_container_write(struct image_store *s, const char *name,
                                   const struct image_container *c, struct core_diag *diag);

/* -LX_ENOENT; -LX_EBUSY: it is running. */
MUST_USE int image_container_remove(struct image_store *s, const char *name,
                                    struct core_diag *diag);

/*
 * Be the one who runs it.
 *   out      plat_file_close() lets go of it.
 *   returns  -LX_EBUSY: somebody else runs it.
 */
MUST_USE int image_container_hold(struct image_store *s, const char *name, struct plat_file **out,
                                  struct core_diag *diag);

/* Call `each` for every container, in no order, until it returns something else than 0. */
MUST_USE int image_container_each(struct image_store *s,
                                  int (*each)(void *arg, const char *name,
                                              const struct image_container *c, int is_running),
                                  void *arg, struct core_diag *diag);

#endif
