/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_LOAD_H
#define IMAGE_LOAD_H

/*
 * Loading container images: what `docker save` writes, old and new, and OCI image
 * layouts, as archives or folders.
 *
 * Source   the Docker image specification 1.2; OCI image specification 1.1.
 * Threads  the caller's object; a loading image uses a thread of its own.
 * Errors   -LX_E*, with one sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "core/source.h"
#include "image/import.h"
#include "lx/compiler.h"

struct image_loader;

/*
 * Does an archive begin as a container image does, and not as a root file system?
 *   archive  its read_at() is used, if there is one.
 */
int image_loader_recognizes(struct core_source *archive, const char *name);

/*
 * Open an archive, plain or packed, or a folder, and list its images for linux/amd64.
 *   archive  borrowed until image_loader_close(); NULL: `name` is a folder of the host.
 *   out      owned by the caller: image_loader_close() it.
 *   returns  -LX_ENODATA: it is no such thing; -LX_EINVAL: damaged; -LX_ENOENT: a part is
 *            missing.
 */
MUST_USE int image_loader_open(struct core_source *archive, const char *name,
                               const struct image_limits *limits, struct image_loader **out,
                               struct core_diag *diag);
void image_loader_close(struct image_loader *l);

uint32_t image_loader_count(const struct image_loader *l);

/* Name k of image n, in full as image_name_normalize() has it, to IMAGE_NAME_SIZE bytes; 0: no more. */
int image_loader_name(const struct image_loader *l, uint32_t n, uint32_t k, char *name);

/*
 * Find the image a reference names; NULL: the only one.
 *   returns  -LX_ENOENT: none has it, or there are several and it is NULL.
 */
MUST_USE int image_loader_choose(struct image_loader *l, const char *reference, uint32_t *n,
                                 struct core_diag *diag);

/* Load image n; as image_import_archive() otherwise. */
MUST_USE int image_loader_load(struct image_loader *l, uint32_t n,
                               const struct image_options *options, struct image *out,
                               struct core_diag *diag);

/*
 * Import an archive, or with `archive` NULL a folder, as what it is: its only container
 * image, or else a root file system.
 */
MUST_USE int image_import_any(struct core_source *archive, const char *name,
                              const struct image_options *options, struct image *out,
                              struct core_diag *diag);

#endif
