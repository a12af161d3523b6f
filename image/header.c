/* SPDX-License-Identifier: MIT */
/* Names and lists in ustar, GNU and pax headers. */

#include "header.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define BLOCK 512u
#define BODY_MAX (1u << 20) /* as libarchive limits a header's body */

/* Fields of a header block: offset and size. */
#define NAME 0, 100
#define SIZE 124, 12
#define TYPE 156
#define LINKNAME 157, 100
#define MAGIC 257
#define PREFIX 345, 155

enum { PATH, LINK, ACCESS, DEFAULT, FOUND };

void image_window_add(struct image_window *w, const uint8_t *data, size_t size)
{
    w->blocks[0] = w->blocks[1];
    w->blocks[1] = (struct image_bytes){data, size};
    w->end += size;
}

/* Copy `size` bytes at `offset` of the archive. */
static int window_copy(const struct image_window *w, uint64_t offset, uint8_t *to, size_t size)
{
    uint64_t newer = w->end - w->blocks[1].size, older = newer - w->blocks[0].size;
    if (offset < older)
        return -LX_EFBIG;
    if (offset > w->end || size > w->end - offset)
        return -LX_EINVAL;
    if (offset < newer) {
        size_t part = newer - offset < size ? (size_t)(newer - offset) : size;
        memcpy(to, w->blocks[0].data + (offset - older), part);
        to += part;
        offset += part;
        size -= part;
    }
    if (size)
        memcpy(to, w->blocks[1].data + (offset - newer), size);
    return 0;
}

/* A field's text: up to its end or the first zero byte. */
static struct image_bytes text(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    return (struct image_bytes){data, end ? (size_t)(end - data) : size};
}

static struct image_bytes field(const uint8_t *block, size_t offset, size_t size)
{
    return text(block + offset, size);
}

/* A number of octal digits, or in base 256 if the first bit is set; cut to BODY_MAX + 1. */
static uint32_t number(const uint8_t *block, size_t offset, size_t size)
{
    const uint8_t *p = block + offset, *end = p + size;
    uint32_t base = *p & 0x80 ? 256 : 8, value = 0;
    if (base == 256)
        p++;
    while (base == 8 && p < end && *p == ' ')
        p++;
    for (; p < end && (base == 256 || (*p >= '0' && *p <= '7')); p++) {
        value = value * base + (base == 256 ? *p : *p - '0');
        if (value > BODY_MAX)
            return BODY_MAX + 1;
    }
    return value;
}

static int key_is(struct image_bytes key, const char *name)
{
    return key.size == strlen(name) && !memcmp(key.data, name, key.size);
}

/*
 * Find what is looked for among pax records, "length key=value\n".  The last of
 * equal keys counts; the name of a sparse file comes before its made-up path.
 */
static int read_pax(struct image_bytes body, struct image_bytes found[FOUND])
{
    static const char *const keys[FOUND] = {
        [PATH] = "path",
        [LINK] = "linkpath",
        [ACCESS] = "SCHILY.acl.access",
        [DEFAULT] = "SCHILY.acl.default",
    };
    struct image_bytes sparse = {0};
    const uint8_t *p = body.data, *end = p + body.size;
    while (p < end) {
        const uint8_t *key = p;
        size_t length = 0;
        while (key < end && *key >= '0' && *key <= '9' && length <= BODY_MAX)
            length = length * 10 + (size_t)(*key++ - '0');
        if (key == end || *key++ != ' ' || length > (size_t)(end - p) || p + length <= key ||
            p[length - 1] != '\n')
            return -LX_EINVAL;
        const uint8_t *stop = p + length - 1, *equals = memchr(key, '=', (size_t)(stop - key));
        if (!equals)
            return -LX_EINVAL;
        struct image_bytes name = {key, (size_t)(equals - key)};
        struct image_bytes value = {equals + 1, (size_t)(stop - equals - 1)};
        for (int i = 0; i < FOUND; i++) {
            if (key_is(name, keys[i]))
                found[i] = value;
        }
        if (key_is(name, "GNU.sparse.name"))
            sparse = value;
        p += length;
    }
    if (sparse.size)
        found[PATH] = sparse;
    return 0;
}

/* There is room for it: what it gave was not there. */
static void keep(struct image_header *h, uint8_t *memory)
{
    int i = 0;
    while (h->memory[i])
        i++;
    h->memory[i] = memory;
}

/* Read the body of a header that goes before a member's own; of two such, the first counts. */
static int read_body(struct image_header *h, const struct image_window *w, uint64_t offset,
                     uint32_t size, char type)
{
    uint8_t *body = malloc(size ? size : 1);
    if (!body)
        return -LX_ENOMEM;
    int err = window_copy(w, offset, body, size);
    struct image_bytes found[FOUND] = {{0}};
    struct image_bytes *const to[FOUND] = {&h->path, &h->link, &h->acl[0], &h->acl[1]};
    if (err == 0) {
        if (type == 'L')
            found[PATH] = text(body, size);
        else if (type == 'K')
            found[LINK] = text(body, size);
        else
            err = read_pax((struct image_bytes){body, size}, found);
    }
    int is_used = 0;
    for (int i = 0; err == 0 && i < FOUND; i++) {
        if (found[i].size && !to[i]->size) {
            *to[i] = found[i];
            is_used = 1;
        }
    }
    if (is_used)
        keep(h, body);
    else
        free(body);
    return err;
}

/* The name in a member's own header; ustar's may go on in the prefix. */
static int own_path(struct image_header *h)
{
    const uint8_t *b = h->block;
    struct image_bytes name = field(b, NAME), prefix = field(b, PREFIX);
    int ustar = memcmp(b + MAGIC, "ustar", 5) == 0 && memcmp(b + MAGIC, "ustar  \0", 8) != 0;
    if (!ustar || prefix.size == 0) {
        h->path = name;
        return 0;
    }
    uint8_t *joined = malloc(prefix.size + 1 + name.size);
    if (!joined)
        return -LX_ENOMEM;
    memcpy(joined, prefix.data, prefix.size);
    joined[prefix.size] = '/';
    memcpy(joined + prefix.size + 1, name.data, name.size);
    h->path = (struct image_bytes){joined, prefix.size + 1 + name.size};
    keep(h, joined);
    return 0;
}

static void forget_names(struct image_header *h)
{
    for (size_t i = 0; i < sizeof h->memory / sizeof *h->memory; i++) {
        free(h->memory[i]);
        h->memory[i] = NULL;
    }
    h->path = h->link = h->acl[0] = h->acl[1] = (struct image_bytes){0};
}

int image_header_read(struct image_header *h, const struct image_window *w, uint64_t offset)
{
    *h = (struct image_header){0};
    for (;;) {
        int err = window_copy(w, offset, h->block, BLOCK);
        if (err < 0)
            return err;
        h->type = (char)h->block[TYPE];
        if (!h->type || !strchr("xXgLKVA", h->type))
            break;
        uint32_t size = number(h->block, SIZE);
        offset += BLOCK;
        if (size > BODY_MAX)
            return -LX_EFBIG;
        if (strchr("xXLK", h->type)) {
            err = read_body(h, w, offset, size, h->type);
            if (err < 0) {
                forget_names(h);
                return own_path(h) == 0 ? err : -LX_ENOMEM;
            }
        }
        offset += (size + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
    }
    h->data = offset + BLOCK;
    if (h->link.size == 0)
        h->link = field(h->block, LINKNAME);
    return h->path.size ? 0 : own_path(h);
}

void image_header_fini(struct image_header *h)
{
    forget_names(h);
    *h = (struct image_header){0};
}
