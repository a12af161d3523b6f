/* SPDX-License-Identifier: MIT */
/* What is done with a store as a whole: import an archive, list, remove, prune. */

#include "image/store.h"

#include <stdlib.h>
#include <string.h>

#include "archives.h"
#include "image/load.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "storage.h"

/* ---- Importing an archive, once ------------------------------------------ */

struct import {
    struct image_store *store;
    const char *path;
    struct plat_file *file;
    struct plat_stat st;
    const struct image_options *options;
    struct core_diag *diag;
};

/* 1: the store has the image, and it is open; 0: it has not, or it is damaged. */
static int find_archive(struct import *m, struct image *out)
{
    struct vfs_image_key id;
    struct core_diag unused;
    if (archives_find_path(m->store, m->path, &m->st, &id) &&
        image_store_get(m->store, id, out, &unused) == 0)
        return 1;
    return archives_find_content(m->store, m->path, m->file, &m->st, &id) &&
           image_store_get(m->store, id, out, &unused) == 0;
}

static int import_locked(struct import *m, struct image *out)
{
    struct image_options options = *m->options;
    struct core_source_file source;
    struct archives_hash *hash;
    options.store = m->store;
    int err = archives_hash_start(m->file, &m->st, &hash);
    if (err < 0)
        return core_diag_set(m->diag, err, "%s: no memory to import it", m->path);
    core_source_file_init(&source, m->file, m->st.size);
    err = image_import_any(&source.base, m->path, &options, out, m->diag);
    int noted = archives_hash_end(hash, m->store, m->path, err == 0 ? &out->id : NULL, m->diag);
    if (err == 0 && noted < 0) {
        image_close(out);
        return noted;
    }
    return err;
}

int image_store_import(struct image_store *s, const char *path, struct plat_file *file, int again,
                       const struct image_options *options, struct image *out,
                       struct core_diag *diag)
{
    struct import m = {.store = s, .path = path, .file = file, .options = options, .diag = diag};
    *out = (struct image){0};
    int err = plat_file_stat(file, &m.st);
    if (err < 0)
        return core_diag_set(diag, err, "cannot read the image %s: %s", path,
                             core_diag_strerror(err));
    if (!again && find_archive(&m, out))
        return 0;
    err = storage_lock(s, options->waiting, options->arg, diag);
    if (err < 0)
        return err;
    if (again || !find_archive(&m, out)) /* another process may have imported it meanwhile */
        err = import_locked(&m, out);
    storage_unlock(s);
    return err;
}

/* ---- All images ---------------------------------------------------------- */

struct each {
    int (*each)(void *arg, struct vfs_image_key id);
    void *arg;
};

static int each_file(void *arg, const char *name)
{
    const struct each *e = arg;
    struct vfs_image_key id;
    char text[IMAGE_ID_SIZE] = "";
    strncat(text, name, sizeof text - 1);
    return image_id_parse(text, &id) == 0 ? e->each(e->arg, id) : 0;
}

int image_store_each(struct image_store *s, int (*each)(void *arg, struct vfs_image_key id),
                     void *arg, struct core_diag *diag)
{
    struct each e = {each, arg};
    return storage_each(s, "images", ".img", each_file, &e, diag);
}

/* Remove an image's index, and with `names` its names, unless it is in use. */
static int remove_locked(struct image_store *s, struct vfs_image_key id, int names,
                         struct core_diag *diag)
{
    char path[STORAGE_PATH], text[IMAGE_ID_SIZE];
    struct plat_file *file;
    storage_image_path(s, id, path);
    image_id_format(id, text);
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err < 0)
        return storage_failed(err, "open", path, diag);
    err = plat_file_lock(file, PLAT_LOCK_EXCLUSIVE);
    if (err == -LX_EAGAIN)
        err = core_diag_set(diag, -LX_EBUSY,
                            "the image %.12s is in use by a container; end that first", text);
    else if (err < 0)
        storage_failed(err, "lock", path, diag);
    if (err == 0 && names)
        err = container_check_image(s, id, diag);
    if (err == 0 && names)
        err = names_forget(s, id, diag);
    if (err == 0) {
        err = plat_path_remove(path);
        if (err < 0)
            storage_failed(err, "remove", path, diag);
    }
    if (err == 0)
        storage_patches_path(s, id, path);
    if (err == 0 && (err = plat_path_remove(path)) < 0)
        err = err == -LX_ENOENT ? 0 : storage_failed(err, "remove", path, diag);
    if (err == 0)
        storage_memory_path(s, id, path);
    if (err == 0 && (err = plat_path_remove(path)) < 0)
        err = err == -LX_ENOENT ? 0 : storage_failed(err, "remove", path, diag);
    plat_file_close(file);
    return err;
}

static int remove_image(struct image_store *s, struct vfs_image_key id, int names,
                        struct core_diag *diag)
{
    int err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    err = remove_locked(s, id, names, diag);
    storage_unlock(s);
    return err;
}

int image_store_remove(struct image_store *s, struct vfs_image_key id, struct core_diag *diag)
{
    return remove_image(s, id, 1, diag);
}

int image_store_discard(struct image_store *s, struct vfs_image_key id, struct core_diag *diag)
{
    return remove_image(s, id, 0, diag);
}

int image_store_keep_patches(struct image_store *s, struct vfs_image_key id, const void *data,
                             uint64_t size, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    struct plat_stat st;
    int err = storage_try_lock(s, diag);
    if (err < 0)
        return err == -LX_EAGAIN ? 0 : err;
    storage_image_path(s, id, path);
    if (plat_path_stat(path, &st) == 0) { /* it may have been removed meanwhile */
        storage_patches_path(s, id, path);
        err = storage_replace(s, path, data, size, diag);
    }
    storage_unlock(s);
    return err;
}

int image_store_begin_memory(struct image_store *s, struct vfs_image_key id, uint64_t size,
                             struct plat_file **out, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    struct plat_stat st;
    *out = NULL;
    int err = storage_try_lock(s, diag);
    if (err < 0)
        return err;
    storage_image_path(s, id, path);
    err = plat_path_stat(path, &st); /* it may have been removed meanwhile */
    storage_memory_path(s, id, path);
    if (err == 0 && !size) {
        err = plat_path_remove(path);
        err = err == -LX_ENOENT ? 0 : err;
    }
    if (err == 0)
        err = plat_file_open(path, PLAT_FILE_WRITE | PLAT_FILE_CREATE, out);
    int64_t found = err == 0 ? plat_file_size(*out) : err;
    if (found < 0)
        err = (int)found;
    else if ((uint64_t)found != size)
        err = -LX_EAGAIN; /* somebody was faster */
    if (err < 0) {
        if (*out)
            plat_file_close(*out);
        *out = NULL;
        storage_unlock(s);
    }
    return err;
}

int image_store_end_memory(struct image_store *s, struct plat_file *file)
{
    int err = plat_file_sync(file);
    plat_file_close(file);
    storage_unlock(s);
    return err;
}

/* ---- Pruning ------------------------------------------------------------- */

/* The packs and images in use, found by marking; what is not marked goes. */
struct prune {
    struct image_store *store;
    int dry;
    struct image_prune *out;
    struct core_diag *diag;
    struct vfs_image_key *packs, *images; /* in use */
    size_t pack_count, pack_capacity, image_count, image_capacity;
};

static int add_key(struct vfs_image_key **keys, size_t *count, size_t *capacity,
                   struct vfs_image_key key)
{
    if (*count == *capacity) {
        size_t larger = *capacity * 2 + 64;
        struct vfs_image_key *new = realloc(*keys, larger * sizeof *new);
        if (!new)
            return -LX_ENOMEM;
        *keys = new;
        *capacity = larger;
    }
    (*keys)[(*count)++] = key;
    return 0;
}

static int has_key(const struct vfs_image_key *keys, size_t count, struct vfs_image_key key)
{
    for (size_t i = 0; i < count; i++) {
        if (vfs_image_same_key(keys[i], key))
            return 1;
    }
    return 0;
}

/* Mark an image and its packs.  One that is damaged keeps what it names, if that can be read. */
static int mark_image(void *arg, struct vfs_image_key id)
{
    struct prune *p = arg;
    struct image image = {0};
    struct plat_file *index;
    char path[STORAGE_PATH];
    const struct vfs_image_pack *pack;
    storage_image_path(p->store, id, path);
    int err = add_key(&p->images, &p->image_count, &p->image_capacity, id);
    if (err < 0 || plat_file_open(path, PLAT_FILE_READ, &index) < 0)
        return err;
    if (image_map_index(&image, index) < 0) {
        plat_file_close(index);
        return 0;
    }
    for (uint32_t i = 0; err == 0 && (pack = vfs_image_pack(&image.view, i)); i++) {
        if (!has_key(p->packs, p->pack_count, pack->id))
            err = add_key(&p->packs, &p->pack_count, &p->pack_capacity, pack->id);
    }
    image_close(&image);
    return err;
}

/* Remove a file and count it; one that is in use stays for the next time. */
static void drop(struct prune *p, const char *folder, const char *name, uint64_t *count)
{
    char path[STORAGE_PATH];
    struct plat_stat st;
    storage_path(p->store, folder, name, path);
    if (plat_path_stat(path, &st) < 0 || (!p->dry && plat_path_remove(path) < 0))
        return;
    ++*count;
    p->out->bytes += st.size;
}

/* A pack, or its seal. */
static int prune_pack(void *arg, const char *name)
{
    struct prune *p = arg;
    struct vfs_image_key id;
    char text[IMAGE_ID_SIZE] = "";
    uint64_t seals = 0;
    strncat(text, name, sizeof text - 1);
    if (image_id_parse(text, &id) < 0 || !has_key(p->packs, p->pack_count, id))
        drop(p, "packs", name, strstr(name, ".seal") ? &seals : &p->out->packs);
    return 0;
}

static int prune_archive(void *arg, const char *name)
{
    struct prune *p = arg;
    struct vfs_image_key id;
    if (!archives_note_image(p->store, name, &id) || !has_key(p->images, p->image_count, id))
        drop(p, "archives", name, &p->out->archives);
    return 0;
}

int image_store_prune(struct image_store *s, int dry, struct image_prune *out,
                      struct core_diag *diag)
{
    struct prune p = {.store = s, .dry = dry, .out = out, .diag = diag};
    *out = (struct image_prune){0};
    int err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    err = image_store_each(s, mark_image, &p, diag);
    if (err == -LX_ENOMEM)
        core_diag_set(diag, err, "no memory to look through the store");
    if (err == 0)
        err = storage_each(s, "packs", "", prune_pack, &p, diag);
    if (err == 0)
        err = storage_each(s, "archives", "", prune_archive, &p, diag);
    storage_unlock(s);
    free(p.packs);
    free(p.images);
    return err;
}
