/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_WHITEOUT_H
#define IMAGE_WHITEOUT_H

/*
 * Whiteouts: members of a layer whose names say what of the layers below is gone.
 *
 * Source   OCI image specification, "Image Layer Filesystem Changeset", "Whiteouts";
 *          the names with two prefixes are those of aufs.
 * Threads  one.
 * Errors   -LX_EINVAL: nothing after the prefix; -LX_ENAMETOOLONG, -LX_ELOOP.
 */

#include "lx/compiler.h"
#include "tree.h"

/*
 * Do what a member's path says.  ".wh.NAME" hides NAME, ".wh..wh..opq" all that is in
 * its directory; other paths with a part that begins with ".wh..wh." say nothing.
 * What does not exist is not missed, and what this layer made stays.
 *   returns  1: that was all of it; 0: the path is that of an ordinary member.
 */
MUST_USE int image_whiteout_apply(struct image_tree *t, struct image_bytes path);

#endif
