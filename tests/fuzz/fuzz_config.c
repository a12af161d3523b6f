/* SPDX-License-Identifier: MIT */
/* Configurations: what is read can be written, and is the same when read again. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *rewrite(const void *text, size_t size, size_t *out_size)
{
    struct image_config config;
    struct core_diag diag = {{0}};
    char *out = NULL;
    if (image_config_read(text, size, "fuzz", &config, &diag) < 0) {
        if (!diag.text[0])
            abort();
        return NULL;
    }
    if (image_config_write(&config, &out, out_size) < 0)
        abort();
    image_config_fini(&config);
    return out;
}

/* The first line as a change, what follows as a configuration. */
static void change(const uint8_t *data, size_t size)
{
    char line[200] = {0};
    struct image_config config = {0};
    struct core_diag diag;
    for (size_t i = 0; i < size && i + 1 < sizeof line && data[i] != '\n'; i++)
        line[i] = (char)data[i];
    if (image_config_change(&config, line, &diag) == 0) {
        char *text;
        size_t text_size;
        if (image_config_write(&config, &text, &text_size) < 0)
            abort();
        free(text);
    }
    image_config_fini(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t first_size, second_size;
    char *first = rewrite(data, size, &first_size);
    if (first) {
        char *second = rewrite(first, first_size, &second_size);
        if (!second || first_size != second_size || memcmp(first, second, first_size) != 0)
            abort();
        free(second);
    }
    free(first);
    change(data, size);
    return 0;
}
