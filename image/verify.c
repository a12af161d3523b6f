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

/* Note what was found: `st` is the file's from before, if it is sound. */
static void note(struct verify *v, struct vfs_image_key pack, const struct plat_stat *st)
{
    struct core_diag unused;
    if (storage_try_lock(v->store, &unused) < 0)
        return;
    if (st)
        seal_put(v->store, pack, st);
    else
        seal_break(v->store, pack);
    storage_unlock(v->store);
}

/* 1: the file is the pack of this id, and sound. */
static int check_pack(struct verify *v, const char *path, struct plat_file *file,
                      struct vfs_image_key id)
{
    struct image_blobs blobs = {0};
    uint64_t before = v->out->damaged;
    int err = image_blobs_add(&blobs, file);
    if (err == 0)
        err = verify_blobs(v, &blobs.packs[0], path);
    int is_it = err == 0 && vfs_image_same_key(blobs.packs[0].header->id, id);
    image_blobs_fini(&blobs);
    if (err == -LX_ENOMEM)
        return err;
    if (err < 0)
        report(v, "%s: the pack's header or tables are not what they were (%s)", path,
               core_diag_strerror(err));
    return is_it && v->out->damaged == before;
}

static int verify_pack(void *arg, const char *name)
{
    struct verify *v = arg;
    struct vfs_image_key id;
    struct plat_file *file;
    struct plat_stat st;
    char path[STORAGE_PATH], text[IMAGE_ID_SIZE] = "";
    storage_path(v->store, "packs", name, path);
    strncat(text, name, sizeof text - 1);
    int is_named = image_id_parse(text, &id) == 0, sound = 0;
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err < 0) {
        report(v, "%s: it cannot be read (%s)", path, core_diag_strerror(err));
        return 0;
    }
    err = plat_file_stat(file, &st);
    if (err == 0)
        sound = check_pack(v, path, file, id);
    plat_file_close(file);
    if (err < 0 || sound < 0)
        return err < 0 ? err : sound;
    if (is_named)
        note(v, id, sound ? &st : NULL);
    return 0;
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
