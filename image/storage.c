/* SPDX-License-Identifier: MIT */
/* Paths, the lock, and files that appear complete or not at all. */

#include "storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "writer.h"

#define FORMAT "tarbox store 2\n"
#define SMALL_FILE_MAX (64u << 20)

/* ---- Paths and messages -------------------------------------------------- */

void storage_path(const struct image_store *s, const char *folder, const char *name, char *path)
{
    snprintf(path, STORAGE_PATH, "%s/%s%s%s", s->root, folder, *name ? "/" : "", name);
}

static void id_path(const struct image_store *s, const char *folder, struct vfs_image_key id,
                    const char *suffix, char *path)
{
    char name[IMAGE_ID_SIZE + 8];
    image_id_format(id, name);
    strcat(name, suffix);
    storage_path(s, folder, name, path);
}

void storage_pack_path(const struct image_store *s, struct vfs_image_key id, char *path)
{
    id_path(s, "packs", id, ".pack", path);
}

void storage_seal_path(const struct image_store *s, struct vfs_image_key id, char *path)
{
    id_path(s, "packs", id, ".seal", path);
}

void storage_image_path(const struct image_store *s, struct vfs_image_key id, char *path)
{
    id_path(s, "images", id, ".img", path);
}

void storage_patches_path(const struct image_store *s, struct vfs_image_key id, char *path)
{
    id_path(s, "images", id, ".patch", path);
}

void storage_memory_path(const struct image_store *s, struct vfs_image_key id, char *path)
{
    id_path(s, "images", id, ".memory", path);
}

int storage_failed(int err, const char *what, const char *path, struct core_diag *diag)
{
    if (err == -LX_EACCES || err == -LX_EPERM || err == -LX_EROFS)
        return core_diag_set(diag, err,
                             "cannot %s %s: %s; choose another folder for the store with --root or "
                             "TARBOX_ROOT, or run with --ephemeral",
                             what, path, core_diag_strerror(err));
    if (err == -LX_ENOSPC)
        return core_diag_set(
            diag, err,
            "cannot %s %s: no space left; free some with 'tarbox prune', or choose "
            "another folder for the store with --root or TARBOX_ROOT",
            what, path);
    return core_diag_set(diag, err, "cannot %s %s: %s", what, path, core_diag_strerror(err));
}

/* ---- Opening a store ----------------------------------------------------- */

static int give_root(const char *path, char *root, size_t size, struct core_diag *diag)
{
    if (strlen(path) >= size)
        return core_diag_set(diag, -LX_ENAMETOOLONG, "the path %s is too long for a store", path);
    strcpy(root, path);
    return 0;
}

/* Where the store is if nobody says: $TARBOX_ROOT, else the user's application data. */
static int default_root(char *root, size_t size, struct core_diag *diag)
{
    static const char variable[] = "TARBOX_ROOT=";
    char data[STORAGE_PATH];
    for (char **e = plat_environment(); *e; e++) {
        if (strncmp(*e, variable, sizeof variable - 1) == 0 && (*e)[sizeof variable - 1]) {
            return give_root(*e + sizeof variable - 1, root, size, diag);
        }
    }
    int err = plat_path_data(data, sizeof data - sizeof "/tarbox");
    if (err < 0)
        return core_diag_set(diag, err,
                             "there is no folder for application data; say where the store is to "
                             "be with --root or TARBOX_ROOT");
    strcat(data, "/tarbox");
    return give_root(data, root, size, diag);
}

/* Make a folder and those above it. */
static int make_folders(char *path)
{
    struct plat_stat st;
    int err = plat_path_make_directory(path);
    if (err == -LX_EEXIST && plat_path_stat(path, &st) == 0 && st.type == PLAT_FILE_REGULAR)
        return -LX_ENOTDIR;
    if (err != -LX_ENOENT)
        return err == -LX_EEXIST ? 0 : err;
    char *slash = path + strlen(path);
    while (slash > path && *slash != '/' && *slash != '\\')
        slash--;
    if (slash == path)
        return err;
    char separator = *slash;
    *slash = 0;
    err = make_folders(path);
    *slash = separator;
    if (err == 0)
        err = plat_path_make_directory(path);
    return err == -LX_EEXIST ? 0 : err;
}

static const char *const folders[] = {"tmp", "images", "packs", "archives"};

/* Something in the folder that no store has. */
static int is_foreign(void *arg, const char *name)
{
    static const char *const files[] = {"format", "lock", "names"};
    (void)arg;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (!strcmp(name, folders[i]))
            return 0;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (!strcmp(name, files[i]))
            return 0;
    }
    return 1;
}

/* Make what a store is made of; the mark of its version comes last. */
static int make_store(struct image_store *s, const char *format, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    int err = make_folders(s->root);
    if (err < 0)
        return storage_failed(err, "make the folder", s->root, diag);
    err = storage_each(s, "", "", is_foreign, NULL, diag);
    if (err)
        return err < 0 ? err
                       : core_diag_set(diag, -LX_EINVAL,
                                       "%s is no store and not empty; choose another folder with "
                                       "--root or TARBOX_ROOT",
                                       s->root);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        storage_path(s, folders[i], "", path);
        err = plat_path_make_directory(path);
        if (err < 0 && err != -LX_EEXIST)
            return storage_failed(err, "make the folder", path, diag);
    }
    err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    struct plat_stat st;
    if (plat_path_stat(format, &st) < 0) /* no other process was faster */
        err = storage_replace(s, format, FORMAT, sizeof FORMAT - 1, diag);
    storage_unlock(s);
    return err;
}

/* Is the folder a store of this version?  One look, and nothing else is touched. */
static int check_format(struct image_store *s, int create, struct core_diag *diag)
{
    char path[STORAGE_PATH], *text;
    storage_path(s, "format", "", path);
    int64_t size = storage_read(path, &text, diag);
    if (size == -LX_ENOENT)
        return create ? make_store(s, path, diag)
                      : core_diag_set(diag, -LX_ENOENT, "there is no store at %s yet", s->root);
    if (size < 0)
        return (int)size;
    int same = strcmp(text, FORMAT) == 0;
    free(text);
    return same ? 0
                : core_diag_set(diag, -LX_EINVAL,
                                "%s is no store of this version of Tarbox; choose another folder "
                                "with --root or TARBOX_ROOT",
                                s->root);
}

int image_store_open(const char *root, int create, struct image_store **out, struct core_diag *diag)
{
    char given[STORAGE_PATH - 128];
    *out = NULL;
    struct image_store *s = calloc(1, sizeof *s);
    if (!s)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to open the store");
    int err = 0;
    if (root)
        err = give_root(root, given, sizeof given, diag);
    else
        err = default_root(given, sizeof given, diag);
    if (err == 0) {
        err = plat_path_absolute(given, s->root, sizeof s->root);
        if (err < 0)
            storage_failed(err, "use the folder", given, diag);
    }
    if (err == 0)
        err = check_format(s, create, diag);
    if (err < 0) {
        image_store_close(s);
        return err;
    }
    *out = s;
    return 0;
}

void image_store_close(struct image_store *s)
{
    if (!s)
        return;
    if (s->lock)
        plat_file_close(s->lock);
    free(s);
}

const char *image_store_root(const struct image_store *s)
{
    return s->root;
}

/* ---- The lock ------------------------------------------------------------ */

static int remove_leftover(void *store, const char *name)
{
    char path[STORAGE_PATH];
    storage_path(store, "tmp", name, path);
    return plat_path_remove(path) == -LX_ENOMEM ? -LX_ENOMEM : 0; /* else the next one tries */
}

static int open_lock(struct image_store *s, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    storage_path(s, "lock", "", path);
    int err = s->lock ? 0
                      : plat_file_open(path, PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE,
                                       &s->lock);
    return err < 0 ? storage_failed(err, "open", path, diag) : 0;
}

/* The lock has just been taken. */
static int begin_change(struct image_store *s, struct core_diag *diag)
{
    int err = storage_each(s, "tmp", "", remove_leftover, s, diag);
    if (err < 0)
        plat_file_unlock(s->lock);
    else
        s->locked++;
    return err;
}

int storage_try_lock(struct image_store *s, struct core_diag *diag)
{
    if (s->locked) {
        s->locked++;
        return 0;
    }
    int err = open_lock(s, diag);
    if (err == 0)
        err = plat_file_lock(s->lock, PLAT_LOCK_EXCLUSIVE);
    return err < 0 ? err : begin_change(s, diag);
}

int storage_lock(struct image_store *s, void (*waiting)(void *arg), void *arg,
                 struct core_diag *diag)
{
    int err = storage_try_lock(s, diag);
    if (err != -LX_EAGAIN)
        return err;
    if (waiting)
        waiting(arg);
    err = plat_file_lock(s->lock, PLAT_LOCK_EXCLUSIVE | PLAT_LOCK_WAIT);
    return err < 0 ? storage_failed(err, "lock", s->root, diag) : begin_change(s, diag);
}

void storage_unlock(struct image_store *s)
{
    if (--s->locked == 0)
        plat_file_unlock(s->lock);
}

/* ---- Files --------------------------------------------------------------- */

int storage_create(struct image_store *s, struct plat_file **file, char *path,
                   struct core_diag *diag)
{
    struct vfs_image_key random;
    char name[IMAGE_ID_SIZE];
    plat_random(&random, sizeof random);
    image_id_format(random, name);
    storage_path(s, "tmp", name, path);
    int err = plat_file_open(
        path, PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE, file);
    return err < 0 ? storage_failed(err, "write", path, diag) : 0;
}

int storage_publish(struct plat_file *file, const char *from, const char *path,
                    struct core_diag *diag)
{
    int err = plat_file_sync(file);
    plat_file_close(file);
    if (err < 0)
        storage_failed(err, "flush", from, diag);
    if (err == 0) {
        err = plat_path_rename(from, path);
        if (err < 0)
            storage_failed(err, "write", path, diag);
    }
    if (err < 0 && plat_path_remove(from) < 0)
        return err; /* the next one to hold the lock removes it */
    return err;
}

int storage_replace(struct image_store *s, const char *path, const void *data, uint64_t size,
                    struct core_diag *diag)
{
    char temporary[STORAGE_PATH];
    struct plat_file *file;
    int err = storage_create(s, &file, temporary, diag);
    if (err < 0)
        return err;
    err = image_file_write(file, data, size, 0);
    if (err == 0)
        return storage_publish(file, temporary, path, diag);
    plat_file_close(file);
    if (plat_path_remove(temporary) < 0)
        return storage_failed(err, "write", temporary, diag);
    return storage_failed(err, "write", path, diag);
}

int64_t storage_read(const char *path, char **out, struct core_diag *diag)
{
    struct plat_file *file;
    *out = NULL;
    int64_t err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == -LX_ENOENT)
        return err;
    if (err < 0)
        return storage_failed((int)err, "open", path, diag);
    int64_t size = err = plat_file_size(file);
    if (size > SMALL_FILE_MAX)
        err = -LX_EFBIG;
    char *text = err >= 0 ? malloc((size_t)size + 1) : NULL;
    if (err >= 0 && !text)
        err = -LX_ENOMEM;
    if (err >= 0)
        err = plat_file_pread(file, text, (uint64_t)size, 0);
    plat_file_close(file);
    if (err < 0) {
        free(text);
        return storage_failed((int)err, "read", path, diag);
    }
    text[err] = 0;
    *out = text;
    return err;
}

int storage_each(struct image_store *s, const char *folder, const char *suffix,
                 int (*each)(void *arg, const char *name), void *arg, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    struct plat_directory *d;
    struct plat_entry entry;
    storage_path(s, folder, "", path);
    int err = plat_directory_open(path, &d);
    if (err < 0)
        return storage_failed(err, "read the folder", path, diag);
    int more, stop = 0;
    while ((more = plat_directory_next(d, &entry)) == 1 && stop == 0) {
        size_t size = strlen(entry.name), tail = strlen(suffix);
        if (size >= tail && !strcmp(entry.name + size - tail, suffix))
            stop = each(arg, entry.name);
    }
    plat_directory_close(d);
    if (more < 0)
        return storage_failed(more, "read the folder", path, diag);
    return stop;
}

struct packs {
    struct image_store *store;
    struct image_blobs *blobs;
};

static int add_pack(void *arg, const char *name)
{
    struct packs *p = arg;
    char path[STORAGE_PATH];
    struct plat_file *file;
    storage_path(p->store, "packs", name, path);
    if (plat_file_open(path, PLAT_FILE_READ, &file) < 0)
        return 0;
    int err = image_blobs_add(p->blobs, file);
    plat_file_close(file);
    return err == -LX_ENOMEM ? err : 0;
}

int storage_packs(struct image_store *s, struct image_blobs *out, struct core_diag *diag)
{
    struct packs p = {s, out};
    *out = (struct image_blobs){0};
    int err = storage_each(s, "packs", ".pack", add_pack, &p, diag);
    if (err < 0)
        image_blobs_fini(out);
    return err == -LX_ENOMEM ? core_diag_set(diag, err, "no memory to read the store") : err;
}
