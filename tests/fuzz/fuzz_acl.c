/* SPDX-License-Identifier: MIT */
/* Access control lists: attributes, and words of archives, whose names an etc/passwd has. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "lx/errno.h"
#include "vfs/acl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_attribute(const uint8_t *value, size_t size)
{
    uint32_t mode = UINT32_MAX;
    int64_t count = vfs_acl_check(value, size);
    if (count == -LX_EINVAL || count == -LX_EOPNOTSUPP)
        return;
    int is_extended = vfs_acl_is_extended(value, size, &mode);
    if (count < 3 || size != 4 + 8 * (size_t)count || mode > 0777 || is_extended != (count > 3))
        abort();
}

/* The words, and behind a zero byte the table that both users and groups are in. */
static void check_words(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    size_t words = end ? (size_t)(end - data) : size, rest = end ? size - words - 1 : 0;
    struct image_acl *acl = malloc(sizeof *acl);
    struct image_acl_names names = {.count = 0};
    struct image_limits limits = {.metadata = 1 << 20, .entries = 100};
    struct image_tree tree;
    struct image_bytes missing;
    uint32_t offset;
    int is_group;
    if (!acl || image_tree_init(&tree, &limits) < 0)
        abort();
    if (image_acl_read((struct image_bytes){data, words}, acl) == 0) {
        check_attribute(acl->value, acl->size);
        struct image_bytes name = {(const uint8_t *)"x", 1};
        if (image_acl_table_begin(&names.users, rest) < 0 ||
            image_acl_table_begin(&names.groups, rest) < 0)
            abort();
        if (names.users.size)
            memcpy(names.users.data, end + 1, rest);
        if (names.groups.size)
            memcpy(names.groups.data, end + 1, rest);
        if (image_tree_add_xattr(&tree, name, (struct image_bytes){acl->value, acl->size}, 0,
                                 &offset) == 0 &&
            image_acl_names_add(&names, &tree, acl,
                                offset + sizeof(struct vfs_image_xattr) + name.size) == 0 &&
            image_acl_names_find(&names, &tree, &missing, &is_group) < 0 && !missing.size)
            abort();
    }
    image_acl_names_fini(&names);
    image_tree_fini(&tree);
    free(acl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_attribute(data, size);
    check_words(data, size);
    return 0;
}
