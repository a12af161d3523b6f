/* SPDX-License-Identifier: MIT */
#ifndef CMD_REFERENCE_H
#define CMD_REFERENCE_H

/*
 * IMAGE:PATH on the command line, and how to tell it from a path of the host.
 *
 * Source   docker cp: a path that begins with ".", a separator or a drive is the host's,
 *          whatever colons it has.
 * Threads  any.
 */

#include <stddef.h>

/*
 * The size of IMAGE in "IMAGE:PATH", which may have a tag: "debian:12:/etc".  The colon
 * before PATH is the first one with a slash behind it, else the last one; that of a drive,
 * as in C:\x, C:/x and C:, is none.
 *   explicit  1: also in an argument that begins as a path of the host does.
 *   returns   0: it is a path of the host, or names no image.
 */
size_t cmd_reference_size(const char *argument, int explicit);

#endif
