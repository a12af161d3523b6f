/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_HOST_H
#define IMAGE_HOST_H

/*
 * Paths of the host that the user gave, as docker cp reads them.
 *
 * Threads  any.
 * Errors   -LX_E* of the host; -LX_ELOOP, -LX_ENAMETOOLONG.
 */

#include "lx/compiler.h"
#include "plat/plat.h"
#include "tree.h"

#define HOST_PATH_MAX 32768u /* Windows' longest */

struct host_path {
    char text[HOST_PATH_MAX]; /* without separators at its end */
    int is_directory; /* it was given as only a folder can be: with "/" or "/." at its end */
    int is_contents;  /* with "/.": what is in it is meant */
    int exists;
    struct plat_stat st; /* if it exists */
};

/*
 * Read a path and look at what is there.
 *   follow   1: if that is a symbolic link, `text` becomes what it leads to.  One that only
 *            a folder can have is always followed.
 *   returns  0 also if nothing is there.
 */
MUST_USE int host_path_read(const char *path, int follow, struct host_path *out);

/* Is the folder there that the path is in? */
int host_path_has_parent(const struct host_path *path);

/*
 * The last part of a path's absolute form; empty for a root.
 *   buf      HOST_PATH_MAX bytes.
 */
MUST_USE int host_path_name(const char *path, char *buf, struct image_bytes *name);

#endif
