/* SPDX-License-Identifier: MIT */
/* image/acl.c: access control lists that archives have in words, and as attributes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lx/acl.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "tarball.h"

#define ADD(...) tarball_add(&t, (struct tar_member){__VA_ARGS__})
#define ACCESS "SCHILY.acl.access"
#define DEFAULT "SCHILY.acl.default"
#define ENTRIES 8
#define NONE 0xffffffffu

/* An attribute as it would be set, in hexadecimal words of 16 bits, 32 for ids. */
static void show(const uint8_t *value, uint32_t size, char *out)
{
    struct lx_posix_acl_xattr_entry e;
    for (uint32_t at = 4; at < size; at += (uint32_t)sizeof e) {
        memcpy(&e, value + at, sizeof e);
        out += sprintf(out, "%x:%d:%o ", e.e_tag, (int32_t)e.e_id, e.e_perm);
    }
    *out = 0;
}

/* What the inode has of this name, or NULL. */
static const char *list_of(const struct opened *o, const struct vfs_image_inode *inode,
                           const char *wanted)
{
    static char text[400];
    const struct vfs_image_xattr *x;
    const char *name;
    const void *value;
    for (uint32_t n = 0; (x = vfs_image_xattr(&o->view, inode, n, &name, &value)); n++) {
        if (x->name_size == strlen(wanted) && memcmp(name, wanted, x->name_size) == 0) {
            assert_memory_equal(value, "\2\0\0\0", 4);
            show(value, x->value_size, text);
            return text;
        }
    }
    return NULL;
}

static void expect(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got ? got : "none", want);
    else
        assert_null(got);
}

static void words_become_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        uint32_t mode; /* the member's is 0640 */
        const char *list;
    } rows[] = {
        /* GNU tar's, by number and by name, with its comments. */
        {"user::rw-\nuser:1000:rwx\ngroup::r--\nmask::rwx\nother::---\n", 0670,
         "1:-1:6 2:1000:7 4:-1:4 10:-1:7 20:-1:0 "},
        {"user::rw-\nuser:lisa:rwx\t\t#effective:r-x\ngroup::r--\ngroup:adm:r-x\nmask::r-x\n"
         "other::r--\n",
         0654, "1:-1:6 2:502:7 4:-1:4 8:4:5 10:-1:5 20:-1:4 "},
        /* libarchive's: what the mode says first, numbers last. */
        {"user::rwx,group::r-x,other::--x,user:lisa:rw-:77,group:none:r-x:78,mask::rwx", 0771,
         "1:-1:7 2:77:6 4:-1:5 8:78:5 10:-1:7 20:-1:1 "},
        {"u::7,g::r,o::r", 0, NULL},
        {"u::rwx,u:5:r,g::r,m:rw,o:-", 0760, "1:-1:7 2:5:4 4:-1:4 10:-1:6 20:-1:0 "},
        {" user::rwx , user:0:--x, group::---,,mask::---\n\n#all\nother::rwx", 0707,
         "1:-1:7 2:0:1 4:-1:0 10:-1:0 20:-1:7 "},
        {"user::rwx,user:4294967294:-,user:3:r,group::x,mask::r,other::x", 0741,
         "1:-1:7 2:-2:0 2:3:4 4:-1:1 10:-1:4 20:-1:1 "},
        /* No more than a mode. */
        {"user::rwx,group::r-x,other::r--", 0754, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tarball t = {0};
        struct image image;
        struct core_diag diag;
        struct opened o;
        tarball_pax(&t, ACCESS, rows[i].words, strlen(rows[i].words));
        ADD(.name = "file", .mode = 0640);
        ADD(.type = '5', .name = "etc");
        ADD(.name = "etc/passwd",
            .data = "root:x:0:0::/:\nlis:x:1:\nlisa:x:502:100::/:/bin/sh\nlisa:x:503:\n");
        ADD(.name = "etc/group", .data = "root:x:0:\nadm:x:4:lisa\nlisa:x:9:");
        tarball_end(&t);
        int err = tarball_import(&t, NULL, &image, &diag);
        if (err < 0) { /* libarchive may find it bad, too */
            assert_int_equal(rows[i].mode, 0);
        } else {
            opened_image(&o, image);
            const struct vfs_image_inode *file = opened_find(&o, "file");
            assert_int_equal(file->mode, LX_S_IFREG | rows[i].mode);
            expect(list_of(&o, file, LX_XATTR_NAME_POSIX_ACL_ACCESS), rows[i].list);
            opened_fini(&o);
        }
        tarball_free(&t);
    }
}

/* Both lists of a directory, beside other attributes, and later tables count. */
static void directories_have_two_lists(void **state)
{
    (void)state;
    static const char records[] =
        "25 SCHILY.xattr.user.z=1\n"
        "38 SCHILY.xattr.security.capability=x\n"
        "75 " DEFAULT "=user::rwx,user:a:rwx,group::r-x,mask::r-x,other::---\n"
        "74 " ACCESS "=user::rwx,user:a:r-x,group::r-x,mask::rwx,other::---\n";
    struct tarball t = {0};
    struct opened o;
    ADD(.type = '5', .name = "etc");
    ADD(.name = "etc/passwd", .data = "a:x:1:\n");
    ADD(.type = 'x', .name = "pax", .data = records);
    ADD(.type = '5', .name = "dir", .mode = 01750, .uid = 3);
    ADD(.name = "etc/passwd", .data = "a:x:2:\n");
    tarball_end(&t);
    opened_init(&o, &t);
    const struct vfs_image_inode *dir = opened_find(&o, "dir");
    assert_int_equal(dir->mode, LX_S_IFDIR | 01770);
    assert_int_equal(dir->uid, 3);
    expect(list_of(&o, dir, LX_XATTR_NAME_POSIX_ACL_ACCESS),
           "1:-1:7 2:2:5 4:-1:5 10:-1:7 20:-1:0 ");
    expect(list_of(&o, dir, LX_XATTR_NAME_POSIX_ACL_DEFAULT),
           "1:-1:7 2:2:7 4:-1:5 10:-1:5 20:-1:0 ");
    opened_fini(&o);
    tarball_free(&t);
}

#define LIST                           \
    "\2\0\0\0\1\0\6\0\377\377\377\377" \
    "\2\0\7\0\5\0\0\0\4\0\4\0\377\377\377\377\20\0\7\0\377\377\377\377\40\0\4\0\377\377\377\377"
#define SHORT_LIST \
    "\2\0\0\0\1\0\6\0\377\377\377\377\4\0\4\0\377\377\377\377\40\0\4\0\377\377\377\377"

/* As docker has them; the mode is the member's. */
static void attributes_stay(void **state)
{
    (void)state;
    struct tarball t = {0};
    struct opened o;
    tarball_pax(&t, "SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_ACCESS, LIST, sizeof LIST - 1);
    ADD(.name = "file", .mode = 0640);
    tarball_pax(&t, "SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_ACCESS, SHORT_LIST,
                sizeof SHORT_LIST - 1);
    ADD(.name = "short", .mode = 0600);
    tarball_pax(&t, "SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_DEFAULT, SHORT_LIST,
                sizeof SHORT_LIST - 1);
    ADD(.type = '5', .name = "dir", .mode = 0755);
    tarball_end(&t);
    opened_init(&o, &t);
    assert_int_equal(opened_find(&o, "file")->mode, LX_S_IFREG | 0640);
    expect(list_of(&o, opened_find(&o, "file"), LX_XATTR_NAME_POSIX_ACL_ACCESS),
           "1:-1:6 2:5:7 4:-1:4 10:-1:7 20:-1:4 ");
    assert_int_equal(opened_find(&o, "short")->mode, LX_S_IFREG | 0600);
    assert_int_equal(opened_find(&o, "short")->xattrs, 0);
    expect(list_of(&o, opened_find(&o, "dir"), LX_XATTR_NAME_POSIX_ACL_DEFAULT),
           "1:-1:6 4:-1:4 20:-1:4 ");
    opened_fini(&o);
    tarball_free(&t);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        size_t size; /* 0: that of a text */
        char type;
        const char *reason;
    } rows[] = {
        {ACCESS, "user::rwx,group::r-x", 0, '0', "'a' has an access control list that Linux"},
        {ACCESS, "user::rwx,user:1:rwx,group::r-x,other::r-x", 0, '0',
         "'a' has an access control list that Linux"},
        {ACCESS, "user::rwx,user:nobody:rwx,group::r-x,mask::rwx,other::r-x", 0, '0',
         "for the user 'nobody', which etc/passwd of the archive does not have"},
        {ACCESS, "user::rwx,group::r-x,group:none:rwx,mask::rwx,other::r-x", 0, '0',
         "for the group 'none', which etc/group of the archive does not have"},
        {DEFAULT, "user::rwx,group::r-x,other::r-x", 0, '0',
         "'a' has an access control list that Linux"},
        {"SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_ACCESS, LIST, sizeof LIST - 2, '0',
         "'a' has an access control list that Linux"},
        {"SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_ACCESS, LIST, sizeof LIST - 1, '2',
         "'a' has an access control list that Linux"},
        {"SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_DEFAULT, LIST, sizeof LIST - 1, '6',
         "'a' has an access control list that Linux"},
        {"SCHILY.xattr." LX_XATTR_NAME_POSIX_ACL_DEFAULT, "\2\0\0\0", 4, '5',
         "'a' has an access control list that Linux"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tarball t = {0};
        struct image image;
        struct core_diag diag;
        size_t size = rows[i].size ? rows[i].size : strlen(rows[i].value);
        tarball_pax(&t, rows[i].key, rows[i].value, size);
        ADD(.type = rows[i].type, .name = "a", .link = rows[i].type == '2' ? "b" : NULL);
        tarball_end(&t);
        int err = tarball_import(&t, NULL, &image, &diag);
        if (err != -LX_EINVAL || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        tarball_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_attributes),
        cmocka_unit_test(directories_have_two_lists),
        cmocka_unit_test(attributes_stay),
        cmocka_unit_test(what_is_no_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
