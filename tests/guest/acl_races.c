/* SPDX-License-Identifier: MIT */
/*
 * Access control lists that change while they are read, checked and inherited: each is seen as a
 * whole, or not at all.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "guest.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define ANY UINT32_MAX

struct acl {
    uint32_t version;
    struct {
        uint16_t tag, permissions;
        uint32_t id;
    } entries[8];
};

/* Lists of five and six entries, whose users are 5 or 6. */
static const struct acl five = {2,
                                {{1, 7, ANY}, {2, 7, 5}, {4, 4, ANY}, {16, 6, ANY}, {32, 0, ANY}}};
static const struct acl six = {
    2, {{1, 7, ANY}, {2, 7, 6}, {2, 1, 6}, {4, 0, ANY}, {16, 4, ANY}, {32, 0, ANY}}};
#define SIZE_OF(count) (4 + 8 * (ssize_t)(count))

static _Atomic int is_over;

static int is_whole(const struct acl *acl, ssize_t size)
{
    return (size == SIZE_OF(5) && acl->entries[1].id == 5 && acl->entries[2].tag == 4) ||
           (size == SIZE_OF(6) && acl->entries[1].id == 6 && acl->entries[2].id == 6);
}

static void *change_access(void *arg)
{
    long count = *(long *)arg;
    for (long i = 0; i < count; i++) {
        CHECK(setxattr("dir", ACCESS, &five, SIZE_OF(5), 0) == 0);
        CHECK(setxattr("dir", ACCESS, &six, SIZE_OF(6), 0) == 0);
        CHECK(i % 3 || removexattr("dir", ACCESS) == 0);
    }
    is_over = 1;
    return NULL;
}

static void *change_default(void *arg)
{
    (void)arg;
    while (!is_over) {
        CHECK(setxattr("dir", DEFAULT, &five, SIZE_OF(5), 0) == 0);
        CHECK(removexattr("dir", DEFAULT) == 0);
        CHECK(setxattr("dir", DEFAULT, &six, SIZE_OF(6), 0) == 0);
    }
    return NULL;
}

static void *read_lists(void *arg)
{
    (void)arg;
    while (!is_over) {
        struct acl acl;
        char names[100];
        ssize_t size = getxattr("dir", ACCESS, &acl, sizeof acl);
        CHECK(is_whole(&acl, size) || (size < 0 && errno == ENODATA));
        size = getxattr("dir", DEFAULT, &acl, sizeof acl);
        CHECK(is_whole(&acl, size) || (size < 0 && errno == ENODATA));
        size = listxattr("dir", names, sizeof names);
        CHECK(size == 0 || size == sizeof ACCESS || size == sizeof DEFAULT ||
              size == sizeof ACCESS + sizeof DEFAULT);
    }
    return NULL;
}

/* A new file has the mode that goes with its list. */
static void *inherit(void *arg)
{
    (void)arg;
    while (!is_over) {
        struct acl acl;
        struct stat st;
        int fd = open("dir/file", O_RDWR | O_CREAT | O_EXCL, 0666);
        CHECK(fd >= 0 && fstat(fd, &st) == 0);
        ssize_t size = fgetxattr(fd, ACCESS, &acl, sizeof acl);
        uint32_t mode = size == SIZE_OF(5) ? 0660 : size == SIZE_OF(6) ? 0640 : 0644;
        CHECK(size < 0 || is_whole(&acl, size));
        CHECK((st.st_mode & 0777) == mode);
        CHECK(close(fd) == 0 && unlink("dir/file") == 0);
    }
    return NULL;
}

int main(void)
{
    static void *(*const works[])(void *) = {change_access, change_default, read_lists, inherit};
    pthread_t threads[4];
    long count = guest_count(2000, 200000);
    umask(022);
    CHECK(mkdir("dir", 0755) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, works[i], &count) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return guest_result();
}
