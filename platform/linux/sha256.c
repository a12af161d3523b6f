/* SPDX-License-Identifier: MIT */
/* SHA-256, by nettle, which uses the processor's instructions for it. */

#include <nettle/sha2.h>
#include <stdlib.h>

#include "internal.h"
#include "lx/errno.h"

struct plat_sha256 {
    struct sha256_ctx context;
};

int plat_host_sha256_new(struct plat_sha256 **out)
{
    *out = malloc(sizeof **out);
    if (!*out)
        return -LX_ENOMEM;
    sha256_init(&(*out)->context);
    return 0;
}

void plat_host_sha256_update(struct plat_sha256 *s, const void *data, uint64_t size)
{
    sha256_update(&s->context, size, data);
}

void plat_host_sha256_end(struct plat_sha256 *s, uint8_t digest[PLAT_SHA256_SIZE])
{
    sha256_digest(&s->context, PLAT_SHA256_SIZE, digest);
}

void plat_host_sha256_free(struct plat_sha256 *s)
{
    free(s);
}
