/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_FOLDER_H
#define IMAGE_FOLDER_H

/*
 * What lies on the host's disk, added to an image that is being built.
 *
 * Threads  one.
 * Errors   -LX_E*, with a sentence in `diag`.
 */

#include "build.h"
#include "lx/compiler.h"

/*
 * Add a file, a link or a folder with all that is in it, with modes and times as the
 * host has them.
 *   path     of the host; a link is added itself.
 *   dir, name  what it becomes; with an empty name, `path` is a folder whose contents are added.
 *   keep_owner  0: all of it belongs to root.
 *   skipped  devices, fifos and sockets, which are left out.
 */
MUST_USE int image_folder_add(struct image_build *b, const char *path, uint32_t dir,
                              struct image_bytes name, int keep_owner, uint64_t *skipped);

#endif
