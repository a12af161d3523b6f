/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_COMMIT_H
#define IMAGE_COMMIT_H

/*
 * Making an image of what a container has made of its own.
 *
 * Source   docker commit.
 * Threads  the caller's, when no process of the container's is left.
 * Errors   -LX_E*, with one sentence in `diag`; nothing is left behind then.
 */

#include <stdint.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/import.h"
#include "lx/compiler.h"

/*
 * The image on which the container of this process's arena ran, with its changes; contents
 * of that one are not written again.  Sockets are left out.
 *   base     an image of options->store, attached (vfs/image.h); its packs are mapped.
 *   options  its `config` is the new image's; its limits hold for memory and names only: what a
 *            container could write can be kept.
 *   out      owned by the caller: image_close() it.
 */
MUST_USE int image_commit(const struct image *base, const struct image_options *options,
                          struct image *out, struct core_diag *diag);

#endif
