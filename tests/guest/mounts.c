/* SPDX-License-Identifier: MIT */
/*
 * mount(2), umount2(2), pivot_root(2), and what a tree of mounts changes for all that takes paths.
 * It takes CAP_SYS_ADMIN: run.sh --with=--cap-add=SYS_ADMIN.
 */

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "docker_root.h"

static char base[PATH_MAX]; /* where all of it happens: a tmpfs */

static int bind_to(const char *from, const char *to)
{
    return mount(from, to, NULL, MS_BIND, NULL);
}

static int tmpfs_on(const char *at, const char *options)
{
    return mount("memory", at, "tmpfs", 0, options);
}

static void make(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static int has(const char *path, const char *text)
{
    char buf[100];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

/* What follows the base in a path. */
static const char *after_base(const char *path)
{
    size_t size = strlen(base);
    return strncmp(path, base, size) == 0 ? path[size] ? path + size : "/" : path;
}

/* The mounts below the base, without ids: root, place, options, type, source, options. */
static void show_mounts(const char *when)
{
    char line[4096], root[1024], at[1024], options[1024], rest[1024];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    printf("%s:\n", when);
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%*d %*d %*s %1023s %1023s %1023s - %1023[^\n]", root, at, options,
                   rest) == 4 &&
            strncmp(at, base, strlen(base)) == 0)
            printf("  %s on %s %s - %s\n", root, after_base(at), options, rest);
    }
    if (f)
        fclose(f);
}

static int count_mounts(void)
{
    char line[4096];
    int count = 0;
    FILE *f = fopen("/proc/self/mounts", "r");
    while (f && fgets(line, sizeof line, f))
        count++;
    if (f)
        fclose(f);
    return count;
}

static void show_cwd(void)
{
    char path[PATH_MAX], link[PATH_MAX];
    long n = syscall(SYS_getcwd, path, sizeof path);
    ssize_t size = readlink("/proc/self/cwd", link, sizeof link - 1);
    link[size > 0 ? size : 0] = 0;
    printf("getcwd %s, cwd %s\n", n > 0 ? after_base(path) : strerrorname_np(errno),
           after_base(link));
}

static void show_fd(int fd)
{
    char name[64], link[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(name, link, sizeof link - 1);
    link[size > 0 ? size : 0] = 0;
    printf("fd: %s\n", after_base(link));
}

static ino_t ino(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static unsigned long long mount_id(const char *path)
{
    struct statx x;
    return statx(AT_FDCWD, path, 0, STATX_MNT_ID, &x) == 0 ? x.stx_mnt_id : 0;
}

static void arguments(void)
{
    mkdir("args", 0755);
    make("args/file", "x");
    SHOW(mount("x", "args/none", "tmpfs", 0, NULL));
    SHOW(mount("x", "args/file/x", "tmpfs", 0, NULL));
    SHOW(mount("x", "args", "no-such", 0, NULL));
    SHOW(mount("x", "args", NULL, 0, NULL));
    SHOW(mount("x", "args/file", "tmpfs", 0, NULL));
    SHOW(mount("x", "args", "tmpfs", 0, "size=x"));
    SHOW(mount("x", "args", "tmpfs", 0, "sizes=1"));
    SHOW(mount("x", "args", "tmpfs", 0, "mode=9"));
    SHOW(mount("x", "args", "tmpfs", 0, "uid=-2"));
    SHOW(mount(NULL, "args", NULL, MS_BIND, NULL));
    SHOW(mount("", "args", NULL, MS_BIND, NULL));
    SHOW(mount("args/none", "args", NULL, MS_BIND, NULL));
    SHOW(mount("args/file", "args", NULL, MS_BIND, NULL));
    SHOW(mount("args", "args/file", NULL, MS_BIND, NULL));
    SHOW(mount("args", "args", NULL, MS_MOVE, NULL));
    SHOW(mount(NULL, "args", NULL, MS_REMOUNT, NULL));
    SHOW(mount(NULL, "args", NULL, MS_REMOUNT | MS_BIND, NULL));
    SHOW(mount(NULL, "args", NULL, MS_PRIVATE, NULL));
    SHOW(mount(NULL, ".", NULL, MS_PRIVATE | MS_SLAVE, NULL));
    SHOW(mount(NULL, ".", NULL, MS_PRIVATE | MS_REC | MS_SILENT, NULL));
    SHOW(mount(NULL, ".", NULL, MS_PRIVATE | MS_RDONLY, NULL));
    SHOW(mount((char *)1, "args", "tmpfs", 0, NULL));
    SHOW(mount("x", (char *)1, "tmpfs", 0, NULL));
    SHOW(mount("x", "args", (char *)1, 0, NULL));
    SHOW(mount("x", "args", "tmpfs", 0, (char *)1));
    SHOW(mount("x", "", "tmpfs", 0, NULL));
    SHOW(umount2("args", 0x100));
    SHOW(umount2("args", 0));
    SHOW(umount2("args/none", 0));
    SHOW(umount2("args/file", 0));
    SHOW(umount2((char *)1, 0));
    SHOW(umount2("args", MNT_EXPIRE | MNT_FORCE));
    SHOW(syscall(SYS_pivot_root, "args", "args"));
    SHOW(syscall(SYS_pivot_root, "args/none", "args"));
    SHOW(syscall(SYS_pivot_root, "args/file", "args"));
    SHOW(syscall(SYS_pivot_root, "args", "args/file"));
}

static void tmpfs(void)
{
    struct stat st;
    struct statvfs v;
    mkdir("t", 0755);
    make("t/covered", "x");
    CHECK(tmpfs_on("t", "size=64k,mode=751,uid=3,gid=4,nr_inodes=10") == 0);
    CHECK_ERROR(access("t/covered", F_OK), ENOENT);
    CHECK(stat("t", &st) == 0 && (st.st_mode & 07777) == 0751 && st.st_uid == 3 && st.st_gid == 4);
    CHECK(statvfs("t", &v) == 0 && v.f_blocks * v.f_frsize == 65536 && v.f_files == 10);
    make("t/file", "text");
    SHOW(rmdir("t"));
    SHOW(rename("t", "u"));
    SHOW(rename("t/file", "file"));
    SHOW(link("t/file", "file"));
    SHOW(umount2("t/file", 0));
    int fd = open("t/file", O_RDONLY);
    show_fd(fd);
    SHOW(umount2("t", 0));
    close(fd);
    CHECK(chdir("t") == 0);
    SHOW(umount2("../t", 0));
    show_cwd();
    CHECK(chdir("..") == 0);
    /* On top of it. */
    CHECK(tmpfs_on("t", NULL) == 0);
    CHECK_ERROR(access("t/file", F_OK), ENOENT);
    CHECK(stat("t", &st) == 0 && (st.st_mode & 07777) == 01777);
    CHECK(umount2("t", 0) == 0);
    CHECK(has("t/file", "text"));
    /* Remounted. */
    CHECK(mount(NULL, "t", NULL, MS_REMOUNT, "size=128k") == 0);
    CHECK(statvfs("t", &v) == 0 && v.f_blocks * v.f_frsize == 131072);
    CHECK(has("t/file", "text"));
    fd = open("t/big", O_WRONLY | O_CREAT, 0644);
    char page[4096] = {1};
    for (int i = 0; i < 20; i++)
        CHECK(write(fd, page, sizeof page) == sizeof page);
    close(fd);
    SHOW(mount(NULL, "t", NULL, MS_REMOUNT, "size=64k"));
    CHECK(mount(NULL, "t", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL) == 0);
    SHOW(open("t/new", O_WRONLY | O_CREAT, 0644));
    SHOW(open("t/file", O_WRONLY));
    SHOW(mkdir("t/dir", 0755));
    SHOW(chmod("t/file", 0600));
    SHOW(unlink("t/file"));
    CHECK(mount(NULL, "t", NULL, MS_REMOUNT, NULL) == 0);
    CHECK(unlink("t/file") == 0);
    CHECK(umount2("t", 0) == 0);
    CHECK(has("t/covered", "x"));
    SHOW(umount2("t", 0));
    CHECK(rmdir("t") == -1 && errno == ENOTEMPTY);
    /* A socket's name is a use. */
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "t/socket"};
    CHECK(tmpfs_on("t", NULL) == 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&un, sizeof un) == 0 && unlink("t/socket") == 0);
    SHOW(umount2("t", 0));
    close(fd);
    CHECK(umount2("t", 0) == 0);
    /* Who watches hears of it. */
    CHECK(tmpfs_on("t", NULL) == 0);
    make("t/file", "x");
    struct inotify_event events[4];
    int watch = inotify_init1(IN_NONBLOCK);
    CHECK(inotify_add_watch(watch, "t/file", IN_MODIFY) == 1);
    CHECK(umount2("t", 0) == 0);
    ssize_t n = read(watch, events, sizeof events);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof events[0]; i++)
        printf("event %x of %d\n", events[i].mask, events[i].wd);
    CHECK(tmpfs_on("t", NULL) == 0);
    CHECK(inotify_add_watch(watch, "t", IN_MODIFY) == 2);
    CHECK(umount2("t", 0) == 0);
    n = read(watch, events, sizeof events);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof events[0]; i++)
        printf("event %x of %d\n", events[i].mask, events[i].wd);
    close(watch);
    /* What it took is given back. */
    for (int i = 0; i < 50; i++) {
        CHECK(tmpfs_on("t", "size=8m") == 0);
        CHECK(mkdir("t/a", 0755) == 0 && mkdir("t/a/b", 0755) == 0);
        make("t/a/b/c", "text");
        CHECK(link("t/a/b/c", "t/c") == 0);
        fd = open("t/big", O_RDWR | O_CREAT, 0644);
        CHECK(ftruncate(fd, 1 << 20) == 0 && pwrite(fd, "x", 1, 1 << 19) == 1);
        close(fd);
        CHECK(umount2("t", 0) == 0);
    }
}

static void binds(void)
{
    struct stat st;
    mkdir("b", 0755), mkdir("b/from", 0755), mkdir("b/from/sub", 0755), mkdir("b/to", 0755);
    make("b/from/file", "one");
    make("b/from/sub/deep", "two");
    make("b/single", "");
    CHECK(bind_to("b/from", "b/to") == 0);
    CHECK(has("b/to/file", "one") && ino("b/to/sub") == ino("b/from/sub"));
    CHECK(mount_id("b/to/file") != mount_id("b/from/file"));
    CHECK(mount_id("b/to/file") == mount_id("b/to"));
    make("b/to/new", "made there");
    CHECK(has("b/from/new", "made there"));
    CHECK(unlink("b/from/new") == 0);
    CHECK_ERROR(access("b/to/new", F_OK), ENOENT);
    /* ".." leads to where one is. */
    CHECK(ino("b/to/..") == ino("b") && ino("b/to/sub/../..") == ino("b"));
    CHECK(chdir("b/to/sub") == 0);
    show_cwd();
    CHECK(ino("../..") == ino("../../../b"));
    int fd = open("deep", O_RDONLY);
    show_fd(fd);
    SHOW(umount2("../../to", 0));
    CHECK(fchdir(open("../../..", O_RDONLY | O_DIRECTORY)) == 0);
    CHECK(chdir(base) == 0);
    SHOW(umount2("b/to", 0));
    close(fd);
    /* Two places of one file system are two all the same. */
    SHOW(link("b/from/file", "b/to/link"));
    SHOW(rename("b/from/file", "b/to/file2"));
    SHOW(rename("b/to/file", "b/to/file2"));
    CHECK(has("b/from/file2", "one"));
    SHOW(rename("b/from/file2", "b/from/file"));
    SHOW(rmdir("b/to"));
    SHOW(rename("b/to", "b/other"));
    SHOW(rmdir("b/from"));
    CHECK(stat("b/to", &st) == 0 && st.st_nlink == 3);
    /* A file. */
    CHECK(bind_to("b/from/file", "b/single") == 0);
    CHECK(has("b/single", "one"));
    fd = open("b/single", O_RDWR);
    show_fd(fd);
    CHECK(write(fd, "ONE", 3) == 3);
    close(fd);
    CHECK(has("b/from/file", "ONE"));
    SHOW(unlink("b/single"));
    SHOW(rename("b/single", "b/other"));
    SHOW(rename("b/from/file", "b/single"));
    CHECK(unlink("b/from/file") == 0);
    CHECK(has("b/single", "ONE"));
    CHECK(umount2("b/single", 0) == 0);
    CHECK(has("b/single", ""));
    make("b/from/file", "one");
    /* In itself, and on itself. */
    CHECK(bind_to("b", "b/to/sub") == 0);
    CHECK(has("b/to/sub/from/file", "one"));
    CHECK_ERROR(access("b/to/sub/to/file", F_OK), ENOENT); /* without what is mounted there */
    CHECK(has("b/from/sub/deep", "two"));
    SHOW(umount2("b/to", 0));
    CHECK(umount2("b/to/sub", 0) == 0);
    CHECK(umount2("b/to", 0) == 0);
    CHECK(bind_to("b/from", "b/from") == 0);
    CHECK(ino("b/from/..") == ino("b"));
    CHECK(chdir("b/from/sub") == 0);
    show_cwd();
    CHECK(chdir(base) == 0);
    CHECK(umount2("b/from", 0) == 0);
    /* By descriptor. */
    char name[64];
    fd = open("b/to", O_PATH);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK(bind_to("b/from", name) == 0);
    CHECK(has("b/to/file", "one"));
    CHECK(umount2(name, 0) == 0); /* what lies on it */
    close(fd);
    CHECK_ERROR(access("b/to/file", F_OK), ENOENT);
    /* A name that is gone. */
    mkdir("b/gone", 0755);
    fd = open("b/gone", O_PATH);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK(rmdir("b/gone") == 0);
    CHECK_ERROR(bind_to("b/from", name), ENOENT);
    close(fd);
    /* Through links. */
    CHECK(symlink("to", "b/link") == 0);
    CHECK(bind_to("b/from", "b/link") == 0);
    CHECK(has("b/to/file", "one"));
    CHECK_ERROR(umount2("b/link", UMOUNT_NOFOLLOW), EINVAL);
    CHECK(umount2("b/link", 0) == 0);
}

static void recursion(void)
{
    mkdir("r", 0755), mkdir("r/from", 0755), mkdir("r/to", 0755), mkdir("r/from/x", 0755);
    CHECK(tmpfs_on("r/from", NULL) == 0);
    mkdir("r/from/a", 0755), mkdir("r/from/a/b", 0755), mkdir("r/from/c", 0755);
    CHECK(tmpfs_on("r/from/a", NULL) == 0);
    mkdir("r/from/a/b", 0755);
    CHECK(tmpfs_on("r/from/a/b", NULL) == 0);
    make("r/from/a/b/file", "deep");
    CHECK(mknod("r/device", S_IFCHR | 0666, makedev(1, 3)) == 0);
    CHECK_ERROR(bind_to("r/device", "r/from/c"), ENOTDIR);
    make("r/from/null", "");
    CHECK(bind_to("r/device", "r/from/null") == 0);
    CHECK(bind_to("r/from", "r/to") == 0);
    CHECK_ERROR(access("r/to/a/b/file", F_OK), ENOENT);
    CHECK(umount2("r/to", 0) == 0);
    CHECK(mount("r/from", "r/to", NULL, MS_BIND | MS_REC, NULL) == 0);
    CHECK(has("r/to/a/b/file", "deep"));
    CHECK(ino("r/to/a/b/../../..") == ino("r"));
    struct stat st;
    CHECK(stat("r/to/null", &st) == 0 && S_ISCHR(st.st_mode));
    show_mounts("bound with all below");
    SHOW(umount2("r/to", 0));
    SHOW(umount2("r/to/a", 0));
    CHECK(umount2("r/to/a/b", 0) == 0);
    CHECK(has("r/from/a/b/file", "deep"));
    CHECK(umount2("r/to", MNT_DETACH) == 0);
    show_mounts("detached");
    /* A part of it. */
    CHECK(mount("r/from/a", "r/to", NULL, MS_BIND | MS_REC, NULL) == 0);
    CHECK(has("r/to/b/file", "deep"));
    CHECK(umount2("r/to", MNT_DETACH) == 0);
    /* Into itself: it does not go on for ever. */
    CHECK(mount("r", "r/from/c", NULL, MS_BIND | MS_REC, NULL) == 0);
    CHECK(has("r/from/c/from/a/b/file", "deep"));
    CHECK_ERROR(access("r/from/c/from/c/from", F_OK), ENOENT);
    show_mounts("in itself");
    CHECK(umount2("r/from", MNT_DETACH) == 0);
    show_mounts("all gone");
    CHECK(access("r/from/x", F_OK) == 0);
}

static void read_only(void)
{
    mkdir("ro", 0755), mkdir("ro/from", 0755), mkdir("ro/to", 0755);
    make("ro/from/file", "x");
    CHECK(symlink("file", "ro/from/link") == 0);
    CHECK(mkfifo("ro/from/fifo", 0644) == 0);
    CHECK(bind_to("ro/from", "ro/to") == 0);
    int fd = open("ro/to/file", O_RDWR);
    CHECK(mount(NULL, "ro/to", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) == 0 ||
          errno == EBUSY);
    CHECK(close(fd) == 0);
    CHECK(mount("no matter", "ro/to", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOATIME, NULL) ==
          0);
    show_mounts("read-only");
    SHOW(open("ro/to/file", O_WRONLY));
    SHOW(open("ro/to/file", O_RDONLY | O_TRUNC));
    SHOW(open("ro/to/new", O_RDONLY | O_CREAT, 0644));
    SHOW(open("ro/to/new", O_WRONLY | O_CREAT | O_EXCL, 0644));
    SHOW(open("ro/to/file", O_WRONLY | O_CREAT | O_EXCL, 0644));
    SHOW(open("ro/to", O_TMPFILE | O_RDWR, 0644));
    SHOW(mkdir("ro/to/dir", 0755));
    SHOW(mkdir("ro/to/file", 0755));
    SHOW(symlink("a", "ro/to/a"));
    SHOW(mknod("ro/to/node", S_IFIFO | 0600, 0));
    SHOW(link("ro/to/file", "ro/to/file2"));
    SHOW(unlink("ro/to/file"));
    SHOW(unlink("ro/to/none"));
    SHOW(rmdir("ro/to/none"));
    SHOW(rename("ro/to/file", "ro/to/file2"));
    SHOW(chmod("ro/to/file", 0600));
    SHOW(chown("ro/to/file", 1, 1));
    SHOW(lchown("ro/to/link", 1, 1));
    SHOW(utimensat(AT_FDCWD, "ro/to/file", NULL, 0));
    SHOW(truncate("ro/to/file", 0));
    SHOW(access("ro/to/file", W_OK));
    SHOW(access("ro/to", W_OK));
    SHOW(access("ro/to/fifo", W_OK));
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "ro/to/socket"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(bind(s, (struct sockaddr *)&un, sizeof un));
    close(s);
    fd = open("ro/to/file", O_RDONLY);
    SHOW(fchmod(fd, 0600));
    SHOW(futimens(fd, NULL));
    close(fd);
    fd = open("ro/to/fifo", O_RDWR);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
    struct statvfs v;
    CHECK(statvfs("ro/to", &v) == 0 && v.f_flag & ST_RDONLY && v.f_flag & ST_NOATIME);
    CHECK(statvfs("ro/from", &v) == 0 && !(v.f_flag & ST_RDONLY));
    make("ro/from/file", "changed");
    CHECK(has("ro/to/file", "changed"));
    /* A bind of it is so, too, whatever is said in the same call. */
    mkdir("ro/third", 0755);
    CHECK(bind_to("ro/to", "ro/third") == 0);
    SHOW(open("ro/third/file", O_WRONLY));
    CHECK(mount(NULL, "ro/third", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    make("ro/third/file", "again");
    CHECK(umount2("ro/third", 0) == 0);
    CHECK(mount("ro/from", "ro/third", NULL, MS_BIND | MS_RDONLY, NULL) == 0);
    make("ro/third/file", "writable");
    CHECK(umount2("ro/third", 0) == 0);
    CHECK(umount2("ro/to", 0) == 0);
}

static int run_as(uid_t uid, const char *program)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        if (uid && (setgid(uid) || setuid(uid)))
            _exit(99);
        execl(program, program, "euid", NULL);
        _exit(errno == EACCES ? 77 : 78);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void copy_self(const char *to)
{
    char buf[65536];
    ssize_t n;
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
    while ((n = read(in, buf, sizeof buf)) > 0)
        CHECK(write(out, buf, (size_t)n) == n);
    close(in), close(out);
}

static void flags(void)
{
    mkdir("f", 0755), mkdir("f/from", 0755), mkdir("f/to", 0755);
    copy_self("f/from/program");
    CHECK(chmod("f/from/program", 04755) == 0);
    CHECK(mknod("f/from/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
    CHECK(symlink("null", "f/from/link") == 0);
    CHECK(bind_to("f/from", "f/to") == 0);
    printf("set-id %d\n", run_as(1000, "f/to/program"));
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL) == 0);
    printf("nosuid %d, beside it %d\n", run_as(1000, "f/to/program"),
           run_as(1000, "f/from/program"));
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL) == 0);
    printf("noexec %d, beside it %d\n", run_as(0, "f/to/program"), run_as(0, "f/from/program"));
    SHOW(access("f/to/program", X_OK));
    int fd = open("f/to/program", O_RDONLY);
    SHOW(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    close(fd);
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL) == 0);
    SHOW(open("f/to/null", O_RDONLY));
    SHOW(open("f/to/link", O_RDONLY | O_CREAT, 0600));
    fd = open("f/from/null", O_RDWR);
    CHECK(fd >= 0);
    close(fd);
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | 256 /* MS_NOSYMFOLLOW */, NULL) == 0);
    SHOW(open("f/to/link", O_RDONLY));
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME | MS_NODIRATIME, NULL) == 0);
    show_mounts("no times");
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    show_mounts("as before");
    CHECK(mount(NULL, "f/to", NULL, MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL) == 0);
    show_mounts("strictly");
    CHECK(umount2("f/to", 0) == 0);
}

static void moves(void)
{
    mkdir("m", 0755), mkdir("m/a", 0755), mkdir("m/b", 0755);
    make("m/plain", "");
    CHECK(tmpfs_on("m/a", NULL) == 0);
    mkdir("m/a/in", 0755);
    CHECK(tmpfs_on("m/a/in", NULL) == 0);
    make("m/a/in/file", "moved");
    int fd = open("m/a/in/file", O_RDONLY);
    CHECK(chdir("m/a/in") == 0);
    CHECK(mount("../../a", "../../b", NULL, MS_MOVE, NULL) == 0);
    show_cwd();
    show_fd(fd);
    close(fd);
    CHECK(chdir(base) == 0);
    CHECK(has("m/b/in/file", "moved"));
    CHECK_ERROR(access("m/a/in", F_OK), ENOENT);
    CHECK(ino("m/b/in/../..") == ino("m"));
    SHOW(mount("m/b", "m/plain", NULL, MS_MOVE, NULL));
    SHOW(mount("m/b", "m/b/in", NULL, MS_MOVE, NULL));
    SHOW(mount("m/b/in/file", "m/plain", NULL, MS_MOVE, NULL));
    SHOW(mount("m/a", "m/b", NULL, MS_MOVE, NULL));
    SHOW(mount("m/none", "m/b", NULL, MS_MOVE, NULL));
    CHECK(rmdir("m/a") == 0);
    show_mounts("moved");
    CHECK(umount2("m/b", MNT_DETACH) == 0);
}

static void letting_go(void)
{
    char text[10];
    mkdir("d", 0755);
    CHECK(tmpfs_on("d", NULL) == 0);
    mkdir("d/in", 0755);
    CHECK(tmpfs_on("d/in", NULL) == 0);
    make("d/in/file", "held");
    int fd = open("d/in/file", O_RDONLY), dir = open("d", O_RDONLY | O_DIRECTORY);
    CHECK(chdir("d/in") == 0);
    CHECK(umount2("../../d", MNT_DETACH) == 0);
    show_cwd();
    show_fd(fd);
    show_fd(dir);
    CHECK(read(fd, text, sizeof text) == 4);
    CHECK(has("file", "held"));
    make("new", "made in nowhere");
    CHECK(has("new", "made in nowhere"));
    SHOW(openat(dir, "in/file", O_RDONLY));
    SHOW(bind_to(".", base));
    CHECK(tmpfs_on(".", NULL) == -1);
    SHOW(umount2(".", 0));
    CHECK(ino("..") == ino("."));
    CHECK(chdir(base) == 0);
    CHECK(access("d/in", F_OK) == -1);
    close(fd), close(dir);
    CHECK(rmdir("d") == 0);
    /* Nobody uses it, twice. */
    mkdir("d", 0755);
    CHECK(tmpfs_on("d", NULL) == 0);
    SHOW(umount2("d", MNT_EXPIRE));
    CHECK(access("d/x", F_OK) == -1);
    fd = open("d", O_RDONLY);
    SHOW(umount2("d", MNT_EXPIRE));
    close(fd);
    SHOW(umount2("d", MNT_EXPIRE));
    SHOW(umount2("d", MNT_EXPIRE));
    SHOW(umount2("d", MNT_EXPIRE));
    CHECK(tmpfs_on("d", NULL) == 0);
    CHECK(umount2("d", MNT_FORCE) == 0);
}

static void others(void)
{
    mkdir("o", 0755);
    CHECK(mount("proc", "o", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
    CHECK(access("o/self/status", R_OK) == 0);
    CHECK(ino("o/..") == ino("."));
    show_mounts("proc");
    /* In a file system whose inodes come and go. */
    CHECK(bind_to("/dev/null", "o/self/status") == 0);
    char line[100] = "";
    int fd = open("o/self/status", O_RDONLY);
    CHECK(fd >= 0 && read(fd, line, sizeof line) == 0);
    close(fd);
    char pid[64];
    snprintf(pid, sizeof pid, "o/%d/status", getpid());
    CHECK(umount2(pid, 0) == 0);
    fd = open("o/self/status", O_RDONLY);
    CHECK(fd >= 0 && read(fd, line, sizeof line) > 0);
    close(fd);
    CHECK(umount2("o", 0) == 0);
    CHECK(mount("x", "o", "sysfs", MS_RDONLY, NULL) == 0);
    CHECK(access("o/fs", F_OK) == 0);
    CHECK(umount2("o", 0) == 0);
    CHECK(mount("x", "o", "mqueue", 0, NULL) == 0);
    CHECK(umount2("o", 0) == 0);
    SHOW(mount("x", "o", "proc", 0, "no_such_option"));
}

/* A walk never leaves what it may not leave, whatever is mounted and moved meanwhile. */
static _Atomic int ends;

static void *mover(void *arg)
{
    (void)arg;
    while (!ends) {
        mount("e/a", "e/b", NULL, MS_BIND, NULL);
        rename("e/a/x", "e/y");
        rename("e/y", "e/a/x");
        umount2("e/b", MNT_DETACH);
    }
    return NULL;
}

static void escapes(void)
{
    pthread_t thread;
    struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
    struct stat out, in, st;
    mkdir("e", 0755), mkdir("e/a", 0755), mkdir("e/a/x", 0755), mkdir("e/a/x/z", 0755),
        mkdir("e/b", 0755);
    CHECK(stat(".", &out) == 0 && stat("e/a", &in) == 0);
    CHECK(pthread_create(&thread, NULL, mover, NULL) == 0);
    int escaped = 0;
    for (int i = 0; i < 3000; i++) {
        int dir = open("e/b", O_PATH);
        int fd = (int)syscall(SYS_openat2, dir, "x/z/../../x/../..", &how, sizeof how);
        if (fd >= 0)
            escaped++;
        close(fd);
        fd = (int)syscall(SYS_openat2, dir, "x/z/..", &how, sizeof how);
        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == out.st_ino)
            escaped++;
        close(fd);
        close(dir);
        /* Nothing lies above a mount that was taken away on the way. */
        CHECK(stat("e/b/../..", &st) == 0 && (st.st_ino == out.st_ino || st.st_ino == in.st_ino));
    }
    ends = 1;
    pthread_join(thread, NULL);
    umount2("e/b", MNT_DETACH);
    printf("escaped %d\n", escaped);
    /* A directory that is moved out of what a mount shows leads nowhere. */
    CHECK(bind_to("e/a", "e/b") == 0);
    CHECK(chdir("e/b/x") == 0);
    rename("../../a/x", "../../x");
    SHOW(access("..", F_OK));
    SHOW(access(".", F_OK));
    show_cwd();
    CHECK(chdir(base) == 0);
    CHECK(umount2("e/b", 0) == 0);
}

/* 1 if a line of /proc/self/mounts is about this place. */
static int shows(const char *at)
{
    char line[4096], place[1024];
    int found = 0;
    FILE *f = fopen("/proc/self/mounts", "r");
    while (f && fgets(line, sizeof line, f))
        found |= sscanf(line, "%*s %1023s", place) == 1 && strcmp(after_base(place), at) == 0;
    if (f)
        fclose(f);
    return found;
}

/* What is covered, or gone, after it was found. */
static void covered(void)
{
    struct open_how beneath = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
    struct open_how inside = {.flags = O_PATH, .resolve = RESOLVE_IN_ROOT};
    mkdir("c", 0755), mkdir("c/a", 0755), mkdir("c/a/x", 0755), mkdir("c/s", 0755);
    mkdir("c/t", 0755), mkdir("c/from", 0755), mkdir("c/to", 0755), mkdir("c/root", 0755);
    int dir = open("c/a", O_PATH);
    CHECK(tmpfs_on("c/a", NULL) == 0);
    SHOW(syscall(SYS_openat2, dir, "x/../..", &beneath, sizeof beneath));
    SHOW(syscall(SYS_openat2, dir, "x/..", &beneath, sizeof beneath) >= 0);
    SHOW(syscall(SYS_openat2, dir, "x/../..", &inside, sizeof inside) >= 0);
    close(dir);
    SHOW(umount2("c/a/none/..", 0));
    CHECK(umount2("c/a", MNT_DETACH) == 0);

    CHECK(mount("s", "c/s", "sysfs", 0, NULL) == 0 && tmpfs_on("c/s", NULL) == 0);
    CHECK(mount("s", "c/t", "sysfs", 0, NULL) == 0);
    SHOW(mount("s", "c/t", "sysfs", 0, NULL));
    CHECK(umount2("c/t", 0) == 0 && umount2("c/s", 0) == 0 && umount2("c/s", 0) == 0);

    CHECK(bind_to("c/from", "c/to") == 0 && rmdir("c/from") == 0);
    SHOW(shows("/c/to"));
    CHECK(umount2("c/to", 0) == 0);

    pid_t pid = fork();
    if (!pid) {
        mkdir("c/root/proc", 0755);
        CHECK(bind_to("/proc", "c/root/proc") == 0);
        CHECK(chroot("c/root") == 0 && chdir("/") == 0);
        CHECK(tmpfs_on("/", NULL) == 0);
        SHOW(ino("/..") == ino("/"));
        SHOW(shows("/"));
        CHECK(chdir("/..") == 0);
        show_cwd();
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    CHECK(umount2("c/root", 0) == 0 && umount2("c/root/proc", 0) == 0);
}

static void changed_root(void)
{
    mkdir("c", 0755), mkdir("c/root", 0755), mkdir("c/root/in", 0755);
    make("c/root/in/file", "inside");
    mkdir("c/root/proc", 0755);
    CHECK(mount("proc", "c/root/proc", "proc", 0, NULL) == 0);
    CHECK(tmpfs_on("c/root/in", NULL) == 0);
    pid_t pid = fork();
    if (!pid) {
        CHECK(chroot("c/root") == 0 && chdir("/in") == 0);
        show_cwd();
        char line[4096];
        FILE *f = fopen("/proc/self/mounts", "r");
        while (f && fgets(line, sizeof line, f))
            printf("  %s", line);
        CHECK(ino("../../..") == ino("/"));
        CHECK(umount2("/in", MNT_DETACH) == 0);
        CHECK(has("/in/file", "inside"));
        show_cwd();
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    CHECK(umount2("c/root/proc", 0) == 0);
}

/* All in a child, natively with mounts of its own: it changes the root of all processes. */
static void pivot(void)
{
    mkdir("p", 0755);
    CHECK(tmpfs_on("p", NULL) == 0);
    mkdir("p/old", 0755), mkdir("p/dir", 0755), mkdir("p/proc", 0755);
    make("p/mark", "new root");
    SHOW(syscall(SYS_pivot_root, "p/dir", "p/old"));
    SHOW(syscall(SYS_pivot_root, "p", "."));
    SHOW(syscall(SYS_pivot_root, "/", "/"));
    SHOW(syscall(SYS_pivot_root, "p", "/"));
    CHECK(mount("proc", "p/proc", "proc", 0, NULL) == 0);
    int pipes[2];
    char byte;
    CHECK(pipe(pipes) == 0);
    pid_t other = fork();
    if (!other) { /* its root moves, too; where it works does not */
        guest_failures = 0;
        CHECK(read(pipes[0], &byte, 1) == 1);
        CHECK(has("/mark", "new root"));
        fflush(stdout);
        _exit(guest_failures != 0);
    }
    CHECK(syscall(SYS_pivot_root, "p", "p/old") == 0);
    CHECK(has("/mark", "new root"));
    char path[PATH_MAX];
    CHECK(syscall(SYS_getcwd, path, sizeof path) > 0);
    printf("cwd is below /old: %d\n", strncmp(path, "/old/", 5) == 0);
    CHECK(write(pipes[1], "x", 1) == 1);
    int status = -1;
    CHECK(waitpid(other, &status, 0) == other && status == 0);
    CHECK(chdir("/") == 0);
    CHECK(access("/old/proc", F_OK) == 0);
    SHOW(umount2("/old", 0));
    CHECK(umount2("/old", MNT_DETACH) == 0);
    CHECK(rmdir("/old") == 0);
    printf("%d mounts\n", count_mounts());
    /* As runc does it: the old root on the new one, and away with it. */
    mkdir("/next", 0755);
    CHECK(tmpfs_on("/next", NULL) == 0);
    CHECK(chdir("/next") == 0);
    make("mark", "third root");
    mkdir("proc", 0755);
    CHECK(mount("proc", "proc", "proc", 0, NULL) == 0);
    CHECK(syscall(SYS_pivot_root, ".", ".") == 0);
    CHECK(umount2(".", MNT_DETACH) == 0);
    CHECK(chdir("/") == 0);
    CHECK(has("/mark", "third root"));
    printf("%d mounts\n", count_mounts());
    show_cwd();
    CHECK(ino("/..") == ino("/"));
}

static void as_user(void)
{
    pid_t pid = fork();
    if (!pid) {
        CHECK(setgid(1000) == 0 && setuid(1000) == 0);
        SHOW(mount("x", ".", "tmpfs", 0, NULL));
        SHOW(mount("x", "none", "tmpfs", 0, NULL));
        SHOW(mount("x", ".", "no-such", 0, NULL));
        SHOW(mount(".", ".", NULL, MS_BIND, NULL));
        SHOW(mount(NULL, ".", NULL, MS_REMOUNT, NULL));
        SHOW(mount((char *)1, ".", "tmpfs", 0, NULL));
        SHOW(umount2(".", 0));
        SHOW(umount2("none", 0));
        SHOW(umount2(".", 0x80));
        SHOW(umount2((char *)1, 0));
        SHOW(syscall(SYS_pivot_root, ".", "."));
        SHOW(syscall(SYS_pivot_root, "none", "none"));
        SHOW(syscall(SYS_pivot_root, 1, 1));
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "euid"))
        return geteuid() == 0 ? 10 : 11;
    umask(022);
    if (unshare(CLONE_NEWNS) == 0) /* natively */
        CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("mounts", 0755);
    CHECK(tmpfs_on("mounts", "mode=755") == 0 && chdir("mounts") == 0);
    CHECK(getcwd(base, sizeof base) != NULL);
    static void (*const tests[])(void) = {arguments, tmpfs,        binds,      recursion, read_only,
                                          flags,     moves,        letting_go, others,    escapes,
                                          covered,   changed_root, as_user,    pivot};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        printf("-- %zu\n", i);
        tests[i]();
    }
    return guest_result();
}
