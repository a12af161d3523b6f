/* SPDX-License-Identifier: MIT */
#include "tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lx/stat.h"
#include "plat/plat.h"

#define BLOCK 512

void tarball_bytes(struct tarball *t, const void *data, size_t size)
{
    if (t->size + size > t->capacity) {
        t->capacity = 2 * t->capacity + size + 4096;
        t->data = realloc(t->data, t->capacity);
        assert_non_null(t->data);
    }
    if (size)
        memcpy(t->data + t->size, data, size);
    t->size += size;
}

static void pad(struct tarball *t)
{
    static const uint8_t zeros[BLOCK];
    tarball_bytes(t, zeros, (size_t)(-t->size % BLOCK));
}

static void octal(uint8_t *to, int digits, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%0*llo", digits, (unsigned long long)value);
    memcpy(to, text, (size_t)digits);
}

static void copy(uint8_t *to, const char *from, size_t max)
{
    size_t size = from ? strlen(from) : 0;
    assert_true(size <= max);
    if (size)
        memcpy(to, from, size);
}

void tarball_add(struct tarball *t, struct tar_member m)
{
    uint8_t h[BLOCK] = {0};
    char type = m.type ? m.type : '0';
    size_t size = m.size || !m.data ? m.size : strlen(m.data);
    copy(h, m.name, 100);
    octal(h + 100, 7, m.mode ? m.mode : type == '5' ? 0755 : 0644);
    octal(h + 108, 7, m.uid);
    octal(h + 116, 7, m.gid);
    octal(h + 124, 11, m.stated_size ? m.stated_size : size);
    octal(h + 136, 11, m.mtime);
    h[156] = (uint8_t)type;
    copy(h + 157, m.link, 100);
    memcpy(h + 257, "ustar\00000", 8);
    octal(h + 329, 7, m.major);
    octal(h + 337, 7, m.minor);
    copy(h + 345, m.prefix, 155);
    memset(h + 148, ' ', 8);
    uint32_t sum = (uint32_t)m.bad_checksum;
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    octal(h + 148, 6, sum);
    h[154] = 0;
    tarball_bytes(t, h, sizeof h);
    tarball_bytes(t, m.data, size);
    pad(t);
}

void tarball_pax(struct tarball *t, const char *key, const void *value, size_t value_size)
{
    char head[300];
    size_t rest = 1 + strlen(key) + 1 + value_size + 1, length = rest + 1;
    while (length != rest + (size_t)snprintf(head, sizeof head, "%zu", length))
        length++;
    int head_size = snprintf(head, sizeof head, "%zu %s=", length, key);
    struct tarball record = {0};
    tarball_bytes(&record, head, (size_t)head_size);
    tarball_bytes(&record, value, value_size);
    tarball_bytes(&record, "\n", 1);
    tarball_add(t, (struct tar_member){
                       .type = 'x', .name = "pax", .data = record.data, .size = record.size});
    tarball_free(&record);
}

void tarball_end(struct tarball *t)
{
    static const uint8_t zeros[2 * BLOCK];
    tarball_bytes(t, zeros, sizeof zeros);
}

void tarball_free(struct tarball *t)
{
    free(t->data);
    *t = (struct tarball){0};
}

/* Not by archive_write_add_filter_by_name(), which would bring all filters and their libraries. */
static int add_filter(struct archive *a, const char *name)
{
    static const struct {
        const char *name;
        int (*add)(struct archive *a);
    } filters[] = {
        {"gzip", archive_write_add_filter_gzip},
        {"zstd", archive_write_add_filter_zstd},
        {"xz", archive_write_add_filter_xz},
        {"bzip2", archive_write_add_filter_bzip2},
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!strcmp(filters[i].name, name))
            return filters[i].add(a);
    }
    return ARCHIVE_FATAL;
}

const char *const tarball_filters[TARBALL_FILTERS] = {"gzip", "zstd", "xz", "bzip2"};

struct tarball tarball_packed(const struct tarball *t, const char *filter)
{
    struct tarball out = {.size = t->size + t->size / 8 + 65536};
    out.capacity = out.size;
    out.data = malloc(out.capacity);
    assert_non_null(out.data);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(add_filter(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, out.data, out.capacity, &out.size), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, t->data, t->size), t->size);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(a);
    return out;
}

void make_host_file(const char *name, const char *text)
{
    struct plat_file *f;
    int64_t size = (int64_t)strlen(text);
    assert_int_equal(
        plat_file_open(name, PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_TRUNCATE, &f), 0);
    assert_int_equal(plat_file_pwrite(f, text, (uint64_t)size, 0), size);
    plat_file_close(f);
}

int tarball_import(const struct tarball *t, const struct image_options *options, struct image *out,
                   struct core_diag *diag)
{
    struct core_source_memory source;
    core_source_memory_init(&source, t->data, t->size);
    diag->text[0] = 0;
    return image_import_archive(&source.base, "test.tar", options, out, diag);
}

static void *read_all(struct plat_file *f, uint64_t size)
{
    uint8_t *data = malloc(size);
    assert_non_null(data);
    for (uint64_t at = 0; at < size;) {
        int64_t n = plat_file_pread(f, data + at, size - at, at);
        assert_true(n > 0);
        at += (uint64_t)n;
    }
    return data;
}

void opened_image(struct opened *o, struct image image)
{
    const struct vfs_image_pack *pack;
    *o = (struct opened){.image = image, .view = image.view};
    for (uint32_t i = 0; (pack = vfs_image_pack(&image.view, i)); i++) {
        o->packs[i] = read_all(image.packs[i], pack->size);
        assert_int_equal(
            vfs_image_open_pack(&o->view, (struct vfs_image_map){o->packs[i], pack->size}), 0);
    }
}

void opened_init(struct opened *o, const struct tarball *t)
{
    struct core_diag diag;
    struct image image;
    int err = tarball_import(t, NULL, &image, &diag);
    assert_string_equal(diag.text, "");
    assert_int_equal(err, 0);
    opened_image(o, image);
}

void opened_fini(struct opened *o)
{
    image_close(&o->image);
    for (uint32_t i = 0; i < VFS_IMAGE_PACKS_MAX; i++)
        free(o->packs[i]);
}

const struct vfs_image_inode *opened_find(const struct opened *o, const char *path)
{
    int64_t i = 0;
    while (*path && i >= 0) {
        size_t size = strcspn(path, "/");
        i = vfs_image_lookup(&o->view, vfs_image_inode(&o->view, (uint32_t)i), path,
                             (uint32_t)size);
        path += size + (path[size] == '/');
    }
    return i < 0 ? NULL : vfs_image_inode(&o->view, (uint32_t)i);
}

void opened_expect(const struct opened *o, const char *path, const void *data, size_t size)
{
    const struct vfs_image_inode *inode = opened_find(o, path);
    assert_non_null(inode);
    assert_int_equal(inode->mode & LX_S_IFMT, LX_S_IFREG);
    assert_int_equal(inode->size, size);
    assert_int_equal(vfs_image_check(&o->view, inode), 0);
    for (uint64_t at = 0, part; at < size; at += part) {
        const void *content = vfs_image_content(&o->view, inode, at, &part);
        assert_non_null(content);
        assert_memory_equal(content, (const char *)data + at, part);
    }
}
