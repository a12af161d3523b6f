/* SPDX-License-Identifier: MIT */
/*
 * Bundles: an archive's members are listed in one pass, which skips their data,
 * and then read in place; a folder's files are opened when they are asked for.
 */

#include "bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/list.h"
#include "header.h"
#include "list.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "pack.h"
#include "plat/plat.h"
#include "stream.h"
#include "writer.h"

#define GIB (1ull << 30)
#define MEMBERS_MAX 65536u
#define NAME_MAX_SIZE 1024u
#define LINKS_MAX 8u
#define READ_SIZE (64u << 10)
#define HEADER_SIZE (8u << 10) /* of a member's headers; none that matters has longer ones */
#define AGAIN "save or fetch the image again"

/* A file of the archive, or a link to one. */
struct member {
    char *name, *target; /* target: NULL for a file */
    uint64_t start, size;
    uint32_t order;
};

struct image_bundle {
    char *name;
    int folder;

    /* An archive's. */
    struct core_source *archive;
    struct core_source_file unpacked; /* the archive, if it had to be unpacked, or came by pipe */
    int packed;                       /* its compression has confirmed its end */
    struct member *members;           /* sorted by name, then as they came */
    uint32_t count, capacity;
};

/* ---- Listing an archive -------------------------------------------------- */

struct listing {
    struct image_bundle *b;
    struct core_diag *diag;
    struct archive *tar;
    uint64_t at; /* how far libarchive has read or skipped */
    int err;     /* why reading failed */
    uint8_t buffer[READ_SIZE], header[HEADER_SIZE];
};

static la_ssize_t read_block(struct archive *a, void *listing, const void **data)
{
    struct listing *l = listing;
    int64_t n = l->b->archive->read_at(l->b->archive, l->buffer, READ_SIZE, l->at);
    *data = l->buffer;
    if (n >= 0) {
        l->at += (uint64_t)n;
        return (la_ssize_t)n;
    }
    l->err = (int)n;
    archive_set_error(a, LX_EIO, "the host cannot read");
    return ARCHIVE_FATAL;
}

static la_int64_t skip(struct archive *a, void *listing, la_int64_t request)
{
    (void)a;
    struct listing *l = listing;
    uint64_t size = l->b->archive->size, left = l->at < size ? size - l->at : 0;
    uint64_t part = (uint64_t)request < left ? (uint64_t)request : left;
    l->at += part;
    return (la_int64_t)part;
}

static int no_memory(struct image_bundle *b, struct core_diag *diag)
{
    return core_diag_set(diag, -LX_ENOMEM, "%s: no memory to list it; close other programs",
                         b->name);
}

static int listing_failed(struct listing *l)
{
    if (l->err < 0)
        return core_diag_set(l->diag, l->err, "%s: cannot read the archive: %s", l->b->name,
                             core_diag_strerror(l->err));
    const char *text = archive_error_string(l->tar);
    return core_diag_set(l->diag, -LX_EINVAL, "%s: %s (%s); " AGAIN, l->b->name,
                         l->b->count ? "the tar data is damaged" : "this is no tar archive",
                         text ? text : "no reason given");
}

/* A cleaned copy of a path, after a directory's if that is not NULL; NULL if it is no good. */
static char *clean(const char *dir, size_t dir_size, struct image_bytes path, int *err)
{
    uint8_t joined[2 * NAME_MAX_SIZE + 1], cleaned[IMAGE_PATH_MAX];
    size_t size = 0;
    *err = 0;
    if (path.size > NAME_MAX_SIZE || dir_size > NAME_MAX_SIZE)
        return NULL;
    if (dir_size) {
        memcpy(joined, dir, dir_size);
        joined[dir_size] = '/';
        size = dir_size + 1;
    }
    memcpy(joined + size, path.data, path.size);
    size += path.size;
    if (image_path_clean((struct image_bytes){joined, size}, cleaned, &size) < 0)
        return NULL;
    char *copy = image_list_copy((const char *)cleaned, size);
    if (!copy)
        *err = -LX_ENOMEM;
    return copy;
}

/* The target of a link: as a path from the root of the bundle. */
static char *clean_target(const struct image_header *h, const char *name, int *err)
{
    const char *slash = strrchr(name, '/');
    int relative = h->type == '2' && h->link.size && h->link.data[0] != '/';
    return clean(name, relative && slash ? (size_t)(slash - name) : 0, h->link, err);
}

static int grow(struct image_bundle *b)
{
    if (b->count < b->capacity)
        return 0;
    uint32_t capacity = b->capacity * 2 + 64;
    struct member *larger = realloc(b->members, capacity * sizeof *larger);
    if (!larger)
        return -LX_ENOMEM;
    b->members = larger;
    b->capacity = capacity;
    return 0;
}

/* Note a file or link; what has another type, holes or an impossible name is left out. */
static int add_member(struct listing *l, const struct image_header *h, struct archive_entry *entry)
{
    struct image_bundle *b = l->b;
    struct member m = {.start = h->data, .order = b->count};
    int link = h->type == '1' || h->type == '2', err = grow(b);
    int file = (h->type == '0' || h->type == 0 || h->type == '7') &&
               archive_entry_filetype(entry) == AE_IFREG && archive_entry_sparse_count(entry) == 0;
    if (err < 0 || (!link && !file))
        return err;
    m.name = clean(NULL, 0, h->path, &err);
    if (m.name && link)
        m.target = clean_target(h, m.name, &err);
    if (!m.name || (link && !m.target)) {
        free(m.name);
        return err;
    }
    if (file) {
        int64_t size = archive_entry_size(entry);
        m.size = size < 0 ? 0 : (uint64_t)size;
    }
    b->members[b->count++] = m;
    return 0;
}

static int list_member(struct listing *l, struct archive_entry *entry)
{
    struct core_source *archive = l->b->archive;
    uint64_t at = (uint64_t)archive_read_header_position(l->tar);
    int64_t n = archive->read_at(archive, l->header, HEADER_SIZE, at);
    if (n < 0) {
        l->err = (int)n;
        return listing_failed(l);
    }
    struct image_window window = {.end = at};
    struct image_header h;
    image_window_add(&window, l->header, (size_t)n);
    int err = image_header_read(&h, &window, at);
    if (err == 0)
        err = add_member(l, &h, entry);
    image_header_fini(&h);
    if (err == -LX_ENOMEM)
        return no_memory(l->b, l->diag);
    uint32_t count = l->b->count;
    const struct member *m = count ? &l->b->members[count - 1] : NULL;
    if (m && (m->start > archive->size || m->size > archive->size - m->start))
        return core_diag_set(l->diag, -LX_EINVAL,
                             "%s: the archive is truncated in '%.200s'; " AGAIN, l->b->name,
                             m->name);
    return 0;
}

/* An archive that was cut off between two members lacks only the zeros at its end. */
static int check_end(const struct listing *l)
{
    const struct image_bundle *b = l->b;
    if (b->packed || (uint64_t)archive_read_header_position(l->tar) < b->archive->size)
        return 0;
    return core_diag_set(
        l->diag, -LX_EINVAL,
        "%s: the archive is cut off: the zeros that mark its end are missing; " AGAIN, b->name);
}

static int list_members(struct listing *l)
{
    struct archive_entry *entry;
    for (uint32_t n = 0;; n++) {
        int result = archive_read_next_header(l->tar, &entry);
        if (result == ARCHIVE_EOF)
            return check_end(l);
        /* A warning is about a name in the host's character set. */
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return listing_failed(l);
        if (n == MEMBERS_MAX)
            return core_diag_set(l->diag, -LX_EFBIG,
                                 "%s: the archive has more than %u members, so it is no image; use "
                                 "tarbox import for a root file system",
                                 l->b->name, MEMBERS_MAX);
        int err = list_member(l, entry);
        if (err < 0)
            return err;
    }
}

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int list_archive(struct image_bundle *b, struct core_diag *diag)
{
    struct listing *l = calloc(1, sizeof *l);
    struct archive *tar = archive_read_new();
    int err = 0;
    if (!l || !tar) {
        err = no_memory(b, diag);
    } else {
        l->b = b;
        l->diag = diag;
        l->tar = tar;
        archive_read_support_format_tar(tar);
        archive_read_set_read_callback(tar, read_block);
        archive_read_set_skip_callback(tar, skip);
        archive_read_set_callback_data(tar, l);
        err = archive_read_open1(tar) == ARCHIVE_OK ? list_members(l) : listing_failed(l);
    }
    archive_read_free(tar);
    free(l);
    if (b->count)
        qsort(b->members, b->count, sizeof *b->members, compare_members);
    return err;
}

/* ---- Unpacking ----------------------------------------------------------- */

static int unpack(struct image_bundle *b, struct core_source *archive,
                  const struct image_limits *limits, struct core_diag *diag)
{
    struct image_stream *stream;
    struct plat_file *file;
    uint64_t size = 0;
    int err = plat_file_temporary(&file);
    if (err < 0)
        return core_diag_set(diag, err, "%s: cannot make a temporary file to unpack it: %s",
                             b->name, core_diag_strerror(err));
    core_source_file_init(&b->unpacked, file, 0);
    err = image_stream_open(archive, b->name, diag, &stream);
    while (err == 0) {
        const uint8_t *data;
        int64_t n = image_stream_next(stream, &data);
        if (n <= 0) {
            err = (int)n;
            break;
        }
        size += (uint64_t)n;
        if (size > limits->total_size ||
            (size > GIB && size / limits->ratio > image_stream_consumed(stream))) {
            err =
                core_diag_set(diag, -LX_EFBIG,
                              "%s: the archive unpacks to more than may be: over %llu bytes; load "
                              "it unpacked if it is what it should be",
                              b->name, (unsigned long long)size);
            break;
        }
        err = image_file_write(file, data, (uint64_t)n, size - (uint64_t)n);
        if (err < 0)
            core_diag_set(diag, err, "%s: cannot unpack it to a temporary file: %s", b->name,
                          core_diag_strerror(err));
    }
    b->packed = err == 0 && !image_stream_is_plain(stream);
    image_stream_close(stream);
    if (err == 0 && size == 0)
        err = core_diag_set(diag, -LX_EINVAL,
                            "%s: this is no tar archive, it unpacks to nothing; " AGAIN, b->name);
    core_source_file_init(&b->unpacked, file, size);
    b->archive = &b->unpacked.base;
    return err;
}

static int open_archive(struct image_bundle *b, struct core_source *archive,
                        const struct image_limits *limits, struct core_diag *diag)
{
    uint8_t magic[IMAGE_STREAM_MAGIC];
    struct image_limits standard;
    image_limits_default(&standard);
    b->archive = archive;
    int64_t n = archive->read_at ? archive->read_at(archive, magic, sizeof magic, 0) : 0;
    if (n < 0)
        return core_diag_set(diag, (int)n, "%s: cannot read the archive: %s", b->name,
                             core_diag_strerror((int)n));
    int err = 0;
    if (!archive->read_at || image_stream_format(magic, (uint64_t)n))
        err = unpack(b, archive, limits ? limits : &standard, diag);
    return err < 0 ? err : list_archive(b, diag);
}

/* ---- Bundles ------------------------------------------------------------- */

static struct image_bundle *new_bundle(const char *name, struct core_diag *diag)
{
    struct image_bundle *b = calloc(1, sizeof *b);
    if (b)
        b->name = image_list_copy(name, strlen(name));
    if (b && b->name)
        return b;
    free(b);
    core_diag_set(diag, -LX_ENOMEM, "%s: no memory to open it; close other programs", name);
    return NULL;
}

int image_bundle_open(struct core_source *archive, const char *name,
                      const struct image_limits *limits, struct core_diag *diag,
                      struct image_bundle **out)
{
    *out = NULL;
    struct image_bundle *b = new_bundle(name, diag);
    if (!b)
        return -LX_ENOMEM;
    int err = open_archive(b, archive, limits, diag);
    if (err < 0)
        image_bundle_free(b);
    else
        *out = b;
    return err;
}

int image_bundle_open_folder(const char *path, struct core_diag *diag, struct image_bundle **out)
{
    struct plat_directory *directory;
    *out = NULL;
    int err = plat_directory_open(path, &directory);
    if (err < 0)
        return core_diag_set(diag, err, "cannot open the folder %s: %s", path,
                             core_diag_strerror(err));
    plat_directory_close(directory);
    *out = new_bundle(path, diag);
    if (!*out)
        return -LX_ENOMEM;
    (*out)->folder = 1;
    return 0;
}

void image_bundle_free(struct image_bundle *b)
{
    if (!b)
        return;
    if (b->unpacked.file)
        plat_file_close(b->unpacked.file);
    for (uint32_t i = 0; i < b->count; i++) {
        free(b->members[i].name);
        free(b->members[i].target);
    }
    free(b->members);
    free(b->name);
    free(b);
}

const char *image_bundle_name(const struct image_bundle *b)
{
    return b->name;
}

/* ---- Members ------------------------------------------------------------- */

/* The last member of that name, or NULL. */
static const struct member *find(const struct image_bundle *b, const char *name)
{
    uint32_t low = 0, high = b->count;
    while (low < high) { /* members before `low` do not come after the name */
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(b->members[middle].name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && !strcmp(b->members[low - 1].name, name) ? &b->members[low - 1] : NULL;
}

static int64_t read_member(struct core_source *base, void *buf, uint64_t size)
{
    struct image_member *m = CORE_LIST_ENTRY(base, struct image_member, base);
    uint64_t left = base->size - m->offset;
    if (size > left)
        size = left;
    int64_t n = size ? m->archive->read_at(m->archive, buf, size, m->start + m->offset) : 0;
    if (n > 0)
        m->offset += (uint64_t)n;
    return n == 0 && size ? -LX_EIO : n;
}

static int64_t read_file(struct core_source *base, void *buf, uint64_t size)
{
    return plat_file_read(CORE_LIST_ENTRY(base, struct image_member, base)->file, buf, size);
}

static int open_in_archive(struct image_bundle *b, const char *name, struct image_member *out)
{
    const struct member *m = find(b, name);
    for (uint32_t links = 0; m && m->target && links < LINKS_MAX; links++)
        m = find(b, m->target);
    if (!m || m->target)
        return -LX_ENOENT;
    *out = (struct image_member){
        .base = {.read = read_member, .size = m->size}, .archive = b->archive, .start = m->start};
    return 0;
}

/* Only what a layout's names are made of: nothing that Windows takes for a drive or a stream. */
static int is_plain(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "._-+/")] == 0;
}

static int open_in_folder(struct image_bundle *b, const char *name, struct image_member *out)
{
    if (!is_plain(name))
        return -LX_ENOENT;
    size_t size = strlen(b->name) + 1 + strlen(name) + 1;
    char *path = malloc(size);
    if (!path)
        return -LX_ENOMEM;
    snprintf(path, size, "%s/%s", b->name, name);
    struct plat_file *file;
    struct plat_stat st = {0};
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    free(path);
    if (err < 0)
        return err == -LX_EISDIR ? -LX_ENOENT : err;
    err = plat_file_stat(file, &st);
    if (err == 0 && st.type != PLAT_FILE_REGULAR)
        err = -LX_ENOENT;
    if (err < 0) {
        plat_file_close(file);
        return err;
    }
    *out = (struct image_member){.base = {.read = read_file, .size = st.size}, .file = file};
    return 0;
}

int image_member_open(struct image_bundle *b, const char *name, struct image_member *out,
                      struct core_diag *diag)
{
    *out = (struct image_member){0};
    int err;
    struct image_bytes path = {(const uint8_t *)name, strlen(name)};
    char *cleaned = clean(NULL, 0, path, &err);
    if (cleaned)
        err = b->folder ? open_in_folder(b, cleaned, out) : open_in_archive(b, cleaned, out);
    else if (err == 0)
        err = -LX_ENOENT;
    free(cleaned);
    if (err == -LX_ENOENT)
        return core_diag_set(diag, err, "%s: '%.200s' is missing; " AGAIN, b->name, name);
    if (err < 0)
        return core_diag_set(diag, err, "%s: cannot open '%.200s': %s", b->name, name,
                             core_diag_strerror(err));
    return 0;
}

int image_bundle_has(struct image_bundle *b, const char *name)
{
    struct image_member m;
    struct core_diag unused;
    int err = image_member_open(b, name, &m, &unused);
    if (err == 0)
        image_member_close(&m);
    return err != -LX_ENOENT;
}

void image_member_close(struct image_member *m)
{
    if (m->file)
        plat_file_close(m->file);
    *m = (struct image_member){0};
}

/* Read to the end of the member, whose size the buffer has. */
static int read_all(struct image_member *m, uint8_t *data)
{
    for (uint64_t at = 0; at < m->base.size;) {
        int64_t n = m->base.read(&m->base, data + at, m->base.size - at);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_EIO;
        at += (uint64_t)n;
    }
    return 0;
}

int image_member_read(struct image_bundle *b, const char *name, uint64_t limit, uint8_t **data,
                      size_t *size, struct core_diag *diag)
{
    struct image_member m;
    *data = NULL;
    *size = 0;
    int err = image_member_open(b, name, &m, diag);
    if (err < 0)
        return err;
    if (m.base.size > limit) {
        err = core_diag_set(diag, -LX_EFBIG, "%s: '%.200s' is longer than %llu bytes; " AGAIN,
                            b->name, name, (unsigned long long)limit);
    } else {
        uint8_t *buf = malloc((size_t)m.base.size + 1);
        err = buf ? read_all(&m, buf) : -LX_ENOMEM;
        if (err < 0) {
            core_diag_set(diag, err, "%s: cannot read '%.200s': %s", b->name, name,
                          core_diag_strerror(err));
            free(buf);
        } else {
            buf[m.base.size] = 0;
            *data = buf;
            *size = (size_t)m.base.size;
        }
    }
    image_member_close(&m);
    return err;
}
