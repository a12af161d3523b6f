/* SPDX-License-Identifier: MIT */
/*
 * Access control lists: every form of a few entries, and random lists, modes, owners and users,
 * with all that they may do.  What Linux makes of it is the output; the argument is the seed.
 */

#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "docker_root.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define ENTRIES_MAX 12
#define IDS 6 /* so few that they meet often */
#define TAGS 6

static uint64_t state;

static uint32_t any(uint32_t count)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % count;
}

struct acl {
    uint32_t version;
    struct entry {
        uint16_t tag, permissions;
        uint32_t id;
    } entries[ENTRIES_MAX];
    uint32_t count; /* not of the attribute */
};

static void add(struct acl *acl, uint16_t tag, uint32_t id)
{
    acl->version = 2;
    acl->entries[acl->count++] = (struct entry){tag, (uint16_t)any(8), id};
}

static int set(const char *path, const char *name, const struct acl *acl)
{
    return setxattr(path, name, acl, 4 + acl->count * sizeof acl->entries[0], 0);
}

/* ---- Forms ---- */

static void forms(const char *path, const char *name)
{
    for (uint32_t length = 0; length <= guest_count(5, 7); length++) {
        uint32_t total = 1, good = 0;
        uint64_t which = 0;
        for (uint32_t i = 0; i < length; i++)
            total *= TAGS;
        for (uint32_t n = 0; n < total; n++) {
            struct acl acl = {.version = 2};
            uint32_t rest = n;
            for (uint32_t i = 0; i < length; i++, rest /= TAGS)
                add(&acl, (uint16_t)(1u << rest % TAGS), 5);
            if (set(path, name, &acl) == 0) {
                good++;
                which = which * 31 + n;
            } else {
                CHECK(errno == EINVAL);
            }
        }
        printf("%s of %u entries: %u of %u, %llx\n", name, length, good, total,
               (unsigned long long)which);
    }
}

/* ---- Random lists ---- */

static void make_list(struct acl *acl)
{
    uint32_t users = any(4) ? any(4) : 0, groups = any(4) ? any(4) : 0;
    acl->count = 0;
    add(acl, 1, UINT32_MAX);
    for (uint32_t i = 0; i < users; i++)
        add(acl, 2, any(IDS));
    add(acl, 4, UINT32_MAX);
    for (uint32_t i = 0; i < groups; i++)
        add(acl, 8, any(IDS));
    if (users || groups || any(3) == 0)
        add(acl, 16, UINT32_MAX);
    add(acl, 32, UINT32_MAX);
}

static void show(const char *path, const char *name)
{
    struct acl acl;
    struct stat st;
    ssize_t size = getxattr(path, name, &acl, sizeof acl);
    CHECK(stat(path, &st) == 0);
    printf("%s %o", path, st.st_mode);
    for (int i = 0; i < (size - 4) / 8; i++)
        printf(" %x:%d:%o", acl.entries[i].tag, (int)acl.entries[i].id, acl.entries[i].permissions);
    printf("\n");
}

static void become(uint32_t uid, uint32_t gid, const gid_t *groups, size_t count)
{
    CHECK(setresuid(0, 0, 0) == 0);
    CHECK(setgroups(count, groups) == 0);
    CHECK(setresgid(gid, gid, 0) == 0 && setresuid(uid, uid, 0) == 0);
}

/* A letter for each of what may be asked: of access(2), and of doing it. */
static void try_all(void)
{
    char result[12] = "";
    for (int want = 1; want < 8; want++)
        result[want - 1] = faccessat(AT_FDCWD, "file", want, AT_EACCESS) == 0 ? '+' : '-';
    int fd = open("file", O_WRONLY);
    result[7] = fd >= 0 ? 'w' : '-';
    close(fd);
    result[8] = access("dir/in/it", F_OK) == 0 ? 'x' : '-';
    fd = open("dir", O_RDONLY);
    result[9] = fd >= 0 ? 'r' : '-';
    close(fd);
    fd = open("dir/new", O_RDWR | O_CREAT, 0666);
    result[10] = fd >= 0 ? 'n' : '-';
    close(fd);
    printf(" %s", result);
}

static void clean(void)
{
    unlink("dir/new");
    unlink("inherits/file");
    rmdir("inherits/dir");
}

static void one_round(uint32_t round)
{
    struct acl acl;
    static const char *const paths[] = {"file", "dir"};
    for (int i = 0; i < 2; i++) {
        make_list(&acl);
        CHECK(chown(paths[i], any(IDS), any(IDS)) == 0);
        CHECK(set(paths[i], ACCESS, &acl) == 0);
        if (any(3) == 0)
            CHECK(chmod(paths[i], any(01000)) == 0);
        if (any(8) == 0)
            CHECK(removexattr(paths[i], ACCESS) == 0);
        show(paths[i], ACCESS);
    }
    printf("%u:", round);
    for (int user = 0; user < 8; user++) {
        gid_t groups[3] = {any(IDS), any(IDS), any(IDS)};
        become(any(IDS), any(IDS), groups, any(4));
        try_all();
        become(0, 0, NULL, 0);
        unlink("dir/new");
    }
    printf("\n");

    make_list(&acl);
    CHECK(set("inherits", DEFAULT, &acl) == 0);
    umask(any(01000));
    close(open("inherits/file", O_RDWR | O_CREAT, any(010000)));
    CHECK(mkdir("inherits/dir", any(02000)) == 0);
    umask(022);
    show("inherits/file", ACCESS);
    show("inherits/dir", ACCESS);
    show("inherits/dir", DEFAULT);
    clean();
}

int main(int argc, char **argv)
{
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (geteuid() != 0 || !become_docker_root()) {
        printf("not root\n");
        return 0;
    }
    umask(022);
    CHECK(chmod(".", 0755) == 0 && mkdir("dir", 0755) == 0 && mkdir("dir/in", 0755) == 0 &&
          mkdir("inherits", 0755) == 0);
    close(open("file", O_RDWR | O_CREAT, 0644));
    close(open("dir/in/it", O_RDWR | O_CREAT, 0644));
    forms("file", ACCESS);
    forms("dir", DEFAULT);
    CHECK(removexattr("dir", DEFAULT) == 0);
    uint32_t rounds = (uint32_t)guest_count(300, 20000);
    for (uint32_t i = 0; i < rounds; i++)
        one_round(i);
    return guest_result();
}
