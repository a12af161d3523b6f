/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_COPY_H
#define IMAGE_COPY_H

/*
 * Copying files and folders between the host and an image, by the rules of docker cp.
 *
 * A path in an image is followed as its programs would, with or without "/" in front;
 * it never leaves the image.  What is copied out lands in the place that was asked for
 * and below it, whatever the image holds: links that come out are not followed.
 *
 * Source   https://docs.docker.com/reference/cli/docker/container/cp/
 * Threads  the caller's.
 * Errors   -LX_E*, with one sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "core/source.h"
#include "image/export.h"
#include "image/image.h"
#include "image/import.h"
#include "lx/compiler.h"

struct image_copy {
    int follow_link; /* if the source is a symbolic link: copy what it leads to */
    int keep_owner;  /* 0: it belongs to the user of the host, or to root in the image */

    /* Copying out, called with a sentence about each thing that could not be copied, or NULL. */
    void (*problem)(void *arg, const char *sentence);
    void *arg;

    /* What came of it. */
    uint64_t files, bytes;       /* copied out; links count */
    uint64_t failed;             /* how often problem() has been called */
    uint64_t skipped;            /* devices, fifos and sockets, which are not copied */
    uint64_t links_missing;      /* symbolic links that the host would not make */
    uint64_t attributes_missing; /* entries of which it would not set owner, mode or time */
};

/*
 * Copy to the host: permissions, times, links and holes as far as it has them.
 *   image    its packs are mapped.
 *   dest     a path of the host.
 *   returns  0 also if something was left out: see copy->failed.
 */
MUST_USE int image_copy_out(const struct image *image, const char *path, const char *dest,
                            struct image_copy *copy, struct core_diag *diag);

/* The same into a tar archive, with owners. */
MUST_USE int image_copy_out_tar(const struct image *image, const char *path,
                                const struct image_copy *copy, struct image_sink *sink,
                                struct core_diag *diag);

/*
 * Make an image that is another one with something of the host added.  Contents of the
 * other one are not written again.
 *   base     an image of options->store; its packs are mapped.
 *   source   a path of the host; or, with `archive`, that one's name for messages.
 *   archive  a tar archive to be unpacked there, plain or packed, with its owners; or NULL.
 *   out      as image_import_archive().
 */
MUST_USE int image_copy_in(const struct image *base, const char *source,
                           struct core_source *archive, const char *path,
                           const struct image_options *options, struct image_copy *copy,
                           struct image *out, struct core_diag *diag);

/* Make an image of the same tree with another configuration, options->config. */
MUST_USE int image_copy_of(const struct image *base, const struct image_options *options,
                           struct image *out, struct core_diag *diag);

#endif
