/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_OPEN_H
#define RUNNER_OPEN_H

/*
 * From what the user calls an image to an open image.
 *
 * Threads  the main thread.
 * Errors   -LX_E*, with a sentence in `diag`.
 */

#include "core/diag.h"
#include "image/image.h"
#include "runner/run.h"

/*
 * Open options->image: a name or id in the store, an archive (imported if the store
 * has not got it), a folder, or a single program.
 *   program  size bytes: the guest path of a single program, else empty.
 *   out      owned by the caller: image_close() it.
 */
MUST_USE int open_image(const struct runner_options *options, char *program, size_t size,
                        struct image *out, struct core_diag *diag);

/*
 * A file of the image was found damaged: say so, and see to it that the next run
 * imports the archive again, if it was one.
 */
void report_damage(const struct runner_options *options, struct image *image, uint32_t inode);

#endif
