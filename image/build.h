/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_BUILD_H
#define IMAGE_BUILD_H

/*
 * An image being built from any origin: its tree and its pack, and what both
 * cost so far.
 *
 * Threads  one.
 * Errors   -LX_E*, with a sentence in `diag`.
 */

#include "image/import.h"
#include "pack.h"
#include "tree.h"

struct image_build {
    const char *name; /* of the origin, for messages */
    struct image_options options;
    struct core_diag *diag;
    struct image_tree tree;
    struct image_pack *pack;
    const char *config;        /* canonical JSON */
    struct image_bytes member; /* the one being read, for messages; empty: none, or not known */
    int is_copy; /* into a tree that was there: a directory is replaced by nothing else, and the
                    reverse; the base of the tree keeps its attributes */
    uint64_t file_bytes, shared_bytes;
};

/* Give `err` a sentence about the whole import; returns it. */
int image_build_failed(struct image_build *b, int err);

/*
 * Write a member's name for a message: printable ASCII only, and cut to fit.
 *   size     IMAGE_QUOTED_SIZE is enough to tell which it is.
 */
#define IMAGE_QUOTED_SIZE 400
void image_build_quote(char *to, size_t size, struct image_bytes name);

/* Give `err` a sentence about one member; `format` says what is wrong and what to do. */
int image_build_refuse(struct image_build *b, int err, struct image_bytes member,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Say why a call on behalf of a member failed: a limit, the host, or its path. */
int image_build_member_failed(struct image_build *b, int err, struct image_bytes member);

/* In a copy: may a directory, or else something else, take this name?  Refuses the member if not. */
MUST_USE int image_build_check_kind(struct image_build *b, uint32_t dir, struct image_bytes name,
                                    int is_directory, struct image_bytes member);

/* Check a file's size against the limits, and count it. */
MUST_USE int image_build_count_file(struct image_build *b, struct image_bytes member,
                                    uint64_t size);

/*
 * Write a symbolic link's target into the tree and `node`.
 *   returns  -LX_EINVAL: it is empty; -LX_ENAMETOOLONG.
 */
MUST_USE int image_build_target(struct image_build *b, struct image_bytes target,
                                struct image_node *node);

/* End the pack's content and note it in `node`. */
MUST_USE int image_build_content(struct image_build *b, struct image_node *node);

/*
 * Build an image: fill() adds everything, then the index is written.
 *   out      empty on failure.
 */
MUST_USE int image_build_run(const char *name, const struct image_options *options,
                             int (*fill)(struct image_build *b, void *arg), void *arg,
                             struct image *out, struct core_diag *diag);

#endif
