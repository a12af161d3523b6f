/* SPDX-License-Identifier: MIT */
/* Layers: each an archive whose bytes are hashed twice on their way, packed and unpacked. */

#include "layer.h"

#include <string.h>

#include "blob.h"
#include "core/list.h"
#include "lx/errno.h"
#include "members.h"

#define DRAIN_SIZE 4096u
#define AGAIN "save or fetch the image again"

/* A member whose bytes are hashed on the thread that reads them. */
struct hashed {
    struct core_source base;
    struct image_member member;
    struct image_digest digest;
};

static int64_t read_hashed(struct core_source *base, void *buf, uint64_t size)
{
    struct hashed *h = CORE_LIST_ENTRY(base, struct hashed, base);
    int64_t n = h->member.base.read(&h->member.base, buf, size);
    if (n > 0)
        image_digest_add(&h->digest, buf, (uint64_t)n);
    return n;
}

/* What the unpacking left over belongs to the digest too. */
static int drain(struct image_build *b, struct hashed *h)
{
    uint8_t buf[DRAIN_SIZE];
    int64_t n;
    do
        n = read_hashed(&h->base, buf, sizeof buf);
    while (n > 0);
    if (n < 0)
        core_diag_set(b->diag, (int)n, "%s: cannot read the layer: %s", b->name,
                      core_diag_strerror((int)n));
    return (int)n;
}

static int check_digest(struct image_build *b, struct image_digest *d, const char *wanted)
{
    char found[IMAGE_DIGEST_SIZE];
    image_digest_end(d, found);
    if (!wanted || !strcmp(found, wanted))
        return 0;
    return image_blob_differs(b->name, found, wanted, b->diag);
}

static int read_layer(struct image_build *b, const struct image_layer *layer,
                      struct image_archive *a, struct hashed *h)
{
    struct image_digest unpacked;
    h->base = (struct core_source){.read = read_hashed, .size = h->member.base.size};
    a->source = &h->base;
    a->digest = &unpacked;
    image_digest_init(&unpacked);
    image_digest_init(&h->digest);
    int err = image_archive_read(b, a);
    if (err == 0)
        err = drain(b, h);
    if (err == 0)
        err = check_digest(b, &h->digest, layer->digest);
    return err == 0 ? check_digest(b, &unpacked, layer->diff_id) : err;
}

/* Read a layer under its own name for messages. */
static int add_layer(struct image_build *b, struct image_bundle *bundle,
                     const struct image_layer *layer, struct image_archive *a)
{
    char label[IMAGE_BLOB_NAME_SIZE];
    const char *name = b->name;
    struct hashed h = {0};
    int err = image_member_open(bundle, layer->member, &h.member, b->diag);
    if (err < 0)
        return err;
    image_blob_label(bundle, layer->member, label);
    b->name = label;
    b->tree.layer++;
    err = read_layer(b, layer, a, &h);
    b->name = name;
    image_member_close(&h.member);
    return err;
}

/* Before anything is read: all layers are there and have their sizes. */
static int check_layers(struct image_build *b, struct image_bundle *bundle,
                        const struct image_manifest *m, uint64_t *total)
{
    *total = 0;
    for (uint32_t i = 0; i < m->layer_count; i++) {
        const struct image_layer *layer = &m->layers[i];
        struct image_member member;
        int err = image_member_open(bundle, layer->member, &member, b->diag);
        if (err < 0)
            return err;
        uint64_t size = member.base.size;
        image_member_close(&member);
        *total += size;
        if (layer->size != IMAGE_SIZE_UNKNOWN && layer->size != size)
            return core_diag_set(b->diag, -LX_EINVAL,
                                 "%.300s: %.200s: the layer has %llu bytes, not %llu; " AGAIN,
                                 image_bundle_name(bundle), layer->member, (unsigned long long)size,
                                 (unsigned long long)layer->size);
    }
    return 0;
}

int image_load_fill(struct image_build *b, void *load)
{
    struct image_load *l = load;
    struct image_archive a = {0};
    int err = image_manifest_config(l->bundle, l->manifest, &l->config, b->diag);
    if (err == 0)
        err = check_layers(b, l->bundle, l->manifest, &a.size);
    for (uint32_t i = 0; err == 0 && i < l->manifest->layer_count; i++)
        err = add_layer(b, l->bundle, &l->manifest->layers[i], &a);
    if (err == 0) {
        size_t size;
        err = image_config_write(&l->config, &l->text, &size);
        b->config = l->text;
        if (err < 0)
            image_build_failed(b, err);
    }
    if (err < 0)
        image_config_fini(&l->config);
    return err;
}
