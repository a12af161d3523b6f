/* SPDX-License-Identifier: MIT */
/* Pax archives, written. */

#include "tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define BLOCK 512u
#define NS_PER_S 1000000000ll
#define OCTAL7_MAX 07777777u        /* what seven digits hold: owners, devices */
#define OCTAL11_MAX 077777777777ull /* eleven: sizes, times */

static const uint8_t zeros[2 * BLOCK];

void image_tar_init(struct image_tar *t, struct image_sink *sink)
{
    *t = (struct image_tar){.sink = sink};
}

void image_tar_fini(struct image_tar *t)
{
    free(t->records);
    *t = (struct image_tar){0};
}

/* ---- Pax records --------------------------------------------------------- */

static int append(struct image_tar *t, const void *data, size_t size)
{
    if (t->records_size + size > t->records_capacity) {
        size_t capacity = 2 * t->records_capacity + size + 1024;
        char *records = realloc(t->records, capacity);
        if (!records)
            return -LX_ENOMEM;
        t->records = records;
        t->records_capacity = capacity;
    }
    if (size)
        memcpy(t->records + t->records_size, data, size);
    t->records_size += size;
    return 0;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static int add_record(struct image_tar *t, const char *prefix, struct image_bytes key,
                      struct image_bytes value)
{
    char head[32];
    size_t rest = 1 + strlen(prefix) + key.size + 1 + value.size + 1, length = rest + 1;
    while (length != rest + (size_t)snprintf(head, sizeof head, "%zu", length))
        length = rest + strlen(head);
    int err = append(t, head, strlen(head));
    if (err == 0)
        err = append(t, " ", 1);
    if (err == 0)
        err = append(t, prefix, strlen(prefix));
    if (err == 0)
        err = append(t, key.data, key.size);
    if (err == 0)
        err = append(t, "=", 1);
    if (err == 0)
        err = append(t, value.data, value.size);
    return err < 0 ? err : append(t, "\n", 1);
}

static struct image_bytes bytes_of(const char *text)
{
    return (struct image_bytes){(const uint8_t *)text, strlen(text)};
}

static int add_bytes(struct image_tar *t, const char *key, struct image_bytes value)
{
    return add_record(t, "", bytes_of(key), value);
}

static int add_number(struct image_tar *t, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return add_bytes(t, key, bytes_of(text));
}

int image_tar_xattr(struct image_tar *t, struct image_bytes name, struct image_bytes value)
{
    return add_record(t, "SCHILY.xattr.", name, value);
}

/* ---- Headers ------------------------------------------------------------- */

static void octal(uint8_t *to, int digits, uint64_t value, uint64_t most)
{
    char text[32];
    snprintf(text, sizeof text, "%0*" PRIo64, digits, value > most ? 0 : value);
    memcpy(to, text, (size_t)digits);
}

static int write_header(struct image_tar *t, const struct image_tar_member *m,
                        struct image_bytes path, uint64_t size)
{
    uint8_t h[BLOCK] = {0};
    size_t path_size = path.size < 100 ? path.size : 100;
    size_t link_size = m->link.size < 100 ? m->link.size : 100;
    int64_t seconds = m->mtime_ns / NS_PER_S;
    uint32_t sum = 0;
    memcpy(h, path.data, path_size);
    octal(h + 100, 7, m->mode & 07777, OCTAL7_MAX);
    octal(h + 108, 7, m->uid, OCTAL7_MAX);
    octal(h + 116, 7, m->gid, OCTAL7_MAX);
    octal(h + 124, 11, size, OCTAL11_MAX);
    octal(h + 136, 11, seconds < 0 ? 0 : (uint64_t)seconds, OCTAL11_MAX);
    h[156] = (uint8_t)m->type;
    if (link_size)
        memcpy(h + 157, m->link.data, link_size);
    memcpy(h + 257, "ustar\00000", 8);
    octal(h + 329, 7, m->major, OCTAL7_MAX);
    octal(h + 337, 7, m->minor, OCTAL7_MAX);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    octal(h + 148, 6, sum, OCTAL7_MAX);
    h[154] = 0;
    return t->sink->write(t->sink, h, sizeof h);
}

static int is_plain(struct image_bytes name)
{
    if (name.size > 100)
        return 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < ' ' || name.data[i] > '~')
            return 0;
    }
    return 1;
}

static int add_time(struct image_tar *t, int64_t mtime_ns)
{
    char text[48];
    int64_t seconds = mtime_ns / NS_PER_S, ns = mtime_ns % NS_PER_S;
    if (mtime_ns >= 0 && ns == 0 && (uint64_t)seconds <= OCTAL11_MAX)
        return 0;
    snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, mtime_ns < 0 ? "-" : "",
             seconds < 0 ? -seconds : seconds, ns < 0 ? -ns : ns);
    return add_bytes(t, "mtime", bytes_of(text));
}

/* What the member's own header cannot hold. */
static int add_records(struct image_tar *t, const struct image_tar_member *m, uint64_t size)
{
    int err = 0;
    if (!is_plain(m->path) || !is_plain(m->link))
        err = add_bytes(t, "hdrcharset", bytes_of("BINARY"));
    if (err == 0 && m->parts) {
        err = add_number(t, "GNU.sparse.major", 1);
        if (err == 0)
            err = add_number(t, "GNU.sparse.minor", 0);
        if (err == 0)
            err = add_bytes(t, "GNU.sparse.name", m->path);
        if (err == 0)
            err = add_number(t, "GNU.sparse.realsize", m->size);
    } else if (err == 0 && !is_plain(m->path)) {
        err = add_bytes(t, "path", m->path);
    }
    if (err == 0 && !is_plain(m->link))
        err = add_bytes(t, "linkpath", m->link);
    if (err == 0 && size > OCTAL11_MAX)
        err = add_number(t, "size", size);
    if (err == 0 && m->uid > OCTAL7_MAX)
        err = add_number(t, "uid", m->uid);
    if (err == 0 && m->gid > OCTAL7_MAX)
        err = add_number(t, "gid", m->gid);
    return err < 0 ? err : add_time(t, m->mtime_ns);
}

static int write_padding(struct image_tar *t, uint64_t size)
{
    return t->sink->write(t->sink, zeros, -size & (BLOCK - 1));
}

static int write_records(struct image_tar *t)
{
    const struct image_tar_member m = {.type = 'x', .mode = 0644};
    int err = write_header(t, &m, bytes_of("./PaxHeaders/x"), t->records_size);
    if (err == 0)
        err = t->sink->write(t->sink, t->records, t->records_size);
    if (err == 0)
        err = write_padding(t, t->records_size);
    t->records_size = 0;
    return err;
}

/* ---- Members ------------------------------------------------------------- */

/* The map before a sparse file's data: numbers, a line each, in whole blocks. */
static int make_map(const struct image_tar_member *m, char **map, size_t *size)
{
    size_t capacity = 32 + (size_t)m->part_count * 48 + BLOCK;
    *map = calloc(1, capacity);
    if (!*map)
        return -LX_ENOMEM;
    *size = (size_t)snprintf(*map, capacity, "%" PRIu32 "\n", m->part_count);
    for (uint32_t i = 0; i < m->part_count; i++)
        *size += (size_t)snprintf(*map + *size, capacity - *size, "%" PRIu64 "\n%" PRIu64 "\n",
                                  m->parts[i].at, m->parts[i].size);
    *size = (*size + BLOCK - 1) & ~(size_t)(BLOCK - 1);
    return 0;
}

int image_tar_add(struct image_tar *t, const struct image_tar_member *m)
{
    struct image_bytes path = m->path;
    char *map = NULL;
    size_t map_size = 0;
    t->left = m->type == '0' ? m->size : 0;
    if (m->parts) {
        int err = make_map(m, &map, &map_size);
        if (err < 0)
            return err;
        t->left = 0;
        for (uint32_t i = 0; i < m->part_count; i++)
            t->left += m->parts[i].size;
        path = bytes_of("./GNUSparseFile.0/x"); /* for readers that do not know of them */
    }
    t->padding = (uint32_t)(-t->left & (BLOCK - 1));
    int err = add_records(t, m, map_size + t->left);
    if (err == 0 && t->records_size)
        err = write_records(t);
    if (err == 0)
        err = write_header(t, m, path, map_size + t->left);
    if (err == 0 && map)
        err = t->sink->write(t->sink, map, map_size);
    free(map);
    return err;
}

int image_tar_data(struct image_tar *t, const void *data, uint64_t size)
{
    int err = t->sink->write(t->sink, data, size);
    t->left -= size;
    if (err == 0 && t->left == 0 && size)
        err = t->sink->write(t->sink, zeros, t->padding);
    return err;
}

int image_tar_end(struct image_tar *t)
{
    return t->sink->write(t->sink, zeros, sizeof zeros);
}
