/* SPDX-License-Identifier: MIT */
/* Digests: SHA-256 by nettle, which uses the processor's instructions for it, as text. */

#include "digest.h"

#include <string.h>

#define PREFIX "sha256:"
#define PREFIX_SIZE 7u
#define DIGITS 64u

int image_digest_is_valid(const char *text)
{
    return text && !strncmp(text, PREFIX, PREFIX_SIZE) && strlen(text) == PREFIX_SIZE + DIGITS &&
           strspn(text + PREFIX_SIZE, "0123456789abcdef") == DIGITS;
}

void image_digest_init(struct image_digest *d)
{
    sha256_init(&d->hash);
}

void image_digest_add(struct image_digest *d, const void *data, uint64_t size)
{
    sha256_update(&d->hash, size, data);
}

void image_digest_end(struct image_digest *d, char text[IMAGE_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&d->hash, sizeof digest, digest);
    memcpy(text, PREFIX, PREFIX_SIZE);
    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
        text[PREFIX_SIZE + 2 * i] = digits[digest[i] >> 4];
        text[PREFIX_SIZE + 2 * i + 1] = digits[digest[i] & 15];
    }
    text[PREFIX_SIZE + DIGITS] = 0;
}
