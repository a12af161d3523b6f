/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_ACL_H
#define IMAGE_ACL_H

/*
 * Access control lists as archives have them, in words, and what extended attributes they become.
 *
 * A user or a group may be said by name only.  Numbers are found when all of the archive was
 * read, in its own etc/passwd and etc/group; until then they are 0 in the attribute.
 *
 * Source   star(5), SCHILY.acl.access and SCHILY.acl.default; IEEE 1003.1e draft 17, 23.3.1;
 *          libarchive's and Solaris' fourth field; vfs/acl.h.
 * Threads  the caller's object.
 * Errors   -LX_EINVAL, -LX_ENOMEM, -LX_EFBIG: the tree's limit.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "tree.h"

#define IMAGE_ACL_ENTRIES 511u /* as many as fit in a page, ext4's limit */

/* The attribute, and where in it a number is missing. */
struct image_acl {
    uint8_t value[4 + 8 * IMAGE_ACL_ENTRIES];
    size_t size;
    uint32_t name_count;
    struct {
        struct image_bytes name; /* of the text */
        uint32_t entry;
        uint32_t is_group;
    } names[IMAGE_ACL_ENTRIES];
};

/*
 * Read a list.
 *   returns  -LX_EINVAL: it is none, or has too many entries.
 */
MUST_USE int image_acl_read(struct image_bytes text, struct image_acl *out);

/* The lines of etc/passwd or etc/group that the archive has. */
struct image_acl_table {
    uint8_t *data; /* owned, or NULL */
    size_t size;
};

/* Begin it anew, with so many zeros, if it is not too large to be one. */
MUST_USE int image_acl_table_begin(struct image_acl_table *t, uint64_t size);

/* The names of an archive whose numbers are missing; all zero at first. */
struct image_acl_names {
    struct image_acl_table users, groups;
    struct image_acl_name *items;
    uint64_t count, capacity;
};
void image_acl_names_fini(struct image_acl_names *n);

/* Note a list's names, whose value is at this offset of the tree's extended attributes. */
MUST_USE int image_acl_names_add(struct image_acl_names *n, struct image_tree *t,
                                 const struct image_acl *acl, uint64_t value);

/*
 * Put the numbers in.
 *   missing  a name that neither table has, in the tree; else empty.
 *   is_group whether it is a group's.
 *   returns  -LX_EINVAL: there is one; -LX_ENOMEM.
 */
MUST_USE int image_acl_names_find(const struct image_acl_names *n, struct image_tree *t,
                                  struct image_bytes *missing, int *is_group);

#endif
