/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

/*
 * Digests as images have them: "sha256:" and 64 lower-case hexadecimal digits.
 *
 * Source   OCI image specification, "Digests"; FIPS 180-4.
 * Threads  the caller's object.
 */

#include <stddef.h>
#include <stdint.h>

#include <nettle/sha2.h>

#define IMAGE_DIGEST_SIZE 72u /* of a text, with the zero at its end */

/* A digest being computed. */
struct image_digest {
    struct sha256_ctx hash;
};

/* Whether a text is a digest that can be checked here. */
int image_digest_is_valid(const char *text);

void image_digest_init(struct image_digest *d);
void image_digest_add(struct image_digest *d, const void *data, uint64_t size);

/* Write the digest of what was added; begins anew. */
void image_digest_end(struct image_digest *d, char text[IMAGE_DIGEST_SIZE]);

#endif
