/* SPDX-License-Identifier: MIT */
/* Images that are open: their files, their ids, and how one of the store is opened. */

#include "image/image.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "seal.h"
#include "storage.h"

const char *image_config_text(const struct image *image, uint64_t *size)
{
    *size = vfs_image_header(&image->view)->sections[VFS_IMAGE_CONFIG].size;
    return vfs_image_section(&image->view, VFS_IMAGE_CONFIG, 0, *size);
}

void image_close(struct image *image)
{
    for (uint32_t i = 0; i < image->view.pack_count; i++)
        plat_file_unmap(image->view.packs[i].data, image->view.packs[i].size);
    for (uint32_t i = 0; i < VFS_IMAGE_PACKS_MAX; i++) {
        if (image->packs[i])
            plat_file_close(image->packs[i]);
    }
    if (image->view.index.data)
        plat_file_unmap(image->view.index.data, image->view.index.size);
    if (image->patches)
        plat_file_close(image->patches);
    if (image->memory)
        plat_file_close(image->memory);
    if (image->index)
        plat_file_close(image->index);
    *image = (struct image){0};
}

/* The low half first, byte by byte, as a dump of the file shows it. */
void image_id_format(struct vfs_image_key id, char text[IMAGE_ID_SIZE])
{
    uint8_t bytes[sizeof id];
    memcpy(bytes, &id, sizeof id);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int image_id_parse(const char *text, struct vfs_image_key *id)
{
    uint8_t bytes[sizeof *id];
    *id = (struct vfs_image_key){0};
    for (size_t i = 0; i < sizeof bytes; i++) {
        int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return -LX_EINVAL;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (text[2 * sizeof bytes])
        return -LX_EINVAL;
    memcpy(id, bytes, sizeof *id);
    return 0;
}

/* The name of inode number `child` in a directory, or "?". */
static void find_name(const struct vfs_image *image, uint32_t dir, uint32_t child, char *out,
                      size_t size)
{
    const struct vfs_image_inode *inode = vfs_image_inode(image, dir);
    const struct vfs_image_entry *e;
    const char *name;
    snprintf(out, size, "?");
    for (uint32_t i = 0; inode && (e = vfs_image_entry(image, inode, i, &name)); i++) {
        if (e->inode == child) {
            snprintf(out, size, "%.*s", (int)e->name_size, name);
            return;
        }
    }
}

/* "/usr/bin/" for a directory, as far as it fits. */
static void directory_path(const struct vfs_image *image, uint32_t dir, char *out, size_t size)
{
    char name[256], tail[STORAGE_PATH] = "/";
    for (uint32_t depth = 0; dir && depth < STORAGE_PATH / 2; depth++) {
        const struct vfs_image_inode *inode = vfs_image_inode(image, dir);
        if (!inode)
            break;
        find_name(image, inode->parent, dir, name, sizeof name);
        snprintf(out, size, "/%s%s", name, tail);
        snprintf(tail, sizeof tail, "%s", out);
        dir = inode->parent;
    }
    snprintf(out, size, "%s", tail);
}

void image_path(const struct image *image, uint32_t inode, char *out, size_t size)
{
    const struct vfs_image *v = &image->view;
    const struct vfs_image_entry *e;
    const char *name;
    char dir[STORAGE_PATH];
    uint32_t count = vfs_image_inode_count(v);
    for (uint32_t d = 0; d < count; d++) {
        const struct vfs_image_inode *i = vfs_image_inode(v, d);
        if ((i->mode & LX_S_IFMT) != LX_S_IFDIR)
            continue;
        for (uint32_t n = 0; (e = vfs_image_entry(v, i, n, &name)); n++) {
            if (e->inode != inode)
                continue;
            directory_path(v, d, dir, sizeof dir);
            snprintf(out, size, "%s%.*s", dir, (int)e->name_size, name);
            return;
        }
    }
    snprintf(out, size, "inode %u", inode);
}

int image_section_is_sound(const struct image *image, enum vfs_image_section which)
{
    const struct vfs_image_range *r = &vfs_image_header(&image->view)->sections[which];
    return XXH3_64bits(image->view.index.data + r->offset, r->size) == r->checksum;
}

int image_map_index(struct image *image, struct plat_file *index)
{
    const void *data;
    int64_t got = plat_file_size(index);
    if (got < 0)
        return (int)got;
    uint64_t size = (uint64_t)got;
    if (size < sizeof(struct vfs_image_header))
        return -LX_EIO;
    int err = plat_file_map(index, 0, size, &data);
    if (err < 0)
        return err;
    err = vfs_image_open(&image->view, (struct vfs_image_map){data, size});
    if (err < 0) {
        plat_file_unmap(data, size);
        image->view = (struct vfs_image){0};
        return err;
    }
    image->index = index;
    return 0;
}

int image_map_packs(struct image *image)
{
    const struct vfs_image_pack *pack;
    for (uint32_t i = image->view.pack_count; (pack = vfs_image_pack(&image->view, i)); i++) {
        const void *data;
        int err = plat_file_map(image->packs[i], 0, pack->size, &data);
        if (err < 0)
            return err;
        err = vfs_image_open_pack(&image->view, (struct vfs_image_map){data, pack->size});
        if (err < 0) {
            plat_file_unmap(data, pack->size);
            return err;
        }
    }
    return 0;
}

/* Open the packs that the index names; -LX_EIO if one is not as it says. */
static int open_packs(struct image_store *s, struct image *image, char *path)
{
    const struct vfs_image_pack *pack;
    for (uint32_t i = 0; (pack = vfs_image_pack(&image->view, i)); i++) {
        if (i == VFS_IMAGE_PACKS_MAX)
            return -LX_EIO;
        storage_pack_path(s, pack->id, path);
        int err = plat_file_open(path, PLAT_FILE_READ, &image->packs[i]);
        if (err < 0)
            return err == -LX_ENOENT ? -LX_EIO : err;
        struct plat_stat st;
        err = plat_file_stat(image->packs[i], &st);
        if (err < 0 || st.size < pack->size)
            return err < 0 ? err : -LX_EIO;
        image->view.whole_packs |= (uint32_t)seal_is_whole(s, pack->id, &st) << i;
    }
    return 0;
}

static int open_files(struct image_store *s, struct vfs_image_key id, struct image *out, char *path)
{
    struct plat_file *index;
    storage_image_path(s, id, path);
    int err = plat_file_open(path, PLAT_FILE_READ, &index);
    if (err < 0)
        return err;
    err = plat_file_lock(index, PLAT_LOCK_SHARED);
    if (err == 0)
        err = image_map_index(out, index);
    if (err < 0) {
        plat_file_close(index);
        return err == -LX_EAGAIN ? -LX_ENOENT : err; /* it is being removed */
    }
    char kept[STORAGE_PATH];
    storage_patches_path(s, id, kept);
    if (plat_file_open(kept, PLAT_FILE_READ, &out->patches) < 0)
        out->patches = NULL;
    storage_memory_path(s, id, kept);
    if (plat_file_open(kept, PLAT_FILE_READ | PLAT_FILE_EXECUTE, &out->memory) < 0)
        out->memory = NULL;
    out->id = id;
    out->is_stored = 1;
    out->kept_id = id;
    return open_packs(s, out, path);
}

int image_store_get(struct image_store *s, struct vfs_image_key id, struct image *out,
                    struct core_diag *diag)
{
    char path[STORAGE_PATH], text[IMAGE_ID_SIZE];
    *out = (struct image){0};
    int err = open_files(s, id, out, path);
    if (err == 0)
        return 0;
    image_close(out);
    image_id_format(id, text);
    if (err == -LX_ENOENT)
        return core_diag_set(diag, err, "there is no image %s; see 'tarbox images'", text);
    if (err == -LX_EIO)
        return core_diag_set(diag, err,
                             "the image %.12s is damaged: %s is missing or not what it was; import "
                             "it again",
                             text, path);
    return storage_failed(err, "open", path, diag);
}
