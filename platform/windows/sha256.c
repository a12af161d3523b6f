/* SPDX-License-Identifier: MIT */
/* SHA-256, by BCrypt: a hash object that begins anew when it is finished. */

#include <stdlib.h>

#include "internal.h"
#include "lx/errno.h"

#include <bcrypt.h>

#define PART_MAX (1u << 30) /* bytes BCrypt takes in one call */

struct plat_sha256 {
    BCRYPT_ALG_HANDLE algorithm;
    BCRYPT_HASH_HANDLE hash;
};

/* A reusable hash is not in every Windows: it is made anew each time. */
static int begin(struct plat_sha256 *s)
{
    return BCryptCreateHash(s->algorithm, &s->hash, NULL, 0, NULL, 0, 0) < 0 ? -LX_ENOMEM : 0;
}

int plat_host_sha256_new(struct plat_sha256 **out)
{
    struct plat_sha256 *s = *out = calloc(1, sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    if (BCryptOpenAlgorithmProvider(&s->algorithm, BCRYPT_SHA256_ALGORITHM, NULL, 0) >= 0) {
        if (begin(s) == 0)
            return 0;
        BCryptCloseAlgorithmProvider(s->algorithm, 0);
    }
    free(s);
    *out = NULL;
    return -LX_ENOMEM;
}

void plat_host_sha256_update(struct plat_sha256 *s, const void *data, uint64_t size)
{
    const uint8_t *from = data;
    while (s->hash && size) {
        ULONG part = size < PART_MAX ? (ULONG)size : PART_MAX;
        BCryptHashData(s->hash, (PUCHAR)(uintptr_t)from, part, 0);
        from += part;
        size -= part;
    }
}

/* If memory is short, what follows is hashed to zeros, which is no digest of anything. */
void plat_host_sha256_end(struct plat_sha256 *s, uint8_t digest[PLAT_SHA256_SIZE])
{
    if (!s->hash || BCryptFinishHash(s->hash, digest, PLAT_SHA256_SIZE, 0) < 0)
        memset(digest, 0, PLAT_SHA256_SIZE);
    if (s->hash)
        BCryptDestroyHash(s->hash);
    s->hash = NULL;
    if (begin(s) < 0)
        s->hash = NULL;
}

void plat_host_sha256_free(struct plat_sha256 *s)
{
    if (!s)
        return;
    if (s->hash)
        BCryptDestroyHash(s->hash);
    BCryptCloseAlgorithmProvider(s->algorithm, 0);
    free(s);
}
