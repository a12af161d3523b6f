/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

/*
 * Digests as images have them: "sha256:" and 64 lower-case hexadecimal digits.
 *
 * Source   OCI image specification, "Digests"; FIPS 180-4.
 * Threads  the caller's object.
 * Errors   -LX_ENOMEM.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"

#define IMAGE_DIGEST_SIZE 72u /* of a text, with the zero at its end */

struct plat_sha256;

/* A digest being computed; all zero is none. */
struct image_digest {
    struct plat_sha256 *hash;
};

/* Whether a text is a digest that can be checked here. */
int image_digest_is_valid(const char *text);

MUST_USE int image_digest_init(struct image_digest *d);
void image_digest_add(struct image_digest *d, const void *data, uint64_t size);

/* Write the digest of what was added; nothing can be added any more. */
void image_digest_end(struct image_digest *d, char text[IMAGE_DIGEST_SIZE]);
void image_digest_fini(struct image_digest *d);

#endif
