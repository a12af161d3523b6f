/* SPDX-License-Identifier: MIT */
/* The walk of a path through an image's index. */

#include "locate.h"

#include <string.h>

#include "lx/errno.h"
#include "lx/stat.h"

#define LINKS_MAX 40u /* as many symbolic links as Linux follows in one path */

static int has_more(struct image_bytes path)
{
    return image_path_next(&path).size != 0;
}

/* Put a link's target before the rest of the path, in out->bytes, where the rest may be already. */
static int prepend(const struct vfs_image *image, const struct vfs_image_inode *link,
                   struct image_bytes *rest, struct image_place *out)
{
    const char *target = vfs_image_target(image, link);
    if (!target || link->size == 0)
        return -LX_EIO;
    if (link->size + 1 + rest->size > sizeof out->bytes)
        return -LX_ENAMETOOLONG;
    memmove(out->bytes + link->size + 1, rest->data, rest->size);
    memcpy(out->bytes, target, link->size);
    out->bytes[link->size] = '/';
    *rest = (struct image_bytes){out->bytes, link->size + 1 + rest->size};
    return 0;
}

/* The inode of a name in a directory, IMAGE_NONE, or -LX_EIO. */
static int64_t look_up(const struct vfs_image *image, uint32_t dir, struct image_bytes name)
{
    const struct vfs_image_inode *inode = vfs_image_inode(image, dir);
    if (!inode)
        return -LX_EIO;
    int64_t found = vfs_image_lookup(image, inode, (const char *)name.data, (uint32_t)name.size);
    return found == -LX_ENOENT ? IMAGE_NONE : found;
}

int image_locate(const struct vfs_image *image, uint32_t dir, struct image_bytes path, int follow,
                 struct image_place *out)
{
    uint32_t links = 0;
    *out = (struct image_place){.inode = dir, .dir = dir};
    while (has_more(path)) {
        struct image_bytes c = image_path_next(&path);
        int last = !has_more(path);
        if (image_path_is_dot(c))
            continue;
        const struct vfs_image_inode *inode = vfs_image_inode(image, out->inode);
        if (!inode)
            return -LX_EIO;
        out->dir = out->inode;
        out->name = (struct image_bytes){0};
        if (image_path_is_dot_dot(c)) {
            out->inode = out->dir = inode->parent;
            continue;
        }
        if (c.size > IMAGE_NAME_MAX)
            return -LX_ENAMETOOLONG;
        int64_t found = look_up(image, out->dir, c);
        if (found < 0)
            return (int)found;
        out->name = c;
        out->inode = (uint32_t)found;
        if (out->inode == IMAGE_NONE) {
            if (!last)
                return -LX_ENOENT;
            break;
        }
        inode = vfs_image_inode(image, out->inode);
        uint32_t type = inode ? inode->mode & LX_S_IFMT : 0;
        if (type == LX_S_IFLNK && (!last || follow)) {
            if (++links > LINKS_MAX)
                return -LX_ELOOP;
            int err = prepend(image, inode, &path, out);
            if (err < 0)
                return err;
            out->inode = out->dir = path.data[0] == '/' ? 0 : out->dir;
            out->name = (struct image_bytes){0};
        } else if (type != LX_S_IFDIR && !last) {
            return type ? -LX_ENOTDIR : -LX_EIO;
        }
    }
    /* The name lies in the caller's path or in `bytes`: keep it in `bytes`. */
    if (out->name.size)
        memmove(out->bytes, out->name.data, out->name.size);
    out->name.data = out->bytes;
    return 0;
}

int image_wanted_read(const char *path, struct image_wanted *out)
{
    struct image_bytes text = {(const uint8_t *)path, strlen(path)}, last = {0}, c, rest = text;
    size_t size;
    while ((c = image_path_next(&rest)).size)
        last = c;
    *out = (struct image_wanted){.is_contents = image_path_is_dot(last)};
    out->is_directory = out->is_contents || (text.size && text.data[text.size - 1] == '/');
    int err = image_path_clean_absolute(text, out->bytes, &size);
    if (err < 0)
        return err;
    size_t start = size;
    while (start && out->bytes[start - 1] != '/')
        start--;
    out->path = (struct image_bytes){out->bytes, size};
    out->name = (struct image_bytes){out->bytes + start, size - start};
    if (size == 0)
        out->is_contents = out->is_directory = 1;
    return 0;
}
