/* SPDX-License-Identifier: MIT */
/* Saved images: whatever the archive holds, loading it ends, within the limits. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "bundle.h"
#include "layer.h"
#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct image_options options = {.limits = {.entries = 1000,
                                                        .metadata = 1 << 20,
                                                        .file_size = 4 << 20,
                                                        .total_size = 16 << 20,
                                                        .ratio = 1000}};

static void load(struct image_bundle *bundle, struct image_manifest *manifest)
{
    struct image_load l = {.bundle = bundle, .manifest = manifest};
    struct core_diag diag = {{0}};
    struct image image;
    int err = image_build_run("fuzz", &options, image_load_fill, &l, &image, &diag);
    if (err < 0 && (!diag.text[0] || image.packs[0] || image.index || l.config.env.items))
        abort();
    image_config_fini(&l.config);
    free(l.text);
    image_close(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core_source_memory source;
    struct image_bundle *bundle;
    struct image_manifests images;
    struct core_diag diag = {{0}};
    core_source_memory_init(&source, data, size);
    if (image_bundle_open(&source.base, "fuzz", &options.limits, &diag, &bundle) < 0) {
        if (!diag.text[0] || bundle)
            abort();
        return 0;
    }
    int err = image_manifests_read(bundle, &images, &diag);
    if (err < 0 && (!diag.text[0] || images.items))
        abort();
    for (uint32_t i = 0; i < images.count && i < 4; i++)
        load(bundle, &images.items[i]);
    image_manifests_fini(&images);
    image_bundle_free(bundle);
    return 0;
}
