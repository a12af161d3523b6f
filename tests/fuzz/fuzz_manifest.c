/* SPDX-License-Identifier: MIT */
/* The JSON that lists images: as docker's list, as an index, and as what an index leads to. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "digest.h"
#include "manifest.h"

#define BLOCK 512u
#define SIZE_MAX_IN 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct archive {
    uint8_t data[2 * SIZE_MAX_IN];
    size_t size;
};

static void add(struct archive *a, const char *name, const void *data, size_t size)
{
    uint8_t *h = a->data + a->size;
    uint32_t sum = 0;
    memset(h, 0, BLOCK);
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 100, 8, "0000644");
    snprintf((char *)h + 124, 12, "%011o", (unsigned)size);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", (unsigned)sum);
    memcpy(h + BLOCK, data, size);
    a->size += BLOCK + size;
    memset(a->data + a->size, 0, -a->size % BLOCK);
    a->size += -a->size % BLOCK;
}

static void list(struct archive *a)
{
    struct core_source_memory source;
    struct image_bundle *bundle;
    struct image_manifests images;
    struct core_diag diag = {{0}};
    memset(a->data + a->size, 0, 2 * BLOCK);
    core_source_memory_init(&source, a->data, a->size + 2 * BLOCK);
    if (image_bundle_open(&source.base, "fuzz", NULL, &diag, &bundle) < 0)
        abort();
    if (image_manifests_read(bundle, &images, &diag) < 0) {
        if (!diag.text[0] || images.items)
            abort();
    } else {
        struct image_manifest *chosen;
        struct image_config config;
        if (image_manifests_choose(&images, bundle, NULL, &chosen, &diag) == 0 &&
            image_manifest_config(bundle, chosen, &config, &diag) == 0)
            image_config_fini(&config);
        image_manifests_fini(&images);
    }
    image_bundle_free(bundle);
}

static void add_layout(struct archive *a)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    add(a, "oci-layout", layout, strlen(layout));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct archive a;
    if (size > SIZE_MAX_IN)
        return 0;
    a.size = 0;
    add(&a, "manifest.json", data, size);
    list(&a);

    a.size = 0;
    add_layout(&a);
    add(&a, "index.json", data, size);
    list(&a);

    char digest[IMAGE_DIGEST_SIZE], name[100], index[200];
    struct image_digest d;
    image_digest_init(&d);
    image_digest_add(&d, data, size);
    image_digest_end(&d, digest);
    snprintf(name, sizeof name, "blobs/sha256/%s", digest + 7);
    snprintf(index, sizeof index, "{\"manifests\":[{\"digest\":\"%s\"}]}", digest);
    a.size = 0;
    add_layout(&a);
    add(&a, name, data, size);
    add(&a, "index.json", index, strlen(index));
    list(&a);
    return 0;
}
