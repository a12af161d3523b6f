/* SPDX-License-Identifier: MIT */
/* Digests: the host's SHA-256, as text. */

#include "digest.h"

#include <string.h>

#include "plat/plat.h"

#define PREFIX "sha256:"
#define PREFIX_SIZE 7u
#define DIGITS 64u

int image_digest_is_valid(const char *text)
{
    return text && !strncmp(text, PREFIX, PREFIX_SIZE) && strlen(text) == PREFIX_SIZE + DIGITS &&
           strspn(text + PREFIX_SIZE, "0123456789abcdef") == DIGITS;
}

int image_digest_init(struct image_digest *d)
{
    return plat_sha256_new(&d->hash);
}

void image_digest_add(struct image_digest *d, const void *data, uint64_t size)
{
    plat_sha256_update(d->hash, data, size);
}

void image_digest_end(struct image_digest *d, char text[IMAGE_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[PLAT_SHA256_SIZE];
    plat_sha256_end(d->hash, digest);
    memcpy(text, PREFIX, PREFIX_SIZE);
    for (size_t i = 0; i < PLAT_SHA256_SIZE; i++) {
        text[PREFIX_SIZE + 2 * i] = digits[digest[i] >> 4];
        text[PREFIX_SIZE + 2 * i + 1] = digits[digest[i] & 15];
    }
    text[PREFIX_SIZE + DIGITS] = 0;
}

void image_digest_fini(struct image_digest *d)
{
    plat_sha256_free(d->hash);
    d->hash = NULL;
}
