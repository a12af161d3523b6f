/* SPDX-License-Identifier: MIT */
#ifndef TESTS_IMAGE_TARBALL_H
#define TESTS_IMAGE_TARBALL_H

/* Tar archives made in memory, byte by byte, and images looked into. */

#include <stddef.h>
#include <stdint.h>

#include "image/import.h"
#include "vfs/image.h"

struct tarball {
    uint8_t *data;
    size_t size, capacity;
};

/* A member; fields that are 0 are left at their defaults. */
struct tar_member {
    char type; /* typeflag; '0' */
    const char *name, *link, *prefix;
    uint32_t mode; /* 0644, directories 0755 */
    uint32_t uid, gid, major, minor;
    uint64_t mtime;
    const void *data;
    size_t size;          /* of data; its length as a string */
    uint64_t stated_size; /* in the header, if it is not `size` */
    int bad_checksum;
};

void tarball_add(struct tarball *t, struct tar_member m);

/* A pax header of one "key=value" record each; the value of `value_size` bytes. */
void tarball_pax(struct tarball *t, const char *key, const void *value, size_t value_size);
void tarball_bytes(struct tarball *t, const void *data, size_t size);
void tarball_end(struct tarball *t);
void tarball_free(struct tarball *t);

#define TARBALL_FILTERS 4
extern const char *const tarball_filters[TARBALL_FILTERS];

/* The archive packed by libarchive, with one of them. */
struct tarball tarball_packed(const struct tarball *t, const char *filter);

/* A file of the host, in the folder the test runs in. */
void make_host_file(const char *name, const char *text);

/* An image with its packs in memory. */
struct opened {
    struct image image;
    struct vfs_image view;
    void *packs[VFS_IMAGE_PACKS_MAX];
};

/* Import and open; asserts success. */
void opened_init(struct opened *o, const struct tarball *t);
void opened_image(struct opened *o, struct image image);
void opened_fini(struct opened *o);

/* The inode at a path without symbolic links, or NULL. */
const struct vfs_image_inode *opened_find(const struct opened *o, const char *path);

/* Assert a regular file's content. */
void opened_expect(const struct opened *o, const char *path, const void *data, size_t size);

/* Import; returns the error, whose text is in `diag`. */
int tarball_import(const struct tarball *t, const struct image_options *options, struct image *out,
                   struct core_diag *diag);

#endif
