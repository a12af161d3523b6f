/* SPDX-License-Identifier: MIT */
/* Container images in an archive or folder: recognised, listed, loaded one by one. */

#include "image/load.h"

#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "image/store.h"
#include "layer.h"
#include "lx/errno.h"
#include "manifest.h"
#include "plat/plat.h"
#include "stream.h"

#define BLOCK 512u
#define LOOKED_AT 64u /* members at the beginning of an archive */

struct image_loader {
    struct image_bundle *bundle;
    struct image_manifests images;
};

/* ---- Recognising --------------------------------------------------------- */

/* Reads an archive from its start and leaves the one it is given where it is. */
struct peek {
    struct core_source base;
    struct core_source *archive;
    uint64_t offset;
};

static int64_t read_peek(struct core_source *s, void *buf, uint64_t size)
{
    struct peek *p = (struct peek *)s;
    int64_t n = p->archive->read_at(p->archive, buf, size, p->offset);
    p->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}

static uint64_t octal(const uint8_t *digits, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && digits[i] >= '0' && digits[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(digits[i] - '0');
    return value;
}

/* Headers of plain tar are enough here: a look, not a parse. */
static int has_parts(const uint8_t *data, uint64_t size)
{
    static const char *const parts[] = {"manifest.json", "oci-layout"};
    uint64_t at = 0;
    for (unsigned i = 0; i < LOOKED_AT && size >= BLOCK && at <= size - BLOCK; i++) {
        const char *name = (const char *)data + at;
        uint64_t content = octal(data + at + 124, 11);
        name += strncmp(name, "./", 2) == 0 ? 2 : 0;
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
            if (!strncmp(name, parts[k], strlen(parts[k]) + 1))
                return 1;
        }
        /* Blobs and layers come first in some, under names of 64 digits. */
        if (!strncmp(name, "blobs/", 6) || strspn(name, "0123456789abcdef") == 64)
            return 1;
        if (content > size)
            break;
        at += BLOCK + (content + BLOCK - 1) / BLOCK * BLOCK;
    }
    return 0;
}

int image_loader_recognizes(struct core_source *archive, const char *name)
{
    struct peek peek = {.base = {.read = read_peek}, .archive = archive};
    struct image_stream *stream;
    struct core_diag unused;
    const uint8_t *block;
    if (!archive->read_at || image_stream_open(&peek.base, name, &unused, &stream) < 0)
        return 0;
    int64_t n = image_stream_next(stream, &block);
    int found = n > 0 && has_parts(block, (uint64_t)n);
    image_stream_close(stream);
    return found;
}

/* ---- Loading ------------------------------------------------------------- */

int image_loader_open(struct core_source *archive, const char *name,
                      const struct image_limits *limits, struct image_loader **out,
                      struct core_diag *diag)
{
    *out = NULL;
    struct image_loader *l = calloc(1, sizeof *l);
    if (!l)
        return core_diag_set(diag, -LX_ENOMEM, "%s: no memory to load it", name);
    int err = archive ? image_bundle_open(archive, name, limits, diag, &l->bundle)
                      : image_bundle_open_folder(name, diag, &l->bundle);
    if (err == 0)
        err = image_manifests_read(l->bundle, &l->images, diag);
    if (err < 0) {
        image_loader_close(l);
        return err;
    }
    *out = l;
    return 0;
}

void image_loader_close(struct image_loader *l)
{
    if (!l)
        return;
    image_manifests_fini(&l->images);
    image_bundle_free(l->bundle);
    free(l);
}

uint32_t image_loader_count(const struct image_loader *l)
{
    return l->images.count;
}

/* A reference without a colon or slash is a tag alone ("3.20" in an OCI layout), and no name. */
int image_loader_name(const struct image_loader *l, uint32_t n, uint32_t k, char *name)
{
    const struct image_list *references = &l->images.items[n].references;
    struct core_diag unused;
    for (uint32_t i = 0; i < references->count; i++) {
        const char *reference = references->items[i];
        if (strpbrk(reference, ":/") && image_name_normalize(reference, name, &unused) == 0 &&
            k-- == 0)
            return 1;
    }
    return 0;
}

int image_loader_choose(struct image_loader *l, const char *reference, uint32_t *n,
                        struct core_diag *diag)
{
    struct image_manifest *m;
    int err = image_manifests_choose(&l->images, l->bundle, reference, &m, diag);
    *n = err == 0 ? (uint32_t)(m - l->images.items) : 0;
    return err;
}

int image_loader_load(struct image_loader *l, uint32_t n, const struct image_options *options,
                      struct image *out, struct core_diag *diag)
{
    struct image_load load = {.bundle = l->bundle, .manifest = &l->images.items[n]};
    int err =
        image_build_run(image_bundle_name(l->bundle), options, image_load_fill, &load, out, diag);
    image_config_fini(&load.config);
    free(load.text);
    return err;
}

/* Is the folder an OCI image layout? */
static int is_layout(const char *folder)
{
    static const char mark[] = "/oci-layout";
    struct plat_stat st;
    size_t size = strlen(folder);
    char *path = malloc(size + sizeof mark);
    if (!path)
        return 0;
    memcpy(path, folder, size);
    memcpy(path + size, mark, sizeof mark);
    int found = plat_path_stat(path, &st) == 0 && st.type == PLAT_FILE_REGULAR;
    free(path);
    return found;
}

int image_import_any(struct core_source *archive, const char *name,
                     const struct image_options *options, struct image *out, struct core_diag *diag)
{
    struct image_loader *l;
    uint32_t n;
    *out = (struct image){0};
    int likely = archive ? image_loader_recognizes(archive, name) : is_layout(name);
    int err = likely ? image_loader_open(archive, name, &options->limits, &l, diag) : -LX_ENODATA;
    if (err == -LX_ENODATA) {
        diag->text[0] = 0;
        return archive ? image_import_archive(archive, name, options, out, diag)
                       : image_import_folder(name, options, out, diag);
    }
    if (err < 0)
        return err;
    err = image_loader_choose(l, NULL, &n, diag);
    if (err == 0)
        err = image_loader_load(l, n, options, out, diag);
    image_loader_close(l);
    return err;
}
