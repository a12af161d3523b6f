/* SPDX-License-Identifier: MIT */
#ifndef LX_INOTIFY_H
#define LX_INOTIFY_H

/*
 * inotify(7).
 *
 * Source  inotify(7); linux/inotify.h.
 */

#include <stdint.h>

/* Events */
#define LX_IN_ACCESS 0x1u
#define LX_IN_MODIFY 0x2u
#define LX_IN_ATTRIB 0x4u
#define LX_IN_CLOSE_WRITE 0x8u
#define LX_IN_CLOSE_NOWRITE 0x10u
#define LX_IN_OPEN 0x20u
#define LX_IN_MOVED_FROM 0x40u
#define LX_IN_MOVED_TO 0x80u
#define LX_IN_CREATE 0x100u
#define LX_IN_DELETE 0x200u
#define LX_IN_DELETE_SELF 0x400u
#define LX_IN_MOVE_SELF 0x800u
#define LX_IN_ALL_EVENTS 0xfffu

/* What an event may be besides. */
#define LX_IN_UNMOUNT 0x2000u
#define LX_IN_Q_OVERFLOW 0x4000u
#define LX_IN_IGNORED 0x8000u
#define LX_IN_ISDIR 0x40000000u

/* How to watch. */
#define LX_IN_ONLYDIR 0x1000000u
#define LX_IN_DONT_FOLLOW 0x2000000u
#define LX_IN_EXCL_UNLINK 0x4000000u
#define LX_IN_MASK_CREATE 0x10000000u
#define LX_IN_MASK_ADD 0x20000000u
#define LX_IN_ONESHOT 0x80000000u

/* inotify_init1(2) */
#define LX_IN_NONBLOCK 0x800u
#define LX_IN_CLOEXEC 0x80000u

struct lx_inotify_event {
    int32_t wd;
    uint32_t mask;
    uint32_t cookie;
    uint32_t len; /* of the name behind it, with the zeros that fill it up */
};

#endif
