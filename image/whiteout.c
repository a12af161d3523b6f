/* SPDX-License-Identifier: MIT */
/* Whiteouts, told by their names. */

#include "whiteout.h"

#include <string.h>

#include "lx/errno.h"

#define PREFIX ".wh."
#define PREFIX_SIZE 4u
#define META ".wh..wh."
#define META_SIZE 8u
#define OPAQUE ".wh..wh..opq"
#define OPAQUE_SIZE 12u

static int begins(const uint8_t *data, size_t size, const char *prefix, size_t prefix_size)
{
    return size >= prefix_size && !memcmp(data, prefix, prefix_size);
}

/* Whether the prefix is anywhere: few members need a closer look. */
static int may_be(struct image_bytes path)
{
    for (size_t i = 0; i + PREFIX_SIZE <= path.size; i++)
        if (!memcmp(path.data + i, PREFIX, PREFIX_SIZE))
            return 1;
    return 0;
}

static int hide(struct image_tree *t, struct image_bytes parent, struct image_bytes name)
{
    uint32_t dir;
    int err = image_tree_find_directory(t, parent, &dir);
    if (err == -LX_ENOENT || err == -LX_ENOTDIR)
        return 1;
    if (err < 0)
        return err;
    if (name.size)
        image_tree_hide(t, dir, name);
    else
        image_tree_hide_children(t, dir);
    return 1;
}

int image_whiteout_apply(struct image_tree *t, struct image_bytes path)
{
    uint8_t buf[IMAGE_PATH_MAX];
    size_t size;
    if (!may_be(path) || image_path_clean(path, buf, &size) < 0)
        return 0;
    size_t start = 0; /* of the component being looked at; in the end, of the last */
    for (size_t i = 0; i <= size; i++) {
        if (i < size && buf[i] != '/')
            continue;
        int opaque =
            i == size && i - start == OPAQUE_SIZE && !memcmp(buf + start, OPAQUE, i - start);
        if (begins(buf + start, i - start, META, META_SIZE) && !opaque)
            return 1;
        if (i < size)
            start = i + 1;
    }
    struct image_bytes parent = {buf, start}, name = {buf + start, size - start};
    if (!begins(name.data, name.size, PREFIX, PREFIX_SIZE))
        return 0;
    if (name.size == PREFIX_SIZE)
        return -LX_EINVAL;
    if (begins(name.data, name.size, META, META_SIZE))
        return hide(t, parent, (struct image_bytes){0});
    return hide(t, parent, (struct image_bytes){name.data + PREFIX_SIZE, name.size - PREFIX_SIZE});
}
