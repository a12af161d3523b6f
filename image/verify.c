/* SPDX-License-Identifier: MIT */
/*
 * Verification: every section of every file of the store against its checksum, every
 * content of every pack, and whether images find in packs what they name.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "seal.h"
#include "storage.h"

struct verify {
    struct image_store *store;
    void (*damaged)(void *arg, const char *sentence);
    void *arg;
    struct image_verify *out;
};

static void report(struct verify *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void report(struct verify *v, const char *format, ...)
{
    char text[STORAGE_PATH + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    v->out->damaged++;
    if (v->damaged)
        v->damaged(v->arg, text);
}

/* ---- Packs --------------------------------------------------------------- */

static XXH128_hash_t hash_extents(const struct image_blobs_pack *p, const struct vfs_pack_blob *b,
                                  XXH3_state_t *state)
{
    static const uint8_t zeros[VFS_IMAGE_CHUNK];
    uint64_t at = 0;
    XXH3_128bits_reset(state);
    for (uint32_t i = 0; i <= b->count; i++) {
        const struct vfs_image_extent *e = &p->extents[b->data + i];
        uint64_t until = i < b->count ? e->at : b->size;
        while (at < until) {
            uint64_t part = until - at < sizeof zeros ? until - at : sizeof zeros;
            XXH3_128bits_update(state, zeros, part);
            at += part;
        }
        if (i == b->count)
            break;
        XXH3_128bits_update(state, p->data + e->data, e->size);
        at += e->size;
    }
    return XXH3_128bits_digest(state);
}

static int blob_is_sound(const struct image_blobs_pack *p, const struct vfs_pack_blob *b,
                         XXH3_state_t *state)
{
    uint64_t data;
    XXH128_hash_t h;
    if (image_blobs_stored(p, b, &data) < 0)
        return 0;
    h = b->count ? hash_extents(p, b, state) : XXH3_128bits(p->data + data, b->size);
    return h.low64 == b->key.low && h.high64 == b->key.high;
}

static int verify_blobs(struct verify *v, const struct image_blobs_pack *p, const char *path)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -LX_ENOMEM;
    for (uint32_t i = 0; i < p->blob_count; i++) {
        const struct vfs_pack_blob *b = &p->blobs[i];
        char key[IMAGE_ID_SIZE];
        v->out->contents++;
        v->out->bytes += b->size;
        if (blob_is_sound(p, b, state))
            continue;
        image_id_format(b->key, key);
        report(v, "%s: the content %s of %llu bytes at %llu is not what it was", path, key,
               (unsigned long long)b->size, (unsigned long long)b->data);
    }
    XXH3_freeState(state);
    return 0;
}

/* The pack is as it should be: it need not be compared again before it is touched. */
static void seal(struct verify *v, struct vfs_image_key pack)
{
    struct core_diag unused;
    if (storage_try_lock(v->store, &unused) < 0)
        return;
    if (seal_put(v->store, pack, &unused) < 0)
        unused.text[0] = 0; /* then it will be compared */
    storage_unlock(v->store);
}

static int verify_pack(void *arg, const char *name)
{
    struct verify *v = arg;
    struct image_blobs blobs = {0};
    struct plat_file *file;
    char path[STORAGE_PATH];
    storage_path(v->store, "packs", name, path);
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == 0) {
        err = image_blobs_add(&blobs, file);
        plat_file_close(file);
    }
    if (err == -LX_ENOMEM)
        return err;
    if (err < 0) {
        report(v, "%s: the pack's header or tables are not what they were (%s)", path,
               core_diag_strerror(err));
        return 0;
    }
    uint64_t before = v->out->damaged;
    err = verify_blobs(v, &blobs.packs[0], path);
    if (err == 0 && v->out->damaged == before)
        seal(v, blobs.packs[0].header->id);
    image_blobs_fini(&blobs);
    return err;
}

/* ---- Images -------------------------------------------------------------- */

static const char *const section_names[VFS_IMAGE_SECTIONS] = {
    "inodes", "entries", "names", "extended attributes", "extents", "packs", "configuration",
};

static int sections_are_sound(struct verify *v, const struct image *image, const char *path)
{
    int sound = 1;
    for (uint32_t i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        if (image_section_is_sound(image, (enum vfs_image_section)i))
            continue;
        report(v, "%s: the %s are not what they were", path, section_names[i]);
        sound = 0;
    }
    return sound;
}

/* Read all files of a directory as a guest would. */
static void verify_directory(struct verify *v, const struct image *image, uint32_t dir)
{
    const struct vfs_image_inode *inode = vfs_image_inode(&image->view, dir);
    const struct vfs_image_entry *e;
    const char *name;
    char id[IMAGE_ID_SIZE], path[STORAGE_PATH];
    for (uint32_t i = 0; (e = vfs_image_entry(&image->view, inode, i, &name)); i++) {
        const struct vfs_image_inode *file = vfs_image_inode(&image->view, e->inode);
        if (file &&
            ((file->mode & LX_S_IFMT) != LX_S_IFREG || vfs_image_check(&image->view, file) == 0))
            continue;
        image_id_format(image->id, id);
        image_path(image, e->inode, path, sizeof path);
        report(v, "image %.12s: the content of %s is not what it was", id, path);
    }
}

static void verify_files(struct verify *v, const struct image *image)
{
    uint32_t count = vfs_image_inode_count(&image->view);
    for (uint32_t i = 0; i < count; i++) {
        if ((vfs_image_inode(&image->view, i)->mode & LX_S_IFMT) == LX_S_IFDIR)
            verify_directory(v, image, i);
    }
}

static int verify_image(void *arg, struct vfs_image_key id)
{
    struct verify *v = arg;
    struct image image;
    struct core_diag diag;
    char path[STORAGE_PATH];
    storage_image_path(v->store, id, path);
    v->out->images++;
    int err = image_store_get(v->store, id, &image, &diag);
    if (err == -LX_ENOMEM)
        return err;
    if (err == -LX_ENOENT) /* removed meanwhile */
        return 0;
    if (err < 0) {
        report(v, "%s", diag.text);
        return 0;
    }
    if (sections_are_sound(v, &image, path)) {
        err = image_map_packs(&image);
        if (err < 0)
            report(v, "%s: a pack it needs is damaged", path);
        else
            verify_files(v, &image);
    }
    image_close(&image);
    return 0;
}

int image_store_verify(struct image_store *s, void (*damaged)(void *arg, const char *sentence),
                       void *arg, struct image_verify *out, struct core_diag *diag)
{
    struct verify v = {.store = s, .damaged = damaged, .arg = arg, .out = out};
    *out = (struct image_verify){0};
    int err = storage_each(s, "packs", ".pack", verify_pack, &v, diag);
    if (err == 0)
        err = image_store_each(s, verify_image, &v, diag);
    if (err == -LX_ENOMEM)
        core_diag_set(diag, err, "no memory to verify the store");
    return err;
}
