/* SPDX-License-Identifier: MIT */
/* Archives: no input may crash the importer, hang it or cost more than the limits. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core_source_memory source;
    struct image image;
    struct core_diag diag = {{0}};
    struct image_options options = {.limits = {.entries = 1000,
                                               .metadata = 1 << 20,
                                               .file_size = 4 << 20,
                                               .total_size = 16 << 20,
                                               .ratio = 1000}};
    core_source_memory_init(&source, data, size);
    int err = image_import_archive(&source.base, "fuzz", &options, &image, &diag);
    if (err == 0)
        image_close(&image);
    else if (!diag.text[0] || image.packs[0] || image.index)
        abort();
    return 0;
}
