/* SPDX-License-Identifier: MIT */
/* chmod(2), chown(2), utimensat(2), umask(2), access(2) and the times that files keep. */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>

#include "guest.h"

static struct stat get(const char *path)
{
    struct stat st;
    memset(&st, 0xff, sizeof st);
    CHECK(lstat(path, &st) == 0);
    return st;
}

static mode_t mode_of(const char *path)
{
    return get(path).st_mode & 07777;
}

static void modes(void)
{
    umask(027);
    int fd = open("f", O_CREAT | O_RDWR | O_EXCL, 0666);
    CHECK(fd >= 0 && mode_of("f") == 0640);
    CHECK(mkdir("d", 0777) == 0 && mode_of("d") == 0750);
    CHECK(umask(022) == 027 && umask(022) == 022);
    CHECK(chmod("f", 06755) == 0 && mode_of("f") == 06755);
    CHECK(chmod("f", 0100600) == 0 && mode_of("f") == 0600); /* the type is not looked at */
    CHECK(fchmod(fd, 0444) == 0 && mode_of("f") == 0444);
    CHECK(fchmodat(AT_FDCWD, "f", 0640, 0) == 0 && mode_of("f") == 0640);
    CHECK(chmod("d", 01777) == 0 && mode_of("d") == 01777);
    CHECK_ERROR(chmod("none", 0600), ENOENT);
    CHECK_ERROR(fchmod(999, 0600), EBADF);
    CHECK_ERROR(chmod("f/x", 0600), ENOTDIR);
    CHECK(symlink("f", "s") == 0);
    CHECK(chmod("s", 0600) == 0 && mode_of("f") == 0600 && mode_of("s") == 0777);
    CHECK(unlink("s") == 0);
    close(fd);
}

static void owners(void)
{
    CHECK(get("f").st_uid == geteuid() && get("f").st_gid == getegid());
    CHECK(chown("f", (uid_t)-1, (gid_t)-1) == 0);
    CHECK_ERROR(chown("none", 0, 0), ENOENT);
    if (geteuid() != 0)
        return;
    CHECK(chmod("f", 06755) == 0);
    CHECK(chown("f", 1000, 1001) == 0);
    CHECK(get("f").st_uid == 1000 && get("f").st_gid == 1001);
    CHECK(mode_of("f") == 0755); /* the set-id bits go */
    CHECK(chown("f", (uid_t)-1, 7) == 0 && get("f").st_uid == 1000 && get("f").st_gid == 7);
    CHECK(symlink("f", "s") == 0);
    CHECK(lchown("s", 5, 6) == 0 && get("s").st_uid == 5 && get("f").st_uid == 1000);
    CHECK(fchownat(AT_FDCWD, "f", 0, 0, 0) == 0 && get("f").st_uid == 0);
    CHECK_ERROR(fchownat(AT_FDCWD, "f", 0, 0, 0x4000), EINVAL);
    CHECK(unlink("s") == 0);
}

static void permissions(void)
{
    CHECK(chmod("f", 0600) == 0);
    CHECK(access("f", F_OK) == 0 && access("f", R_OK | W_OK) == 0);
    CHECK_ERROR(access("f", X_OK), EACCES); /* not even the superuser */
    CHECK_ERROR(access("none", F_OK), ENOENT);
    CHECK_ERROR(access("f", 8), EINVAL);
    CHECK_ERROR(access("f/x", F_OK), ENOTDIR);
    CHECK(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS) == 0);
    if (geteuid() != 0)
        return;

    /* As somebody else. */
    CHECK(mkdir("closed", 0700) == 0 && mkdir("listed", 0744) == 0 && mkdir("sticky", 01777) == 0);
    CHECK(chmod("sticky", 01777) == 0);
    int fd = open("sticky/root's", O_CREAT | O_WRONLY, 0666);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK(chmod("f", 0640) == 0 && chmod(".", 0755) == 0);
    CHECK(setegid(1000) == 0 && seteuid(1000) == 0);
    CHECK_ERROR(open("f", O_RDONLY), EACCES);
    CHECK_ERROR(open("closed/x", O_RDONLY), EACCES);
    CHECK_ERROR(open("closed", O_RDONLY), EACCES);
    fd = open("listed", O_RDONLY);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK_ERROR(open("listed/x", O_RDONLY), EACCES);
    CHECK_ERROR(open("new", O_CREAT | O_WRONLY, 0600), EACCES);
    CHECK_ERROR(unlink("f"), EACCES);
    CHECK_ERROR(unlink("sticky/root's"), EPERM);
    CHECK_ERROR(chmod("f", 0777), EPERM);
    CHECK_ERROR(chown("f", 1000, 1000), EPERM);
    CHECK_ERROR(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
    CHECK(access("f", R_OK) == 0); /* asks for the real user, who is root */
    CHECK_ERROR(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), EACCES);
    CHECK(seteuid(0) == 0 && setegid(0) == 0);
    CHECK(unlink("sticky/root's") == 0);
    CHECK(rmdir("closed") == 0 && rmdir("listed") == 0 && rmdir("sticky") == 0);
}

static int64_t ns(struct timespec t)
{
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void times(void)
{
    struct timespec set[2] = {{1000, 5}, {2000, 999999999}}, now;
    CHECK(utimensat(AT_FDCWD, "f", set, 0) == 0);
    CHECK(ns(get("f").st_atim) == ns(set[0]) && ns(get("f").st_mtim) == ns(set[1]));
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(llabs(ns(get("f").st_ctim) - ns(now)) < INT64_C(5000000000));
    set[0].tv_nsec = UTIME_OMIT;
    set[1].tv_nsec = UTIME_NOW;
    CHECK(utimensat(AT_FDCWD, "f", set, 0) == 0);
    CHECK(get("f").st_atim.tv_sec == 1000);
    CHECK(llabs(ns(get("f").st_mtim) - ns(now)) < INT64_C(5000000000));
    set[0].tv_nsec = 1000000000;
    CHECK_ERROR(utimensat(AT_FDCWD, "f", set, 0), EINVAL);
    CHECK_ERROR(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
    set[0] = set[1] = (struct timespec){-5, 0}; /* before 1970 */
    CHECK(utimensat(AT_FDCWD, "f", set, 0) == 0 && get("f").st_mtim.tv_sec == -5);
    CHECK(utimes("f", (struct timeval[2]){{1, 2}, {3, 4}}) == 0);
    CHECK(ns(get("f").st_mtim) == 3000004000);

    /* What changes which time. */
    set[0] = set[1] = (struct timespec){100, 0};
    int fd = open("f", O_RDWR);
    CHECK(fd >= 0 && futimens(fd, set) == 0);
    CHECK(write(fd, "x", 1) == 1 && get("f").st_mtim.tv_sec > 1000);
    CHECK(futimens(fd, set) == 0 && chmod("f", 0600) == 0 && get("f").st_mtim.tv_sec == 100);
    CHECK(ftruncate(fd, 0) == 0 && get("f").st_mtim.tv_sec > 1000);
    close(fd);
    CHECK(utimensat(AT_FDCWD, "d", set, 0) == 0 && get("d").st_mtim.tv_sec == 100);
    CHECK(mkdir("d/x", 0700) == 0 && get("d").st_mtim.tv_sec > 1000);
    CHECK(utimensat(AT_FDCWD, "d", set, 0) == 0 && rmdir("d/x") == 0);
    CHECK(get("d").st_mtim.tv_sec > 1000);
}

static void more(void)
{
    struct stat st = get("f");
    struct statx sx;
    CHECK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx) == 0);
    CHECK((sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    CHECK(sx.stx_ino == st.st_ino && sx.stx_mode == st.st_mode &&
          sx.stx_size == (uint64_t)st.st_size);
    CHECK_ERROR(statx(AT_FDCWD, "f", 0x10000000, STATX_BASIC_STATS, &sx), EINVAL);
    CHECK_ERROR(statx(AT_FDCWD, "", 0, STATX_BASIC_STATS, &sx), ENOENT);
    int fd = open("f", O_RDONLY);
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx) == 0 && sx.stx_ino == st.st_ino);
    CHECK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && st.st_ino == sx.stx_ino);
    close(fd);
    CHECK_ERROR(getxattr("f", "user.none", NULL, 0), ENODATA);
    CHECK_ERROR(getxattr("none", "user.none", NULL, 0), ENOENT);
}

int main(void)
{
    modes();
    owners();
    permissions();
    times();
    more();
    CHECK(unlink("f") == 0 && rmdir("d") == 0);
    return guest_result();
}
