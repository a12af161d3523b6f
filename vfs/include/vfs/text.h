/* SPDX-License-Identifier: MIT */
#ifndef VFS_TEXT_H
#define VFS_TEXT_H

/*
 * A text that grows in the arena: what a file of /proc holds.
 *
 * Threads  the owner's.
 * Errors   `failed` is set when memory is short; what follows is dropped.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_text {
    char *data; /* in the arena, not terminated; NULL at first */
    uint64_t size, capacity;
    uint32_t failed;
};

#if defined(__MINGW32__) && !defined(__clang__)
#define VFS_TEXT_FORMAT __attribute__((format(gnu_printf, 2, 3)))
#else
#define VFS_TEXT_FORMAT __attribute__((format(printf, 2, 3)))
#endif

/* Append, as printf(3): %c %s %d %u %x %X %o, with -, 0, a width (or *), a precision of %s, and ll. */
void vfs_text_f(struct vfs_text *t, const char *format, ...) VFS_TEXT_FORMAT;

/* Append bytes. */
void vfs_text_add(struct vfs_text *t, const void *bytes, uint64_t size);

/* A path in a line of fields: proc(5) writes white space and backslashes in octal. */
void vfs_text_path(struct vfs_text *t, const char *path, uint64_t size);

void vfs_text_free(struct vfs_text *t);

#endif
