/* SPDX-License-Identifier: MIT */
/*
 * Which archives were imported.  A note in archives/ is a record of fixed size; there
 * are two for every archive: one by the path it was at, which tells at a glance
 * whether the file there is still the one, and one by its size and SHA-256, which
 * finds it wherever it went.  A note that is missing or damaged costs an import.
 */

#include "archives.h"

#include <nettle/sha2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "writer.h"

#define MAGIC 0x3230747261626174ull /* "tabart02" */
#define READ_SIZE (1u << 20)

/* A file that changed so shortly before the note might have changed since without a trace. */
#define SETTLED_NS 2000000000ll

struct note {
    uint64_t magic;
    uint64_t size;
    int64_t mtime_ns, noted_ns;
    uint64_t device, file;
    uint8_t sha256[SHA256_DIGEST_SIZE];
    struct vfs_image_key image;
    uint64_t checksum; /* XXH3-64 of the bytes before */
};

static uint64_t checksum(const struct note *n)
{
    return XXH3_64bits(n, offsetof(struct note, checksum));
}

static int read_note(struct image_store *s, const char *name, struct note *out)
{
    char path[STORAGE_PATH];
    struct plat_file *file;
    storage_path(s, "archives", name, path);
    if (plat_file_open(path, PLAT_FILE_READ, &file) < 0)
        return 0;
    int64_t n = plat_file_pread(file, out, sizeof *out, 0);
    plat_file_close(file);
    return n == sizeof *out && out->magic == MAGIC && out->checksum == checksum(out);
}

static int write_note(struct image_store *s, const char *name, struct note *n,
                      struct core_diag *diag)
{
    char path[STORAGE_PATH];
    n->magic = MAGIC;
    n->checksum = checksum(n);
    storage_path(s, "archives", name, path);
    return storage_replace(s, path, n, sizeof *n, diag);
}

/* ---- By path ------------------------------------------------------------- */

static int path_note(const char *path, char *name, size_t size)
{
    char absolute[STORAGE_PATH];
    int err = plat_path_absolute(path, absolute, sizeof absolute);
    if (err < 0)
        return err;
    XXH128_hash_t h = XXH3_128bits(absolute, strlen(absolute));
    snprintf(name, size, "%016llx%016llx.path", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    return 0;
}

int archives_find_path(struct image_store *s, const char *path, const struct plat_stat *st,
                       struct vfs_image_key *id)
{
    char name[64];
    struct note n;
    if (path_note(path, name, sizeof name) < 0 || !read_note(s, name, &n) || n.size != st->size ||
        n.mtime_ns != st->mtime_ns || n.device != st->device || n.file != st->id ||
        n.noted_ns < n.mtime_ns + SETTLED_NS)
        return 0;
    *id = n.image;
    return 1;
}

/* ---- By content ---------------------------------------------------------- */

static void content_note(uint64_t size, const uint8_t sha256[SHA256_DIGEST_SIZE], char *name)
{
    char *at = name + sprintf(name, "%llx-", (unsigned long long)size);
    for (int i = 0; i < 32; i++)
        at += sprintf(at, "%02x", sha256[i]);
    strcpy(at, ".content");
}

static int is_of_size(void *arg, const char *name)
{
    const char *prefix = arg;
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Is there an archive of this size?  Only then is it worth while to read all of a file. */
static int knows_size(struct image_store *s, uint64_t size)
{
    char prefix[32];
    struct core_diag unused;
    snprintf(prefix, sizeof prefix, "%llx-", (unsigned long long)size);
    return storage_each(s, "archives", ".content", is_of_size, prefix, &unused) == 1;
}

static int hash_file(struct plat_file *file, uint64_t size, uint8_t digest[SHA256_DIGEST_SIZE],
                     const _Atomic int *stop)
{
    struct sha256_ctx hash;
    uint8_t *buffer = malloc(READ_SIZE);
    if (!buffer)
        return -LX_ENOMEM;
    sha256_init(&hash);
    int err = 0;
    uint64_t at = 0;
    while (err == 0 && at < size) {
        uint64_t part = size - at < READ_SIZE ? size - at : READ_SIZE;
        int64_t n = stop && *stop ? -LX_EINTR : plat_file_pread(file, buffer, part, at);
        if (n <= 0)
            err = n < 0 ? (int)n : -LX_EIO;
        else
            sha256_update(&hash, (size_t)n, buffer);
        at += n > 0 ? (uint64_t)n : 0;
    }
    sha256_digest(&hash, SHA256_DIGEST_SIZE, digest);
    free(buffer);
    return err;
}

static void fill_stat(struct note *n, const struct plat_stat *st)
{
    n->size = st->size;
    n->mtime_ns = st->mtime_ns;
    n->device = st->device;
    n->file = st->id;
    n->noted_ns = (int64_t)plat_clock_now(PLAT_CLOCK_REALTIME);
}

int archives_find_content(struct image_store *s, const char *path, struct plat_file *file,
                          const struct plat_stat *st, struct vfs_image_key *id)
{
    char name[128];
    struct note n;
    struct core_diag unused;
    uint8_t digest[32];
    if (!knows_size(s, st->size) || hash_file(file, st->size, digest, NULL) < 0)
        return 0;
    content_note(st->size, digest, name);
    if (!read_note(s, name, &n))
        return 0;
    *id = n.image;
    fill_stat(&n, st);
    if (path_note(path, name, sizeof name) == 0 && storage_lock(s, NULL, NULL, &unused) == 0) {
        if (write_note(s, name, &n, &unused) < 0)
            unused.text[0] = 0; /* next time it is hashed again */
        storage_unlock(s);
    }
    return 1;
}

/* ---- While an archive is imported ---------------------------------------- */

struct archives_hash {
    struct plat_file *file;
    struct plat_stat st;
    struct plat_worker *worker;
    uint8_t digest[32];
    int err;
    _Atomic int stop;
};

static void hash_worker(void *arg)
{
    struct archives_hash *h = arg;
    h->err = hash_file(h->file, h->st.size, h->digest, &h->stop);
}

int archives_hash_start(struct plat_file *file, const struct plat_stat *st,
                        struct archives_hash **out)
{
    struct archives_hash *h = *out = calloc(1, sizeof *h);
    if (!h)
        return -LX_ENOMEM;
    h->file = file;
    h->st = *st;
    int err = plat_worker_start(hash_worker, h, &h->worker);
    if (err < 0) {
        free(h);
        *out = NULL;
    }
    return err;
}

int archives_hash_end(struct archives_hash *h, struct image_store *s, const char *path,
                      const struct vfs_image_key *id, struct core_diag *diag)
{
    struct note n = {0};
    char name[128];
    struct plat_stat now;
    h->stop = !id;
    plat_worker_join(h->worker);
    int err = 0;
    /* An archive that changed meanwhile is not the one that was imported. */
    if (id && h->err == 0 && plat_file_stat(h->file, &now) == 0 && now.size == h->st.size &&
        now.mtime_ns == h->st.mtime_ns) {
        fill_stat(&n, &h->st);
        n.image = *id;
        memcpy(n.sha256, h->digest, sizeof n.sha256);
        content_note(n.size, n.sha256, name);
        err = write_note(s, name, &n, diag);
        if (err == 0 && path_note(path, name, sizeof name) == 0)
            err = write_note(s, name, &n, diag);
    }
    free(h);
    return err;
}

/* ---- Notes nobody needs -------------------------------------------------- */

int archives_note_image(struct image_store *s, const char *name, struct vfs_image_key *id)
{
    struct note n;
    if (!read_note(s, name, &n))
        return 0;
    *id = n.image;
    return 1;
}
