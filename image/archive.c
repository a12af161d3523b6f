/* SPDX-License-Identifier: MIT */
/* Import of a tar archive: libarchive walks it, members go into the tree and the pack. */

#include "members.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "build.h"
#include "digest.h"
#include "header.h"
#include "lx/acl.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "stream.h"
#include "vfs/acl.h"
#include "whiteout.h"

#define GIB (1ull << 30)
#define XATTRS_MAX 64u         /* of one member */
#define XATTR_VALUE_MAX 65536u /* XATTR_SIZE_MAX of Linux */
#define PROGRESS_STEP (4u << 20)
#define AGAIN "fetch or pack it again"

struct reader {
    struct image_build *b;
    struct image_archive *a;
    struct image_stream *stream;
    struct archive *tar;
    struct image_window window;
    struct image_header header;       /* of the member being read */
    struct image_acl_names acl_names; /* of users and groups that are still to be found */
    uint64_t members;                 /* of this archive */
    uint64_t reported;                /* how much of it progress() has heard of */
    int err;                          /* why the stream ended early; `diag` is filled */
};

/* ---- The archive's bytes ------------------------------------------------- */

static int over_ratio(const struct reader *r, uint64_t size)
{
    return size > GIB &&
           size / r->b->options.limits.ratio > r->a->consumed + image_stream_consumed(r->stream);
}

static int check_unpacked(struct reader *r)
{
    const struct image_limits *limits = &r->b->options.limits;
    uint64_t unpacked = r->a->unpacked + r->window.end;
    if (unpacked > limits->total_size)
        r->b->tree.limit = "the size of the unpacked archive";
    else if (over_ratio(r, unpacked))
        r->b->tree.limit = "how far an archive may expand";
    else
        return 0;
    return image_build_failed(r->b, -LX_EFBIG);
}

static void report(struct reader *r)
{
    uint64_t done = image_stream_consumed(r->stream);
    if (!r->b->options.progress || done - r->reported < PROGRESS_STEP)
        return;
    r->reported = done;
    struct image_progress progress = {.done = r->a->consumed + done,
                                      .total = r->a->size ? r->a->size : r->a->source->size,
                                      .files = r->members,
                                      .file_size = r->b->file_bytes,
                                      .shared_size = r->b->shared_bytes};
    r->b->options.progress(r->b->options.arg, &progress);
}

/* The next block into the window: its size, 0 at the end, -LX_E*. */
static int64_t next_block(struct reader *r, const uint8_t **data)
{
    int64_t n = image_stream_next(r->stream, data);
    if (n > 0) {
        image_window_add(&r->window, *data, (size_t)n);
        if (r->a->digest)
            image_digest_add(r->a->digest, *data, (uint64_t)n);
        int err = check_unpacked(r);
        if (err < 0)
            n = err;
        report(r);
    }
    return n;
}

static la_ssize_t read_block(struct archive *a, void *reader, const void **data)
{
    struct reader *r = reader;
    const uint8_t *block;
    int64_t n = next_block(r, &block);
    *data = block;
    if (n >= 0)
        return (la_ssize_t)n;
    r->err = (int)n;
    archive_set_error(a, LX_EIO, "the stream ends early");
    return ARCHIVE_FATAL;
}

/*
 * The archive's bytes are not what they should be.  Where, libarchive does not tell after it has
 * given up: in the last member that it got to, or after it.
 */
static int damaged(struct reader *r, const char *what)
{
    char name[IMAGE_QUOTED_SIZE];
    if (r->members == 0)
        return core_diag_set(r->b->diag, -LX_EINVAL,
                             "%s: the first member of the tar data is damaged (%s); " AGAIN,
                             r->b->name, what);
    image_build_quote(name, sizeof name, r->b->member);
    return core_diag_set(
        r->b->diag, -LX_EINVAL,
        "%s: the tar data is damaged or cut off in member '%s' or after it (%s); " AGAIN,
        r->b->name, name, what);
}

/* The stream ended early, and has said why; add where that was. */
static int stream_failed(struct reader *r)
{
    char name[IMAGE_QUOTED_SIZE];
    struct core_diag why = *r->b->diag;
    if (r->err != -LX_EINVAL || r->members == 0)
        return r->err;
    image_build_quote(name, sizeof name, r->b->member);
    return core_diag_set(r->b->diag, r->err, "%s (in member '%s' or after it)", why.text, name);
}

/* Say what libarchive found wrong, unless the stream failed before it. */
static int tar_failed(struct reader *r)
{
    if (r->err < 0)
        return stream_failed(r);
    const char *text = archive_error_string(r->tar);
    if ((archive_format(r->tar) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
        return core_diag_set(r->b->diag, -LX_EINVAL,
                             "%s: this is no tar archive, plain or packed with gzip, zstd, xz or "
                             "bzip2 (%s)",
                             r->b->name, text ? text : "no reason given");
    return damaged(r, text ? text : "no reason given");
}

/* ---- Attributes ---------------------------------------------------------- */

struct xattr {
    struct image_bytes name, value;
    const struct image_acl *acl; /* it was made of, or NULL */
};

/* Those of a member, sorted by name. */
struct xattrs {
    struct xattr list[XATTRS_MAX];
    uint32_t count;
    struct image_acl acls[2];
};

static int refuse(struct reader *r, const char *what)
{
    return image_build_refuse(r->b, -LX_EINVAL, r->header.path, "%s; pack the archive without it",
                              what);
}

/* Insert into the list; of equal names the one that is there stays. */
static int insert_xattr(struct reader *r, struct xattrs *x, struct xattr one)
{
    uint32_t at = x->count;
    while (at > 0) {
        int order = strcmp((const char *)x->list[at - 1].name.data, (const char *)one.name.data);
        if (order == 0)
            return 0;
        if (order < 0)
            break;
        at--;
    }
    if (x->count == XATTRS_MAX)
        return refuse(r, "has more than 64 extended attributes");
    memmove(x->list + at + 1, x->list + at, (x->count - at) * sizeof *x->list);
    x->list[at] = one;
    x->count++;
    return 0;
}

/* Add what is an access control list, if it says more than the mode, which gets its bits. */
static int insert_acl(struct reader *r, struct xattrs *x, struct xattr one, uint32_t which,
                      struct image_node *node)
{
    uint32_t bits, type = node->mode & LX_S_IFMT;
    if (vfs_acl_check(one.value.data, one.value.size) < 0 || type == LX_S_IFLNK ||
        (which == VFS_ACL_DEFAULT && type != LX_S_IFDIR))
        return refuse(r, "has an access control list that Linux does not allow");
    int is_extended = vfs_acl_is_extended(one.value.data, one.value.size, &bits);
    if (which == VFS_ACL_ACCESS && one.acl)
        node->mode = (node->mode & ~0777u) | bits;
    return which == VFS_ACL_ACCESS && !is_extended ? 0 : insert_xattr(r, x, one);
}

/* The lists that the member's headers have in words. */
static int read_acls(struct reader *r, struct xattrs *x, struct image_node *node)
{
    static const char *const names[] = {LX_XATTR_NAME_POSIX_ACL_ACCESS,
                                        LX_XATTR_NAME_POSIX_ACL_DEFAULT};
    int err = 0;
    for (int i = 0; err == 0 && i < 2; i++) {
        struct image_acl *acl = &x->acls[i];
        if (r->header.acl[i].size == 0)
            continue;
        if (image_acl_read(r->header.acl[i], acl) < 0)
            return refuse(r, "has an access control list that cannot be read");
        struct xattr one = {
            {(const uint8_t *)names[i], strlen(names[i])}, {acl->value, acl->size}, acl};
        err = insert_acl(r, x, one, i == 0 ? VFS_ACL_ACCESS : VFS_ACL_DEFAULT, node);
    }
    return err;
}

static int add_xattrs(struct reader *r, const struct xattrs *x, struct image_node *node)
{
    struct image_tree *t = &r->b->tree;
    for (uint32_t i = 0; i < x->count; i++) {
        const struct xattr *one = &x->list[i];
        uint32_t offset;
        int err = image_tree_add_xattr(t, one->name, one->value, i + 1 < x->count, &offset);
        if (err == 0 && one->acl)
            err = image_acl_names_add(&r->acl_names, t, one->acl,
                                      offset + sizeof(struct vfs_image_xattr) + one->name.size);
        if (err < 0)
            return image_build_failed(r->b, err);
        if (i == 0)
            node->xattrs = offset + 1;
    }
    return 0;
}

static int read_xattrs(struct reader *r, struct archive_entry *entry, struct image_node *node)
{
    struct xattrs x;
    const char *name;
    const void *value;
    size_t size;
    x.count = 0;
    int err = read_acls(r, &x, node);
    archive_entry_xattr_reset(entry);
    while (err == 0 && archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        size_t name_size = name ? strlen(name) : 0;
        if (name_size == 0 || name_size > IMAGE_NAME_MAX || size > XATTR_VALUE_MAX)
            return refuse(r, "has an extended attribute that Linux does not allow");
        struct xattr one = {{(const uint8_t *)name, name_size}, {value, size}, NULL};
        uint32_t which = vfs_acl_of(name, name_size);
        err = which ? insert_acl(r, &x, one, which, node) : insert_xattr(r, &x, one);
    }
    return err < 0 ? err : add_xattrs(r, &x, node);
}

/* Seconds and nanoseconds as one number; times beyond the year 2262 or before 1677 are cut. */
static int64_t join_time(int64_t seconds, int64_t nanoseconds)
{
    if (seconds > INT64_MAX / 1000000000 - 1)
        return INT64_MAX;
    if (seconds < INT64_MIN / 1000000000 + 1)
        return INT64_MIN;
    /* Of "-1.75" libarchive makes -1 and 750000000. */
    return seconds * 1000000000 + (seconds < 0 ? -nanoseconds : nanoseconds);
}

static int read_attributes(struct reader *r, struct archive_entry *entry, uint32_t type,
                           struct image_node *node)
{
    int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid < 0 || uid > UINT32_MAX || gid < 0 || gid > UINT32_MAX)
        return refuse(r, "has an owner that is no 32-bit number");
    node->mode = type | (archive_entry_perm(entry) & 07777);
    node->uid = (uint32_t)uid;
    node->gid = (uint32_t)gid;
    node->mtime_ns = join_time(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry));
    return read_xattrs(r, entry, node);
}

/* ---- Members ------------------------------------------------------------- */

/* Where a member goes. */
struct place {
    uint32_t dir;
    struct image_bytes name;
    uint8_t buf[IMAGE_PATH_MAX];
};

static int bad_sparse(struct reader *r)
{
    return refuse(r, "is a sparse file whose parts do not fit into it");
}

/* What a sparse file's parts hold together, or the file's size: -LX_EINVAL if they overlap. */
static int stored_size(struct archive_entry *entry, uint64_t size, uint64_t *out)
{
    int64_t offset, length;
    uint64_t end = 0, sum = 0;
    int is_sparse = archive_entry_sparse_reset(entry) > 0;
    while (is_sparse && archive_entry_sparse_next(entry, &offset, &length) == ARCHIVE_OK) {
        if (offset < 0 || length < 0 || (uint64_t)offset < end || (uint64_t)offset > size ||
            (uint64_t)length > size - (uint64_t)offset)
            return -LX_EINVAL;
        end = (uint64_t)(offset + length);
        sum += (uint64_t)length;
    }
    *out = is_sparse ? sum : size;
    return 0;
}

/* `table` is NULL, or gets a copy. */
static int read_content(struct reader *r, struct archive_entry *entry, uint64_t size,
                        struct image_acl_table *table)
{
    uint64_t at = 0, stored, got = 0;
    if (stored_size(entry, size, &stored) < 0)
        return bad_sparse(r);
    for (;;) {
        const void *data;
        size_t part;
        int64_t offset;
        int result = archive_read_data_block(r->tar, &data, &part, &offset);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK)
            return tar_failed(r);
        if (offset < 0 || (uint64_t)offset < at || (uint64_t)offset > size ||
            part > size - (uint64_t)offset)
            return bad_sparse(r);
        int err = image_pack_append_zeros(r->b->pack, (uint64_t)offset - at);
        if (err == 0)
            err = image_pack_append(r->b->pack, data, part);
        if (err < 0)
            return image_build_failed(r->b, err);
        if (table && table->data && part)
            memcpy(table->data + offset, data, part);
        at = (uint64_t)offset + part;
        got += part;
    }
    if (got != stored)
        return bad_sparse(r);
    int err = image_pack_append_zeros(r->b->pack, size - at);
    return err < 0 ? image_build_failed(r->b, err) : 0;
}

/* What names in lists are looked up in, if it is that which goes to `place`; or NULL. */
static struct image_acl_table *table_of(struct reader *r, const struct place *place)
{
    static const struct image_bytes etc = {(const uint8_t *)"etc", 3};
    int is_users = place->name.size == 6 && memcmp(place->name.data, "passwd", 6) == 0;
    int is_groups = place->name.size == 5 && memcmp(place->name.data, "group", 5) == 0;
    if ((!is_users && !is_groups) || image_tree_find(&r->b->tree, 0, etc) != place->dir)
        return NULL;
    return is_users ? &r->acl_names.users : &r->acl_names.groups;
}

static int add_file(struct reader *r, struct archive_entry *entry, const struct place *place,
                    struct image_node *node)
{
    int64_t size = archive_entry_size(entry);
    if (size < 0)
        return refuse(r, "has no size");
    int err = image_build_count_file(r->b, r->header.path, (uint64_t)size);
    if (err < 0)
        return err;
    err = image_pack_begin(r->b->pack, (uint64_t)size);
    if (err < 0)
        return image_build_failed(r->b, err);
    struct image_acl_table *table = table_of(r, place);
    if (table && (err = image_acl_table_begin(table, (uint64_t)size)) < 0)
        return image_build_failed(r->b, err);
    err = read_content(r, entry, (uint64_t)size, table);
    if (err < 0)
        return err;
    err = image_build_content(r->b, node);
    return err < 0 ? image_build_failed(r->b, err) : 0;
}

static int add_symlink(struct reader *r, struct image_node *node)
{
    int err = image_build_target(r->b, r->header.link, node);
    if (err == -LX_EINVAL)
        return refuse(r, "is a symbolic link to nothing");
    return err < 0 ? image_build_member_failed(r->b, err, r->header.path) : 0;
}

static int add_device(struct reader *r, struct archive_entry *entry, struct image_node *node)
{
    uint64_t major = archive_entry_rdevmajor(entry), minor = archive_entry_rdevminor(entry);
    if (major > 0xfff || minor > 0xfffff)
        return refuse(r, "is a device with a number that Linux does not have");
    node->rdev = (uint32_t)((minor & 0xff) | major << 8 | (minor & ~0xffull) << 12);
    return 0;
}

static int add_hard_link(struct reader *r, const struct place *place)
{
    struct image_tree *t = &r->b->tree;
    struct place target;
    int err = image_tree_resolve(t, r->header.link, target.buf, &target.dir, &target.name);
    if (err == -LX_EINVAL)
        return refuse(r, "is a hard link that leaves the root");
    if (err < 0)
        return image_build_member_failed(r->b, err, r->header.path);
    uint32_t node = image_tree_find(t, target.dir, target.name);
    if (node == IMAGE_NONE)
        return refuse(r, "is a hard link to a file that no earlier member made");
    if ((t->nodes[node].mode & LX_S_IFMT) == LX_S_IFDIR)
        return refuse(r, "is a hard link to a directory");
    err = image_tree_link(t, place->dir, place->name, node);
    return err < 0 ? image_build_failed(r->b, err) : 0;
}

/* The S_IFMT type of a member: AE_IFREG and its kin have the same numbers. */
static uint32_t member_type(const struct reader *r, struct archive_entry *entry)
{
    struct image_bytes path = r->header.path;
    uint32_t type = archive_entry_filetype(entry);
    /* Old archives mark directories by a slash only. */
    if (type == LX_S_IFREG && path.size && path.data[path.size - 1] == '/')
        return LX_S_IFDIR;
    return type;
}

static int add_member_at(struct reader *r, struct archive_entry *entry, const struct place *place)
{
    uint32_t type = member_type(r, entry), added;
    struct image_node node = {0};
    int is_link = r->header.type == '1', is_directory = !is_link && type == LX_S_IFDIR;
    if (r->b->is_copy && place->name.size == 0)
        return 0;
    int err = image_build_check_kind(r->b, place->dir, place->name, is_directory, r->header.path);
    if (err < 0)
        return err;
    if (is_link)
        return add_hard_link(r, place);
    err = read_attributes(r, entry, type, &node);
    if (err < 0)
        return err;
    switch (type) {
    case LX_S_IFDIR:
        err = image_tree_directory(&r->b->tree, place->dir, place->name, &node, &added);
        return err < 0 ? image_build_failed(r->b, err) : 0;
    case LX_S_IFREG:
        err = add_file(r, entry, place, &node);
        break;
    case LX_S_IFLNK:
        err = add_symlink(r, &node);
        break;
    case LX_S_IFCHR:
    case LX_S_IFBLK:
        err = add_device(r, entry, &node);
        break;
    case LX_S_IFIFO:
        break;
    default:
        return refuse(r, "has a type that tar does not define");
    }
    if (err < 0)
        return err;
    err = image_tree_add(&r->b->tree, &node, &added);
    if (err == 0)
        err = image_tree_link(&r->b->tree, place->dir, place->name, added);
    return err < 0 ? image_build_failed(r->b, err) : 0;
}

/* Forget the last member. */
static void end_member(struct reader *r)
{
    r->b->member = (struct image_bytes){0};
    image_header_fini(&r->header);
}

/* Read the names of the member that libarchive has just read the header of. */
static int begin_member(struct reader *r)
{
    end_member(r);
    int err =
        image_header_read(&r->header, &r->window, (uint64_t)archive_read_header_position(r->tar));
    r->b->member = r->header.path;
    if (err == -LX_EFBIG)
        r->b->tree.limit = "the size of a member's header";
    if (err == -LX_EINVAL)
        return image_build_refuse(r->b, err, r->header.path, "is a damaged pax header; " AGAIN);
    return err < 0 ? image_build_failed(r->b, err) : 0;
}

static int add_member(struct reader *r, struct archive_entry *entry)
{
    int err;
    if (r->b->tree.layer) {
        err = image_whiteout_apply(&r->b->tree, r->header.path);
        if (err == -LX_EINVAL)
            return refuse(r, "hides nothing");
        if (err != 0)
            return err < 0 ? image_build_member_failed(r->b, err, r->header.path) : 0;
    }

    struct place place;
    err = image_tree_resolve(&r->b->tree, r->header.path, place.buf, &place.dir, &place.name);
    if (err < 0)
        return image_build_member_failed(r->b, err, r->header.path);
    if (place.name.size == 0 && (r->header.type == '1' || member_type(r, entry) != LX_S_IFDIR))
        return refuse(r, "would replace the root directory");
    return add_member_at(r, entry, &place);
}

/* libarchive warns of names it cannot convert, which are read here as bytes; all else counts. */
static int is_harmless(struct archive *a, int result)
{
    const char *text = archive_error_string(a);
    return result == ARCHIVE_OK ||
           (result == ARCHIVE_WARN && text && strstr(text, "can't be converted from"));
}

static int read_members(struct reader *r)
{
    struct archive_entry *entry;
    for (;;) {
        int result = archive_read_next_header(r->tar, &entry);
        if (result == ARCHIVE_EOF)
            return 0;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return tar_failed(r);
        r->members++;
        int err = begin_member(r);
        if (err < 0)
            return err;
        if (!is_harmless(r->tar, result))
            return tar_failed(r);
        archive_clear_error(r->tar);
        if (++r->a->members > r->b->options.limits.entries) {
            r->b->tree.limit = "the number of entries";
            return image_build_failed(r->b, -LX_EFBIG);
        }
        err = add_member(r, entry);
        if (err < 0)
            return err;
    }
}

/* What follows the end of the tar data is of no use, but only its end confirms the checksum. */
static int drain(struct reader *r)
{
    const uint8_t *data;
    int64_t n;
    do
        n = next_block(r, &data);
    while (n > 0);
    if (n < 0) {
        r->err = (int)n;
        return stream_failed(r);
    }
    return 0;
}

/*
 * A plain archive that was cut off between two members lacks only the zeros at its end.  Nothing
 * else tells: compressions and digests of layers confirm their ends themselves.
 */
static int check_end(struct reader *r, uint64_t end)
{
    if (r->window.end > end || r->a->digest || !image_stream_is_plain(r->stream))
        return 0;
    return damaged(r, "the zeros that mark its end are missing");
}

/* Users and groups that lists have by name get their numbers. */
static int find_acl_names(struct reader *r)
{
    struct image_bytes missing;
    char name[IMAGE_QUOTED_SIZE];
    int is_group, err = image_acl_names_find(&r->acl_names, &r->b->tree, &missing, &is_group);
    if (err != -LX_EINVAL)
        return err < 0 ? image_build_failed(r->b, err) : 0;
    image_build_quote(name, sizeof name, missing);
    return core_diag_set(r->b->diag, err,
                         "%s: an access control list is for the %s '%s', which etc/%s of the "
                         "archive does not have; pack it with --xattrs "
                         "--xattrs-include='*' in place of --acls",
                         r->b->name, is_group ? "group" : "user", name,
                         is_group ? "group" : "passwd");
}

int image_archive_read(struct image_build *b, struct image_archive *a)
{
    struct reader r = {.b = b, .a = a};
    r.tar = archive_read_new();
    if (!r.tar)
        return image_build_failed(b, -LX_ENOMEM);
    int err = image_stream_open(a->source, b->name, b->diag, &r.stream);
    if (err == 0) {
        archive_read_support_format_tar(r.tar);
        archive_read_set_read_callback(r.tar, read_block);
        archive_read_set_callback_data(r.tar, &r);
        err = archive_read_open1(r.tar) == ARCHIVE_OK ? read_members(&r) : tar_failed(&r);
    }
    uint64_t end = err == 0 ? (uint64_t)archive_read_header_position(r.tar) : 0;
    if (err == 0)
        err = drain(&r);
    if (err == 0)
        err = check_end(&r, end);
    if (err == 0)
        err = find_acl_names(&r);
    image_acl_names_fini(&r.acl_names);
    end_member(&r);
    if (err == 0) {
        a->consumed += image_stream_consumed(r.stream);
        a->unpacked += r.window.end;
    }
    archive_read_free(r.tar);
    image_stream_close(r.stream);
    return err;
}

static int fill_from_archive(struct image_build *b, void *source)
{
    return image_archive_read(b, &(struct image_archive){.source = source});
}

int image_import_archive(struct core_source *archive, const char *name,
                         const struct image_options *options, struct image *out,
                         struct core_diag *diag)
{
    return image_build_run(name, options, fill_from_archive, archive, out, diag);
}
