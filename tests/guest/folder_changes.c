/* SPDX-License-Identifier: MIT */
/*
 * A folder that the host changes while a container works in it; see folder_changes.sh.
 *
 *     folder_changes change FOLDER OUTSIDE   natively, until it is killed: directories and files are
 *                                            made, moved, replaced and removed, directories are
 *                                            exchanged for links to the folder OUTSIDE (but
 *                                            if that is empty)
 *     folder_changes work                    the same names from the other side: nothing of what is
 *                                            outside is ever met, and no call fails for a reason
 *                                            that Linux does not have
 */

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

#define FILES 5
#define DIRECTORIES 4
#define ROUNDS 3000

static const char *const files[FILES] = {"secret", "a", "b", "c", "d"};
static uint64_t state = 1;

static unsigned dice(unsigned sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % sides;
}

/* d1, d1/d3, d1/d3/d0 ..; or a file there. */
static const char *path(int is_file)
{
    static char paths[4][128];
    static int next;
    char *p = paths[next++ % 4], *end = p;
    for (unsigned n = 1 + dice(3); n > 0; n--)
        end += sprintf(end, "d%u%s", dice(DIRECTORIES), n > 1 || is_file ? "/" : "");
    if (is_file)
        strcpy(end, files[dice(FILES)]);
    return p;
}

static int write_file(const char *file, const char *text, int flags)
{
    int fd = open(file, O_WRONLY | O_CREAT | flags, 0644);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -1 : 0;
}

/* A directory of the folder's own, never one that a link leads to. */
static int place(void)
{
    static const struct open_how how = {.flags = O_PATH | O_DIRECTORY,
                                        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = dice(3) ? (int)syscall(SYS_openat2, AT_FDCWD, path(0), &how, sizeof how) : -1;
    return fd < 0 ? open(".", O_PATH | O_DIRECTORY) : fd;
}

static const char *name(void)
{
    static const char *const names[] = {"d0", "d1", "d2", "d3", "secret", "a", "b", "c", "d"};
    return names[dice(sizeof names / sizeof names[0])];
}

static void change_one(const char *outside)
{
    int from = place(), to = place();
    const char *a = name(), *b = name();
    switch (*outside ? dice(8) : 1 + dice(7)) {
    case 0:
        (void)!symlinkat(outside, from, a);
        break;
    case 1:
        close(openat(from, a, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
        break;
    case 2:
        (void)!unlinkat(from, a, dice(2) ? AT_REMOVEDIR : 0);
        break;
    case 3: /* a directory becomes a link to what is outside, and back */
        if (*outside && (symlinkat(outside, to, "link") == 0 || errno == EEXIST))
            (void)!renameat2(to, "link", from, a, RENAME_EXCHANGE);
        break;
    case 4:
        (void)!renameat2(from, a, to, b, RENAME_EXCHANGE);
        break;
    case 5:
        (void)!renameat(from, a, to, b);
        break;
    default:
        (void)!mkdirat(from, a, 0755);
    }
    close(from);
    close(to);
}

static _Noreturn void change(const char *folder, const char *outside)
{
    if (chdir(folder))
        exit(1);
    for (;;) {
        change_one(outside);
        if (dice(64) == 0)
            usleep(1000);
    }
}

/*
 * What Linux says in such a folder.  On Wine what is open elsewhere stands in the way, too, and where
 * it meets a directory that vanishes it may say that a handle is invalid.
 */
static void check(int result, const char *call, const char *file)
{
    static const int expected[] = {ENOENT, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY,
                                   ELOOP,  EINVAL,  EXDEV,  EPERM};
    if (result >= 0 || (guest_on_wine() && (errno == EACCES || errno == EBUSY || errno == EBADF)))
        return;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (errno == expected[i])
            return;
    }
    guest_failures++;
    printf("%s %s: %s\n", call, file, strerrorname_np(errno));
}

static void read_file(const char *file)
{
    char text[16] = "";
    struct stat st, again;
    int fd = open(file, O_RDONLY | O_NONBLOCK);
    check(fd, "open", file);
    if (fd < 0)
        return;
    CHECK(fstat(fd, &st) == 0);
    if (S_ISREG(st.st_mode)) {
        CHECK(read(fd, text, sizeof text - 1) >= 0);
        CHECK(!strstr(text, "outside"));
        CHECK(fstat(fd, &again) == 0 && again.st_ino == st.st_ino);
    }
    close(fd);
}

static void list(const char *from, int depth)
{
    char below[512];
    DIR *dir = opendir(from);
    check(dir ? 0 : -1, "opendir", from);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        struct stat st;
        CHECK(strcmp(e->d_name, "only-outside") != 0);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", from, e->d_name);
        check(lstat(below, &st), "lstat", below);
        if (e->d_type == DT_DIR && depth < 4)
            list(below, depth + 1);
    }
    if (dir)
        closedir(dir);
}

static void work(void)
{
    long rounds = guest_count(ROUNDS, 100 * ROUNDS) / (guest_on_wine() ? 10 : 1);
    state = 77;
    for (long i = 0; i < rounds && guest_failures < 10; i++) {
        const char *file = path(1), *other = path(1), *directory = path(0);
        switch (dice(10)) {
        case 0:
            check(write_file(file, "inside", O_TRUNC), "write", file);
            break;
        case 1:
            check(write_file(file, "inside", O_EXCL), "create", file);
            break;
        case 2:
            check(unlink(file), "unlink", file);
            break;
        case 3:
            check(rename(file, other), "rename", file);
            break;
        case 4:
            check(chmod(file, 0600 + dice(0100)), "chmod", file);
            break;
        case 5:
            check(truncate(file, 3), "truncate", file);
            break;
        case 6:
            check(dice(2) ? mkdir(directory, 0755) : rmdir(directory), "mkdir, rmdir", directory);
            break;
        case 7:
            list(".", 0);
            break;
        case 8:
            check(link(file, other), "link", file);
            break;
        default:
            read_file(file);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "change") == 0)
        change(argv[2], argv[3]);
    work();
    return guest_result();
}
