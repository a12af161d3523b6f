/* SPDX-License-Identifier: MIT */
#ifndef TESTS_VFS_MKIMAGE_H
#define TESTS_VFS_MKIMAGE_H

/*
 * An image from a table, in memory: what the importer writes, without the importer.
 *
 * Source   vfs/image_format.h.
 * Threads  the caller's object.
 * Errors   a row that cannot be right ends the program.
 */

#include <stdint.h>

#include "lx/stat.h"
#include "vfs/image.h"

/* One name of the tree; directories come before what is in them, "/" is always there. */
struct mkimage_row {
    const char *path; /* absolute */
    uint32_t mode;    /* type and permission bits */
    const char *text; /* contents of a file or target of a link; NULL: empty */
    uint64_t size;    /* of a file's contents; 0: the length of `text` */
    const char *same; /* another name of the file at this path; all else is ignored */
    uint32_t uid, gid, rdev;
    const char *xattr;   /* "name=value" */
    uint32_t value_size; /* of the value; 0: the length of a text */
};

/* The start of a row: {MKIMAGE_FILE("/etc/name", 0644, "contents"), .uid = 5} */
#define MKIMAGE_DIR(p, bits) .path = (p), .mode = LX_S_IFDIR | (bits)
#define MKIMAGE_FILE(p, bits, t) .path = (p), .mode = LX_S_IFREG | (bits), .text = (t)
#define MKIMAGE_LINK(p, t) .path = (p), .mode = LX_S_IFLNK | 0777, .text = (t)

struct mkimage {
    uint8_t *index, *pack; /* owned; mkimage_free() them */
    uint64_t index_size, pack_size;
};

void mkimage_build(const struct mkimage_row *rows, uint32_t count, struct mkimage *out);

/* Make checksums right again after a change: the headers' and sections', or the index header's. */
void mkimage_seal(struct mkimage *image);
void mkimage_seal_header(struct mkimage *image);

/* Open it; the errors of vfs/image.h. */
int mkimage_open(const struct mkimage *image, struct vfs_image *out);
void mkimage_free(struct mkimage *image);

#endif
