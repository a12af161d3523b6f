/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_IMPORT_H
#define IMAGE_IMPORT_H

/*
 * Import of a root file system into an image: an index and a pack, as
 * vfs/image_format.h lays them out, in a store or in two files that nobody sees
 * and that vanish with their handles.
 *
 * Source   tar(5); POSIX.1-2017, pax; docs/store-format.md for what an
 *          archive may say and what becomes of it.
 * Threads  any; an import runs on the caller's thread and one of its own, both
 *          done when it returns.  It leaves the C locale alone and expects "C".
 * Errors   -LX_E*, with one sentence in `diag`; nothing is left behind then.
 */

#include <stdint.h>

#include "core/diag.h"
#include "core/source.h"
#include "image/image.h"
#include "lx/compiler.h"

struct image_store;

/* What a hostile archive may cost; exceeding one is -LX_EFBIG and names it. */
struct image_limits {
    uint64_t entries;    /* members of the archive, and names in the tree */
    uint64_t metadata;   /* bytes of memory for names, attributes and inodes */
    uint64_t file_size;  /* bytes of one file */
    uint64_t total_size; /* bytes of all files, and of the archive unpacked */
    uint64_t ratio;      /* unpacked bytes per byte of the archive, beyond the first GiB */
};

/* 4 million entries, 2 GiB, 64 GiB, 256 GiB, 1100. */
void image_limits_default(struct image_limits *limits);

/* How far an import is. */
struct image_progress {
    uint64_t done, total; /* bytes of the archive; total is 0 if not known */
    uint64_t files;
    uint64_t file_size, shared_size; /* bytes of files so far; of those, there already */
};

struct image_options {
    struct image_limits limits;
    struct image_store *store; /* where the image goes, or NULL: nowhere */
    const char *config;        /* canonical JSON; NULL is "{}" */

    /* Called now and then on the importing thread, or NULL. */
    void (*progress)(void *arg, const struct image_progress *progress);

    /* Called when the image is made, or NULL. */
    void (*done)(void *arg, const struct image_stats *stats);

    /* Called before a wait for another process to be done with the store, or NULL. */
    void (*waiting)(void *arg);
    void *arg;
};

/*
 * Import a tar archive, plain or packed with gzip, zstd, xz or bzip2.
 *   archive  read to its end, on another thread.
 *   name     of the archive, for messages.
 *   options  NULL for the default limits and no progress.
 *   out      owned by the caller: image_close() it.
 *   returns  -LX_EINVAL: no tar archive, damaged, truncated, or a member is refused;
 *            -LX_EFBIG: a limit; -LX_ENOMEM, -LX_ENOSPC, -LX_EIO from the host.
 */
MUST_USE int image_import_archive(struct core_source *archive, const char *name,
                                  const struct image_options *options, struct image *out,
                                  struct core_diag *diag);

/*
 * Import a folder of the host that holds a root file system, with its links,
 * modes, owners and times as the host has them.  Devices, fifos and sockets in
 * it are left out.
 */
MUST_USE int image_import_folder(const char *path, const struct image_options *options,
                                 struct image *out, struct core_diag *diag);

/*
 * Import one file of the host as an executable into an otherwise empty root.
 *   guest_path  its absolute path there; its parents and /tmp (mode 1777) are made.
 */
MUST_USE int image_import_file(const char *path, const char *guest_path,
                               const struct image_options *options, struct image *out,
                               struct core_diag *diag);

#endif
