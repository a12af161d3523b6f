/* SPDX-License-Identifier: MIT */
#ifndef LX_ACL_H
#define LX_ACL_H

/*
 * POSIX access control lists, as extended attributes have them: a header, then entries.
 *
 * Source  linux/posix_acl.h, linux/posix_acl_xattr.h, linux/xattr.h, acl(5).
 */

#include <stdint.h>

#define LX_XATTR_NAME_POSIX_ACL_ACCESS "system.posix_acl_access"
#define LX_XATTR_NAME_POSIX_ACL_DEFAULT "system.posix_acl_default"

#define LX_POSIX_ACL_XATTR_VERSION 2

/* What an entry is for, in the order that they have. */
#define LX_ACL_USER_OBJ 0x01
#define LX_ACL_USER 0x02
#define LX_ACL_GROUP_OBJ 0x04
#define LX_ACL_GROUP 0x08
#define LX_ACL_MASK 0x10
#define LX_ACL_OTHER 0x20

#define LX_ACL_UNDEFINED_ID (-1) /* of all but users and groups */

struct lx_posix_acl_xattr_header {
    uint32_t a_version;
};
_Static_assert(sizeof(struct lx_posix_acl_xattr_header) == 4, "ABI");

struct lx_posix_acl_xattr_entry {
    uint16_t e_tag, e_perm;
    uint32_t e_id;
};
_Static_assert(sizeof(struct lx_posix_acl_xattr_entry) == 8, "ABI");

#endif
