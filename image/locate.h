/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_LOCATE_H
#define IMAGE_LOCATE_H

/*
 * Paths in an image that is open, as its own programs would follow them: symbolic
 * links lead on within the image, and ".." in the root stays there.
 *
 * Source   path_resolution(7).
 * Threads  any.
 * Errors   -LX_ENOENT: a directory on the way is missing; -LX_ENOTDIR, -LX_ELOOP,
 *          -LX_ENAMETOOLONG; -LX_EIO: the image is damaged.
 */

#include "lx/compiler.h"
#include "tree.h"
#include "vfs/image.h"

/* Where a path leads. */
struct image_place {
    uint32_t inode;                /* IMAGE_NONE: nothing is there, but `dir` is */
    uint32_t dir;                  /* the directory it is in */
    struct image_bytes name;       /* its name there; empty if the way there ended in ".." */
    uint8_t bytes[IMAGE_PATH_MAX]; /* where the name lies */
};

/*
 * Find what a path leads to from a directory.
 *   follow   1: and from there, if that is a symbolic link.
 */
MUST_USE int image_locate(const struct vfs_image *image, uint32_t dir, struct image_bytes path,
                          int follow, struct image_place *out);

/* A path that the user gave, as docker cp reads one. */
struct image_wanted {
    struct image_bytes path; /* clean; empty: the root */
    struct image_bytes name; /* its last part */
    int is_directory;        /* it ends as only a directory's may: in "/" or "/." */
    int is_contents;         /* it ends in "/.", or is the root: what is in it is meant */
    uint8_t bytes[IMAGE_PATH_MAX];
};

/* Read a path; "x/.." is cut as text. */
MUST_USE int image_wanted_read(const char *path, struct image_wanted *out);

#endif
