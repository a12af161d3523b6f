/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_INHERIT_H
#define PLATFORM_LINUX_INHERIT_H

/*
 * The descriptors that a guest host finds open at start, besides the standard
 * streams.  They are low enough for a small RLIMIT_NOFILE.
 */

#include "plat/plat.h"

#define INHERIT_ARENA 100
#define INHERIT_SEGMENTS 101
#define INHERIT_DOORBELL 102 /* eventfd: see park.c */
#define INHERIT_FILE 103     /* plat_file_inherited(0), and so on */
#define INHERIT_END (INHERIT_FILE + (int)PLAT_INHERIT_MAX)

#endif
