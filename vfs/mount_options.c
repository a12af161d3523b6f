/* SPDX-License-Identifier: MIT */
/* The options of mount(2). */

#include "mount_options.h"

#include "core/layout.h"
#include "core/mem.h"
#include "core/segment.h"
#include "lx/errno.h"
#include "vfs/mount.h"

/* Part of a text. */
struct part {
    const char *at; /* not terminated */
    uint64_t size;
};

static int is(struct part p, const char *text)
{
    return core_str_length(text) == p.size && memcmp(p.at, text, p.size) == 0;
}

static int is_one_of(struct part p, const char *const *list)
{
    while (*list && !is(p, *list))
        list++;
    return *list != NULL;
}

/* Cut off what comes before a separator, which goes, too; `rest` is empty if there is none. */
static struct part cut(struct part *rest, char separator)
{
    struct part first = {rest->at, 0};
    while (first.size < rest->size && first.at[first.size] != separator)
        first.size++;
    uint64_t gone = first.size + (first.size < rest->size);
    rest->at += gone;
    rest->size -= gone;
    return first;
}

static int read_digits(struct part *p, uint32_t base, uint64_t *out)
{
    const char *begin = p->at;
    *out = 0;
    while (p->size && *p->at >= '0' && *p->at < (char)('0' + base)) {
        if (__builtin_mul_overflow(*out, base, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*p->at - '0'), out))
            return -LX_EINVAL;
        p->at++;
        p->size--;
    }
    return p->at == begin ? -LX_EINVAL : 0;
}

static int read_number(struct part p, uint32_t base, uint32_t limit, uint32_t *out)
{
    uint64_t value;
    int err = read_digits(&p, base, &value);
    if (err < 0 || p.size || value > limit)
        return -LX_EINVAL;
    *out = (uint32_t)value;
    return 0;
}

/* memparse() in Linux, and (size) a share of the memory; 0 is no limit: tmpfs(5). */
static int read_amount(struct part p, int is_size, uint64_t *out)
{
    static const char units[] = "kmgtpe";
    int err = read_digits(&p, 10, out);
    if (err < 0)
        return err;
    if (p.size == 1 && *p.at == '%' && is_size) {
        *out = *out * (core_page_limit() * CORE_PAGE_SIZE / 100);
        p.size = 0;
    }
    for (uint32_t i = 0; p.size == 1 && units[i]; i++) {
        if ((*p.at | 0x20) != units[i])
            continue;
        if (*out >> (64 - 10 * (i + 1)))
            return -LX_EINVAL;
        *out <<= 10 * (i + 1);
        p.size = 0;
    }
    if (*out == 0)
        *out = UINT64_MAX;
    return p.size ? -LX_EINVAL : 0;
}

/* What Linux looks at itself, whatever the file system is: vfs_parse_sb_flag(). */
static int is_common(struct part key, struct vfs_tmpfs_options *out)
{
    static const char *const ignored[] = {"async",  "dirsync", "lazytime", "mand", "nolazytime",
                                          "nomand", "source",  "sync",     NULL};
    if (is(key, "ro"))
        out->flags |= VFS_MOUNT_READ_ONLY;
    else if (is(key, "rw"))
        out->flags &= ~VFS_MOUNT_READ_ONLY;
    else
        return is_one_of(key, ignored);
    return 1;
}

static int read_tmpfs(struct part key, struct part value, struct vfs_tmpfs_options *out)
{
    static const char *const ignored[] = {"huge", "inode32", "inode64", "mpol", "noswap", NULL};
    if (is(key, "size"))
        return read_amount(value, 1, &out->size);
    if (is(key, "nr_inodes"))
        return read_amount(value, 0, &out->inodes);
    if (is(key, "nr_blocks")) {
        int err = read_amount(value, 0, &out->size);
        if (err == 0 && out->size != UINT64_MAX &&
            __builtin_mul_overflow(out->size, CORE_PAGE_SIZE, &out->size))
            err = -LX_EINVAL;
        return err;
    }
    if (is(key, "mode"))
        return read_number(value, 8, 07777, &out->mode);
    if (is(key, "uid"))
        return read_number(value, 10, UINT32_MAX - 1, &out->uid);
    if (is(key, "gid"))
        return read_number(value, 10, UINT32_MAX - 1, &out->gid);
    return is_one_of(key, ignored) ? 0 : -LX_EINVAL;
}

/* Differs from Linux: what these are told has no effect. */
static int is_known(const char *type, struct part key)
{
    static const char *const of_proc[] = {"gid", "hidepid", "subset", NULL};
    static const char *const of_devpts[] = {"gid",      "max", "mode", "newinstance",
                                            "ptmxmode", "uid", NULL};
    static const char *const of_cgroup[] = {"favordynmods", "memory_recursiveprot", "nsdelegate",
                                            NULL};
    return (core_str_equal(type, "proc") && is_one_of(key, of_proc)) ||
           (core_str_equal(type, "devpts") && is_one_of(key, of_devpts)) ||
           (core_str_equal(type, "cgroup2") && is_one_of(key, of_cgroup));
}

int mount_options_read(const char *type, const char *text, struct vfs_tmpfs_options *out)
{
    struct part rest = {text, text ? core_str_length(text) : 0};
    int err = 0, is_tmpfs = core_str_equal(type, "tmpfs");
    while (err == 0 && rest.size) {
        struct part value = cut(&rest, ','), key = cut(&value, '=');
        if (!key.size || is_common(key, out))
            continue;
        err = is_tmpfs ? read_tmpfs(key, value, out) : is_known(type, key) ? 0 : -LX_EINVAL;
    }
    return err;
}
