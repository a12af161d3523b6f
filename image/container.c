/* SPDX-License-Identifier: MIT */
/*
 * Containers that are kept.  Each has a file, containers/@NAME: the ids of the image that it
 * is and of the one that it began from, the time in ns, its host name, and the latter's name.
 * Beside it =NAME, locked by whoever runs it.
 */

#include "image/container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "storage.h"

#define FOLDER "containers"
#define NAME_MAX_SIZE 64u
#define HOLD_TRIES 20
#define HOLD_NAP_NS 5000000ull

int image_container_check(const char *name, struct core_diag *diag)
{
    size_t size = strlen(name);
    int good = size > 0 && size <= NAME_MAX_SIZE && isalnum((unsigned char)name[0]);
    for (const char *c = name; good && *c; c++)
        good = isalnum((unsigned char)*c) || strchr("_.-", *c);
    return good ? 0
                : core_diag_set(diag, -LX_EINVAL,
                                "'%.100s' cannot name a container: give letters, digits and "
                                ". _ -, at most %u",
                                name, NAME_MAX_SIZE);
}

/* No name that Windows refuses, such as "aux", begins with one of these. */
static void path_of(const struct image_store *s, char prefix, const char *name,
                    char path[STORAGE_PATH])
{
    char file[NAME_MAX_SIZE + 2];
    snprintf(file, sizeof file, "%c%s", prefix, name);
    storage_path(s, FOLDER, file, path);
}

/* ---- The file ------------------------------------------------------------ */

/* Cut the next word off a text; it ends with a zero then. */
static char *next_word(char **text)
{
    char *word = *text, *end = word + strcspn(word, " \n");
    *text = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static int parse(char *text, struct image_container *out)
{
    char *image = next_word(&text), *from = next_word(&text), *time = next_word(&text),
         *host = next_word(&text), *end;
    *out = (struct image_container){0};
    if (image_id_parse(image, &out->image) < 0 || image_id_parse(from, &out->from) < 0 || !*time ||
        !*host || strlen(host) >= sizeof out->hostname)
        return -LX_EIO;
    out->created_ns = strtoull(time, &end, 10);
    memcpy(out->hostname, host, strlen(host) + 1);
    text[strcspn(text, "\n")] = 0;
    strncat(out->from_name, text, sizeof out->from_name - 1);
    return *end ? -LX_EIO : 0;
}

int image_container_read(struct image_store *s, const char *name, struct image_container *out,
                         struct core_diag *diag)
{
    char path[STORAGE_PATH], *text;
    int err = image_container_check(name, diag);
    if (err < 0)
        return err;
    path_of(s, '@', name, path);
    int64_t size = storage_read(path, &text, diag);
    if (size == -LX_ENOENT)
        return core_diag_set(diag, -LX_ENOENT, "there is no container %s; see 'tarbox ps'", name);
    if (size < 0)
        return (int)size;
    err = parse(text, out);
    free(text);
    return err < 0 ? core_diag_set(diag, err,
                                   "the container %s is damaged in the store; 'tarbox rm %s' "
                                   "removes it",
                                   name, name)
                   : 0;
}

static int write_file(struct image_store *s, const char *name, const struct image_container *c,
                      struct core_diag *diag)
{
    char path[STORAGE_PATH], text[2 * IMAGE_ID_SIZE + 100 + IMAGE_NAME_SIZE];
    char image[IMAGE_ID_SIZE], from[IMAGE_ID_SIZE];
    storage_path(s, FOLDER, "", path);
    int err = plat_path_make_directory(path);
    if (err < 0 && err != -LX_EEXIST)
        return storage_failed(err, "make the folder", path, diag);
    image_id_format(c->image, image);
    image_id_format(c->from, from);
    int size = snprintf(text, sizeof text, "%s %s %llu %s %s\n", image, from,
                        (unsigned long long)c->created_ns, c->hostname, c->from_name);
    path_of(s, '@', name, path);
    return storage_replace(s, path, text, (uint64_t)size, diag);
}

/* ---- Images that containers need ----------------------------------------- */

struct need {
    struct vfs_image_key id;
    const char *name; /* of a container or image that needs it */
    char room[IMAGE_NAME_SIZE];
};

static int look_at_container(void *arg, const char *name, const struct image_container *c,
                             int is_running)
{
    struct need *n = arg;
    (void)is_running;
    if (!vfs_image_same_key(c->image, n->id) && !vfs_image_same_key(c->from, n->id))
        return 0;
    snprintf(n->room, sizeof n->room, "%s", name);
    n->name = n->room;
    return 1;
}

static int look_at_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct need *n = arg;
    if (vfs_image_same_key(id, n->id))
        n->name = name;
    return vfs_image_same_key(id, n->id);
}

int container_check_image(struct image_store *s, struct vfs_image_key id, struct core_diag *diag)
{
    struct need n = {.id = id};
    int found = image_container_each(s, look_at_container, &n, diag);
    return found > 0 ? core_diag_set(diag, -LX_EBUSY,
                                     "the container %s needs that image; remove it first, with "
                                     "'tarbox rm %s'",
                                     n.name, n.name)
                     : found;
}

/* Remove what a container was, if nobody needs it; what cannot be removed stays. */
static void drop_image(struct image_store *s, const struct image_container *c)
{
    struct need n = {.id = c->image};
    struct core_diag unused;
    if (vfs_image_same_key(c->image, c->from) ||
        image_store_each_name(s, look_at_name, &n, &unused) != 0 ||
        container_check_image(s, c->image, &unused) < 0)
        return;
    int err = image_store_remove(s, c->image, &unused);
    (void)err; /* somebody has it open */
}

int image_container_write(struct image_store *s, const char *name, const struct image_container *c,
                          struct core_diag *diag)
{
    struct image_container old;
    struct core_diag unused;
    int err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    int had = image_container_read(s, name, &old, &unused) == 0;
    err = write_file(s, name, c, diag);
    if (err == 0 && had && !vfs_image_same_key(old.image, c->image))
        drop_image(s, &old);
    storage_unlock(s);
    return err;
}

/* ---- Holding ------------------------------------------------------------- */

int image_container_hold(struct image_store *s, const char *name, struct plat_file **out,
                         struct core_diag *diag)
{
    char path[STORAGE_PATH];
    storage_path(s, FOLDER, "", path);
    *out = NULL;
    int err = image_container_check(name, diag);
    if (err < 0)
        return err;
    err = plat_path_make_directory(path);
    if (err < 0 && err != -LX_EEXIST)
        return storage_failed(err, "make the folder", path, diag);
    path_of(s, '=', name, path);
    err = plat_file_open(path, PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE, out);
    if (err < 0)
        return storage_failed(err, "open", path, diag);
    err = plat_file_lock(*out, PLAT_LOCK_EXCLUSIVE);
    for (int i = 0; err == -LX_EAGAIN && i < HOLD_TRIES; i++) { /* somebody may just be looking */
        plat_thread_yield(HOLD_NAP_NS);
        err = plat_file_lock(*out, PLAT_LOCK_EXCLUSIVE);
    }
    if (err == 0)
        return 0;
    plat_file_close(*out);
    *out = NULL;
    return err == -LX_EAGAIN
               ? core_diag_set(diag, -LX_EBUSY, "the container %s is running already", name)
               : storage_failed(err, "lock", path, diag);
}

int image_container_remove(struct image_store *s, const char *name, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    struct image_container c = {0};
    struct plat_file *lock;
    int err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    err = image_container_read(s, name, &c, diag);
    int damaged = err == -LX_EIO;
    if (err == 0 || damaged)
        err = image_container_hold(s, name, &lock, diag);
    if (err == 0) {
        path_of(s, '@', name, path);
        err = plat_path_remove(path);
        if (err < 0)
            storage_failed(err, "remove", path, diag);
        plat_file_close(lock); /* it stays, for whoever waits for it */
    }
    if (err == 0 && !damaged)
        drop_image(s, &c);
    storage_unlock(s);
    return err;
}

struct each {
    struct image_store *store;
    int (*each)(void *arg, const char *name, const struct image_container *c, int is_running);
    void *arg;
};

static int is_running(struct image_store *s, const char *name)
{
    char path[STORAGE_PATH];
    struct plat_file *file;
    path_of(s, '=', name, path);
    if (plat_file_open(path, PLAT_FILE_READ | PLAT_FILE_WRITE, &file) < 0)
        return 0;
    int err = plat_file_lock(file, PLAT_LOCK_SHARED);
    plat_file_close(file);
    return err == -LX_EAGAIN;
}

static int each_file(void *arg, const char *file)
{
    const struct each *e = arg;
    struct image_container c;
    struct core_diag unused;
    if (file[0] != '@' || image_container_read(e->store, file + 1, &c, &unused) < 0)
        return 0;
    return e->each(e->arg, file + 1, &c, is_running(e->store, file + 1));
}

int image_container_each(struct image_store *s,
                         int (*each)(void *arg, const char *name, const struct image_container *c,
                                     int is_running),
                         void *arg, struct core_diag *diag)
{
    struct each e = {s, each, arg};
    struct plat_stat st;
    char path[STORAGE_PATH];
    storage_path(s, FOLDER, "", path);
    if (plat_path_stat(path, &st) == -LX_ENOENT)
        return 0;
    return storage_each(s, FOLDER, "", each_file, &e, diag);
}
