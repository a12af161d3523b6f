/* SPDX-License-Identifier: MIT */
/* /proc of the own process and of a child, and /dev/fd. */

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

extern char **environ;

static char text[1 << 20];

/* Read a whole file into `text`, terminated; its length or -1. */
static long slurp(const char *path)
{
    int fd = open(path, O_RDONLY);
    long size = 0, n;
    if (fd < 0)
        return -1;
    while ((n = read(fd, text + size, sizeof text - 1 - (size_t)size)) > 0)
        size += n;
    close(fd);
    text[size] = 0;
    return n < 0 ? -1 : size;
}

static const char *link_of(const char *path)
{
    static char target[2][4096];
    static int i;
    i = !i;
    ssize_t n = readlink(path, target[i], sizeof target[i] - 1);
    target[i][n < 0 ? 0 : n] = 0;
    return target[i];
}

static const char *fd_path(int fd)
{
    static char path[4][64];
    static int n;
    n = (n + 1) % 4;
    snprintf(path[n], sizeof path[n], "/proc/self/fd/%d", fd);
    return path[n];
}

/* The text behind "Key:\t" in /proc/self/status, which is in `text`. */
static const char *value_of(const char *key)
{
    static char value[256];
    char line[64];
    snprintf(line, sizeof line, "\n%s:\t", key);
    const char *at = strstr(text, line);
    if (!at)
        return "?";
    at += strlen(line);
    size_t n = strcspn(at, "\n");
    snprintf(value, sizeof value, "%.*s", (int)n, at);
    return value;
}

static void test_self(void)
{
    char expected[64], path[4096];
    struct stat a, b;
    snprintf(expected, sizeof expected, "%d", getpid());
    CHECK(strcmp(link_of("/proc/self"), expected) == 0);
    snprintf(expected, sizeof expected, "%d/task/%d", getpid(), gettid());
    CHECK(strcmp(link_of("/proc/thread-self"), expected) == 0);
    const char *exe = link_of("/proc/self/exe");
    printf("exe %s\n", strrchr(exe, '/') + 1);
    CHECK(stat(exe, &a) == 0 && stat("/proc/self/exe", &b) == 0);
    CHECK(a.st_ino == b.st_ino && S_ISREG(b.st_mode));
    CHECK(lstat("/proc/self/exe", &b) == 0 && S_ISLNK(b.st_mode) && b.st_size == 0);
    CHECK(slurp("/proc/self/exe") > 4 && memcmp(text, "\177ELF", 4) == 0);
    CHECK(strcmp(link_of("/proc/self/root"), "/") == 0);
    CHECK(strcmp(link_of("/proc/self/cwd"), getcwd(path, sizeof path)) == 0);
    CHECK(strcmp(link_of("/proc/mounts"), "self/mounts") == 0);
    CHECK(readlink("/proc/self/exe", path, 3) == 3); /* cut */
}

static void test_stat(void)
{
    int pid, ppid, pgrp, session, fields = 0;
    char comm[64], state;
    CHECK(slurp("/proc/self/stat") > 0);
    CHECK(sscanf(text, "%d (%63[^)]) %c %d %d %d", &pid, comm, &state, &ppid, &pgrp, &session) ==
          6);
    CHECK(pid == getpid() && pgrp == getpgrp() && session == getsid(0));
    printf("stat %s %c", comm, state);
    for (const char *p = text; *p; p++)
        fields += *p == ' ' || *p == '\n';
    printf(" %d fields\n", fields);

    unsigned long numbers[7];
    CHECK(slurp("/proc/self/statm") > 0);
    CHECK(sscanf(text, "%lu %lu %lu %lu %lu %lu %lu\n", &numbers[0], &numbers[1], &numbers[2],
                 &numbers[3], &numbers[4], &numbers[5], &numbers[6]) == 7);
    CHECK(numbers[0] > 0 && numbers[1] > 0);
}

static void test_status(void)
{
    sigset_t set;
    umask(037);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR2, SIG_IGN);
    kill(getpid(), SIGUSR1);
    CHECK(slurp("/proc/self/status") > 0);
    CHECK(strncmp(text, "Name:\tproc\n", 11) == 0);
    static const char *const keys[] = {
        "Umask",   "State",  "Ngid",   "TracerPid",  "Kthread",
        "Threads", "SigPnd", "ShdPnd", "SigBlk",     "SigIgn",
        "SigCgt",  "CapInh", "CapAmb", "NoNewPrivs", "Mems_allowed_list",
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        printf("%s: %s\n", keys[i], value_of(keys[i]));
    CHECK(atoi(value_of("Pid")) == getpid() && atoi(value_of("Tgid")) == getpid());
    char ids[64];
    snprintf(ids, sizeof ids, "%d\t%d\t%d\t%d", getuid(), geteuid(), getuid(), geteuid());
    CHECK(strcmp(value_of("Uid"), ids) == 0);
    CHECK(atoi(value_of("PPid")) == getppid());
    CHECK(strstr(value_of("VmSize"), " kB") && strlen(value_of("VmSize")) == 11);
    CHECK(strstr(value_of("VmRSS"), " kB"));
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    umask(022);
}

static void test_arguments(char **argv)
{
    char expected[4096], comm[16];
    size_t size = 0;
    for (int i = 0; argv[i]; i++) {
        strcpy(expected + size, argv[i]);
        size += strlen(argv[i]) + 1;
    }
    CHECK((size_t)slurp("/proc/self/cmdline") == size && memcmp(text, expected, size) == 0);
    long length = slurp("/proc/self/environ"), at = 0;
    int count = 0;
    for (; at < length; at += (long)strlen(text + at) + 1)
        count += environ[count] != NULL && strcmp(environ[count], text + at) == 0;
    CHECK(at == length && environ[count] == NULL);
    CHECK(slurp("/proc/self/auxv") % 16 == 0);

    int fd = open("/proc/self/comm", O_RDWR);
    CHECK(write(fd, "a name that is too long\n", 24) == 24);
    prctl(PR_GET_NAME, comm);
    printf("comm %s\n", comm);
    CHECK(write(fd, "proc", 4) == 4);
    CHECK(pread(fd, text, 100, 0) == 5 && memcmp(text, "proc\n", 5) == 0);
    CHECK(write(fd, "a\n\\", 3) == 3);
    CHECK(slurp("/proc/self/comm") == 4 && slurp("/proc/self/status") > 0);
    printf("%.12s\n", text);
    close(fd);
    prctl(PR_SET_NAME, "(odd) name");
    CHECK(slurp("/proc/self/stat") > 0);
    printf("%.14s\n", strchr(text, '('));
    prctl(PR_SET_NAME, "proc");
}

static void test_maps(void)
{
    unsigned long begin, end, last = 0, offset, ino;
    char permissions[8], name[4096];
    int local, code = 0, stack = 0, heap = 0, ordered = 1;
    unsigned major, minor;
    char *line, *rest;
    void *p = malloc(100);
    CHECK(slurp("/proc/self/maps") > 0);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        name[0] = 0;
        int n = sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %4095s", &begin, &end, permissions, &offset,
                       &major, &minor, &ino, name);
        CHECK(n >= 7);
        CHECK(n == 7 || line[73] == name[0] || strlen(line) > 80);
        ordered &= begin >= last && begin < end;
        last = end;
        unsigned long here = (unsigned long)test_maps;
        if (here >= begin && here < end)
            code = strcmp(permissions, "r-xp") == 0 && strcmp(name, link_of("/proc/self/exe")) == 0;
        if ((unsigned long)&local >= begin && (unsigned long)&local < end)
            stack = strcmp(name, "[stack]") == 0;
        if ((unsigned long)p >= begin && (unsigned long)p < end)
            heap = strcmp(name, "[heap]") == 0;
    }
    free(p);
    printf("maps: code %d stack %d heap %d ordered %d\n", code, stack, heap, ordered);

    unsigned long rss = 0, pss = 0;
    CHECK(slurp("/proc/self/smaps") > 0 && strstr(text, "\nVmFlags: rd ex "));
    CHECK(slurp("/proc/self/smaps_rollup") > 0 && strstr(text, "[rollup]\n"));
    line = strstr(text, "\nRss:");
    CHECK(line && sscanf(line, "\nRss: %lu kB\nPss: %lu kB", &rss, &pss) == 2 && rss >= pss &&
          pss > 0);
}

static void test_pipe(void)
{
    int p[2], e = eventfd(0, 0), ep = epoll_create1(0);
    char expected[64], buf[16], path[64];
    struct stat st, st2;
    CHECK(pipe(p) == 0);
    CHECK(fstat(p[0], &st) == 0);
    snprintf(expected, sizeof expected, "pipe:[%lu]", (unsigned long)st.st_ino);
    CHECK(strcmp(link_of(fd_path(p[0])), expected) == 0);
    CHECK(strcmp(link_of(fd_path(p[1])), expected) == 0);
    CHECK(stat(fd_path(p[0]), &st2) == 0 && S_ISFIFO(st2.st_mode) && st2.st_ino == st.st_ino);
    CHECK(lstat(fd_path(p[0]), &st2) == 0 && S_ISLNK(st2.st_mode) && st2.st_size == 64);
    printf("link modes %o", st2.st_mode);
    CHECK(lstat(fd_path(p[1]), &st2) == 0);
    printf(" %o\n", st2.st_mode);

    snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
    int w = open(path, O_WRONLY | O_NONBLOCK); /* the other end, through this one */
    CHECK(w >= 0 && write(w, "through", 7) == 7);
    int r = open(fd_path(p[1]), O_RDONLY);
    CHECK(r >= 0 && read(r, buf, sizeof buf) == 7 && memcmp(buf, "through", 7) == 0);
    close(p[0]);
    close(p[1]);
    CHECK(write(w, "on", 2) == 2 && read(r, buf, sizeof buf) == 2);
    close(w);
    CHECK(read(r, buf, sizeof buf) == 0); /* the last writer is gone */
    CHECK(fchmod(r, 0600) == 0);
    close(r);

    printf("%s %s\n", link_of(fd_path(e)), link_of(fd_path(ep)));
    CHECK_ERROR(open(fd_path(e), O_RDWR), ENXIO);
    CHECK_ERROR(open(fd_path(ep), O_RDONLY), ENXIO);
    CHECK(stat(fd_path(e), &st) == 0);
    close(e);
    close(ep);
}

/* Files without a place in the tree, and what their mappings show. */
static void test_anonymous(void)
{
    sigset_t set;
    char buf[16];
    struct stat st, st2;
    sigemptyset(&set);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0), sig = signalfd(-1, &set, 0);
    printf("%s %s\n", link_of(fd_path(timer)), link_of(fd_path(sig)));
    CHECK_ERROR(open(fd_path(timer), O_RDONLY), ENXIO);
    CHECK_ERROR(open(fd_path(sig), O_RDONLY), ENXIO);
    close(timer);
    close(sig);

    int fd = memfd_create("a name", 0);
    printf("%s\n", link_of(fd_path(fd)));
    CHECK(write(fd, "content", 7) == 7 && fstat(fd, &st) == 0);
    int again = open(fd_path(fd), O_RDONLY);
    CHECK(again >= 0 && fstat(again, &st2) == 0 && st2.st_ino == st.st_ino);
    CHECK(read(again, buf, sizeof buf) == 7 && memcmp(buf, "content", 7) == 0);
    CHECK_ERROR(write(again, "x", 1), EBADF);
    printf("%s\n", link_of(fd_path(again)));
    CHECK_ERROR(linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "named", AT_SYMLINK_FOLLOW), EXDEV);
    close(again);
    void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *q = mmap(NULL, 65536, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED && q != MAP_FAILED && slurp("/proc/self/maps") > 0);
    CHECK(strstr(text, " rw-s 00000000 ") && strstr(text, " /memfd:a name (deleted)\n"));
    CHECK(strstr(text, " r--s 00000000 ") && strstr(text, " /dev/zero (deleted)\n"));
    munmap(p, 65536);
    munmap(q, 65536);
    close(fd);
}

static void test_files(void)
{
    char expected[8192], cwd[4096], buf[16];
    struct stat st, st2;
    getcwd(cwd, sizeof cwd);
    int fd = open("a name", O_CREAT | O_RDWR, 0640);
    CHECK(write(fd, "content", 7) == 7);
    snprintf(expected, sizeof expected, "%s/a name", cwd);
    CHECK(strcmp(link_of(fd_path(fd)), expected) == 0);
    int again = open(fd_path(fd), O_RDONLY);
    CHECK(again >= 0 && read(again, buf, sizeof buf) == 7); /* with a position of its own */
    CHECK_ERROR(write(again, "x", 1), EBADF);
    close(again);

    CHECK(rename("a name", "another") == 0);
    snprintf(expected, sizeof expected, "%s/another", cwd);
    CHECK(strcmp(link_of(fd_path(fd)), expected) == 0);
    CHECK(mkdir("elsewhere", 0755) == 0 && rename("another", "elsewhere/third") == 0);
    snprintf(expected, sizeof expected, "%s/elsewhere/third", cwd);
    CHECK(strcmp(link_of(fd_path(fd)), expected) == 0);
    CHECK(rename("elsewhere/third", "another") == 0 && rmdir("elsewhere") == 0);
    CHECK(chmod(fd_path(fd), 0604) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0604);
    struct timespec ts[2] = {{1000, 0}, {2000, 5}};
    CHECK(utimensat(AT_FDCWD, fd_path(fd), ts, 0) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_mtim.tv_sec == 2000 && st.st_atim.tv_sec == 1000);
    CHECK(truncate(fd_path(fd), 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
    CHECK(access(fd_path(fd), R_OK) == 0);

    CHECK(rename("another", "a name") == 0 && unlink("a name") == 0);
    snprintf(expected, sizeof expected, "%s/a name (deleted)", cwd);
    CHECK(strcmp(link_of(fd_path(fd)), expected) == 0);
    again = open(fd_path(fd), O_RDWR | O_TRUNC);
    CHECK(again >= 0 && fstat(again, &st2) == 0 && st2.st_ino == st.st_ino && st2.st_size == 0);
    CHECK(st2.st_nlink == 0);
    CHECK(write(again, "new", 3) == 3 && pread(fd, buf, sizeof buf, 0) == 3);
    close(again);
    close(fd);

    fd = open(".", O_TMPFILE | O_RDWR, 0600); /* open(2): how it gets a name */
    CHECK(fd >= 0 && linkat(AT_FDCWD, fd_path(fd), AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
    CHECK(fstat(fd, &st) == 0 && stat("named", &st2) == 0 && st.st_ino == st2.st_ino);
    CHECK(unlink("named") == 0);
    close(fd);

    fd = open("/dev/null", O_WRONLY);
    printf("device %s\n", link_of(fd_path(fd)));
    again = open(fd_path(fd), O_RDONLY);
    CHECK(again >= 0 && read(again, buf, sizeof buf) == 0);
    close(again);
    close(fd);
}

static void test_directories(void)
{
    char expected[8192], cwd[4096], path[128];
    struct stat st, st2;
    getcwd(cwd, sizeof cwd);
    CHECK(mkdir("dir", 0755) == 0);
    int dir = open("dir", O_RDONLY | O_DIRECTORY);
    snprintf(expected, sizeof expected, "%s/dir", cwd);
    CHECK(strcmp(link_of(fd_path(dir)), expected) == 0);
    snprintf(path, sizeof path, "%s/file", fd_path(dir));
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK(fd >= 0);
    CHECK(fstat(fd, &st) == 0 && stat("dir/file", &st2) == 0 && st.st_ino == st2.st_ino);
    CHECK(stat(path, &st2) == 0 && st.st_ino == st2.st_ino);
    close(fd);
    snprintf(expected, sizeof expected, "%s/second", fd_path(dir));
    CHECK(link(path, expected) == 0 && unlink(path) == 0 && rename(expected, path) == 0);
    CHECK(unlink("dir/file") == 0);
    CHECK(chdir(fd_path(dir)) == 0);
    snprintf(expected, sizeof expected, "%s/dir", cwd);
    CHECK(strcmp(getcwd(path, sizeof path), expected) == 0);
    CHECK(chdir("..") == 0 && rmdir("dir") == 0);
    snprintf(expected, sizeof expected, "%s/dir (deleted)", cwd);
    CHECK(strcmp(link_of(fd_path(dir)), expected) == 0);
    close(dir);

    CHECK(chdir("/proc/self/task") == 0);
    snprintf(expected, sizeof expected, "/proc/%d/task", getpid());
    CHECK(strcmp(getcwd(path, sizeof path), expected) == 0);
    CHECK(stat("../stat", &st) == 0 && stat("/proc/self/stat", &st2) == 0);
    CHECK(st.st_ino == st2.st_ino && st.st_dev == st2.st_dev);
    CHECK(chdir(cwd) == 0);
}

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .resolve = resolve};
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static void test_path_flags(void)
{
    struct stat st;
    char name[32];
    int fd = open("file", O_CREAT | O_RDWR, 0600);
    snprintf(name, sizeof name, "fd/%d", fd);
    CHECK_ERROR(open_how(AT_FDCWD, fd_path(fd), O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP);
    CHECK_ERROR(open_how(AT_FDCWD, fd_path(fd), O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    int self = open_how(AT_FDCWD, "/proc/self", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    CHECK(self >= 0);
    CHECK_ERROR(open_how(self, name, O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK_ERROR(open_how(self, name, O_RDONLY, RESOLVE_IN_ROOT), EXDEV);
    CHECK_ERROR(open_how(self, name, O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
    close(self);

    CHECK_ERROR(open(fd_path(fd), O_RDONLY | O_NOFOLLOW), ELOOP);
    int link = open(fd_path(fd), O_PATH | O_NOFOLLOW);
    CHECK(fstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    close(link);
    int place = open(fd_path(fd), O_PATH);
    CHECK(fstat(place, &st) == 0 && S_ISREG(st.st_mode));
    int real = open(fd_path(place), O_RDWR);
    CHECK(real >= 0 && write(real, "x", 1) == 1);
    CHECK(lstat(fd_path(place), &st) == 0);
    printf("link mode of O_PATH %o\n", st.st_mode);
    close(real);
    close(place);
    CHECK_ERROR(open(fd_path(fd), O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open(fd_path(fd), O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    real = open(fd_path(fd), O_CREAT | O_RDWR, 0600);
    CHECK(real >= 0);
    close(real);
    CHECK(unlink("file") == 0);
    close(fd);
}

static void test_errors(void)
{
    struct stat st;
    char buf[16];
    CHECK_ERROR(open("/proc/self/fd/9999", O_RDONLY), ENOENT);
    CHECK_ERROR(readlink("/proc/self/fd/-1", buf, sizeof buf), ENOENT);
    CHECK_ERROR(stat("/proc/self/fd/00", &st), ENOENT);
    CHECK_ERROR(stat("/proc/999999999", &st), ENOENT);
    CHECK_ERROR(stat("/proc/0", &st), ENOENT);
    CHECK_ERROR(stat("/proc/self/nothing", &st), ENOENT);
    CHECK_ERROR(stat("/proc/self/stat/x", &st), ENOTDIR);
    CHECK_ERROR(stat("/proc/self/task/1/2", &st), ENOENT);
    CHECK_ERROR(mkdir("/proc/dir", 0777), ENOENT);
    CHECK_ERROR(mkdir("/proc/self/dir", 0777), ENOENT);
    CHECK_ERROR(mkdir("/proc/self", 0777), EEXIST);
    CHECK_ERROR(open("/proc/file", O_CREAT | O_RDWR, 0666), ENOENT);
    CHECK_ERROR(symlink("x", "/proc/link"), ENOENT);
    CHECK_ERROR(unlink("/proc/version"), EPERM);
    CHECK_ERROR(unlink("/proc/self/stat"), EPERM);
    CHECK_ERROR(unlink("/proc/self/fd/0"), EPERM);
    CHECK_ERROR(rmdir("/proc/self/task"), EPERM);
    CHECK_ERROR(rmdir("/proc"), EBUSY);
    CHECK_ERROR(rename("/proc/version", "/proc/other"), ENOENT);
    CHECK_ERROR(chmod("/proc/self/stat", 0777), EPERM);
    CHECK_ERROR(readlink("/proc/self/stat", buf, sizeof buf), EINVAL);
    int fd = open("/proc/self/stat", O_RDONLY);
    CHECK_ERROR(write(fd, "x", 1), EBADF);
    CHECK_ERROR(read(fd, (void *)1, 10), EFAULT);
    CHECK(read(fd, buf, 0) == 0);
    close(fd);
    fd = open("/proc/self", O_RDONLY);
    CHECK_ERROR(read(fd, buf, 1), EISDIR);
    close(fd);
}

/* The text is the same in pieces, and from the middle. */
static void test_reading(void)
{
    char whole[8192], piece[8192];
    long size = 0, n;
    int fd = open("/proc/self/limits", O_RDONLY);
    CHECK((n = read(fd, whole, sizeof whole)) > 500);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    while (read(fd, piece + size, 7) > 0 && size < 8000)
        size = lseek(fd, 0, SEEK_CUR);
    CHECK(size == n && memcmp(whole, piece, (size_t)n) == 0);
    CHECK(pread(fd, piece, 20, 100) == 20 && memcmp(piece, whole + 100, 20) == 0);
    CHECK(pread(fd, piece, 20, 100000) == 0);
    close(fd);
    printf("%.*s", (int)(strchr(whole, '\n') + 1 - whole), whole);
    for (const char *line = whole; *line && line < whole + n; line = strchr(line, '\n') + 1)
        printf("%.26s|%s\n", line, strchr(line, '\n') - line == 78 ? "" : "short");

    struct stat a, b;
    CHECK(stat("/proc/self/limits", &a) == 0 && stat("/proc/self/limits", &b) == 0);
    CHECK(a.st_ino == b.st_ino && a.st_size == 0 && a.st_nlink == 1 && a.st_blocks == 0);
    printf("mode %o\n", a.st_mode);
    CHECK(a.st_uid == geteuid());
    CHECK(stat("/proc/self/comm", &b) == 0 && a.st_ino != b.st_ino);
}

static void test_listing(void)
{
    static const char *const wanted[] = {"fd",      "task",   "stat",  "status", "cmdline",
                                         "exe",     "cwd",    "root",  "maps",   "comm",
                                         "environ", "limits", "mounts"};
    struct dirent *e;
    struct stat st;
    DIR *d = opendir("/proc/self");
    unsigned found = 0;
    while ((e = readdir(d))) {
        for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            if (strcmp(e->d_name, wanted[i]) == 0) {
                CHECK(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0);
                CHECK(st.st_ino == e->d_ino && (st.st_mode >> 12) == e->d_type);
                found |= 1u << i;
            }
        }
    }
    closedir(d);
    CHECK(found == (1u << sizeof wanted / sizeof wanted[0]) - 1);

    int a = dup2(0, 100), last = -1, count = 0;
    d = opendir("/proc/self/fd");
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        int n = atoi(e->d_name);
        CHECK(n > last && e->d_type == DT_LNK);
        last = n;
        count += n != dirfd(d);
    }
    for (int fd = 0; fd < 1000; fd++)
        count -= fd != dirfd(d) && fcntl(fd, F_GETFD) >= 0;
    CHECK(count == 0 && last >= a);
    closedir(d);
    close(a);

    d = opendir("/proc");
    count = 0;
    while ((e = readdir(d)))
        count += atoi(e->d_name) == getpid() || strcmp(e->d_name, "self") == 0;
    closedir(d);
    CHECK(count == 2);
}

static int ready[2], leave[2];
static pid_t thread_id;

static void *thread(void *arg)
{
    char c;
    prctl(PR_SET_NAME, "second");
    thread_id = gettid();
    write(ready[1], "x", 1);
    read(leave[0], &c, 1);
    return arg;
}

static void test_threads(void)
{
    pthread_t t;
    char path[64], c, name[64];
    struct stat st;
    int tid, state_is_s = 0;
    pipe(ready);
    pipe(leave);
    pthread_create(&t, NULL, thread, NULL);
    read(ready[0], &c, 1);
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread_id);
    CHECK(slurp(path) > 0);
    printf("thread %s", text);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
    for (int i = 0; i < 500 && !state_is_s; i++) {
        CHECK(slurp(path) > 0 && sscanf(text, "%d (%63[^)]) %c", &tid, name, &c) == 3);
        CHECK(tid == thread_id && strcmp(name, "second") == 0);
        state_is_s = c == 'S';
        usleep(10000);
    }
    CHECK(state_is_s);
    CHECK(slurp("/proc/self/status") > 0);
    printf("threads %s\n", value_of("Threads"));
    snprintf(path, sizeof path, "/proc/%d/status", thread_id); /* not listed, but there */
    CHECK(slurp(path) > 0 && strncmp(text, "Name:\tsecond\n", 13) == 0);
    CHECK(atoi(value_of("Tgid")) == getpid() && atoi(value_of("Pid")) == thread_id);
    CHECK(stat("/proc/self/task", &st) == 0 && st.st_nlink == 4);

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
    int fd = open(path, O_RDONLY);
    write(leave[1], "x", 1);
    pthread_join(t, NULL);
    snprintf(path, sizeof path, "/proc/self/task/%d", thread_id);
    for (int i = 0; i < 500 && stat(path, &st) == 0; i++)
        usleep(10000); /* join comes a moment before the end */
    CHECK_ERROR(stat(path, &st), ENOENT);
    CHECK_ERROR(read(fd, text, 100), ESRCH);
    close(fd);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(leave[i]);
    }
}

#define SPIN_NS 200000000
#define TICKS 10 /* half of it */

/* State and processor time, in ticks, of a process, and of its children. */
static char look(const char *path, unsigned long *ticks, unsigned long *children)
{
    unsigned long user, system, child_user, child_system;
    char state;
    CHECK(slurp(path) > 0);
    const char *at = strrchr(text, ')');
    CHECK(at && sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &state,
                       &user, &system, &child_user, &child_system) == 5);
    *ticks = user + system;
    *children = child_user + child_system;
    return state;
}

/* Another process, while it runs, and once it has ended. */
static void test_child(void)
{
    int says[2], hears[2];
    char c, path[64], *exe = strdup(link_of("/proc/self/exe"));
    unsigned long ticks, children;
    siginfo_t info;
    CHECK(pipe(says) == 0 && pipe(hears) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct timespec used;
        do
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        while (used.tv_sec == 0 && used.tv_nsec < SPIN_NS);
        prctl(PR_SET_NAME, "child");
        CHECK(write(says[1], "x", 1) == 1 && read(hears[0], &c, 1) == 1);
        _exit(0);
    }
    CHECK(read(says[0], &c, 1) == 1);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    CHECK(strcmp(link_of(path), exe) == 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, says[1]);
    CHECK(strcmp(link_of(path), link_of(fd_path(says[1]))) == 0);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    look(path, &ticks, &children);
    CHECK(strstr(text, " (child) ") && children == 0);
    CHECK(ticks >= TICKS || guest_on_wine()); /* of another process Wine tells the asker's times */
    CHECK(write(hears[1], "x", 1) == 1);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    c = look(path, &ticks, &children);
    printf("ended: %c\n", c);
    CHECK(ticks >= TICKS);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    CHECK_ERROR(readlink(path, text, sizeof text), ENOENT);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK_ERROR(open(path, O_RDONLY), ENOENT);
    look("/proc/self/stat", &ticks, &children);
    CHECK(children >= TICKS);
    for (int i = 0; i < 2; i++) {
        close(says[i]);
        close(hears[i]);
    }
    free(exe);
}

static void test_fdinfo(void)
{
    char path[64];
    unsigned long pos, flags;
    int fd = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    CHECK(slurp(path) > 0 && sscanf(text, "pos:\t%lu\nflags:\t%lo\n", &pos, &flags) == 2);
    printf("pos %lu flags %lo\n", pos, flags);
    close(fd);
    fd = open("file", O_CREAT | O_RDWR | O_APPEND, 0600);
    CHECK(write(fd, "12345", 5) == 5);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    CHECK(slurp(path) > 0 && sscanf(text, "pos:\t%lu\nflags:\t%lo\n", &pos, &flags) == 2);
    printf("pos %lu flags %lo\n", pos, flags);
    close(fd);
    CHECK(unlink("file") == 0);
    /* The one of the very file that is read. */
    fd = open("/dev/null", O_RDONLY);
    int next = dup(fd);
    close(next);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int self = open(path, O_RDONLY);
    dup2(self, fd);
    CHECK(read(fd, text, 100) > 0 && strncmp(text, "pos:\t0\n", 7) == 0);
    close(fd);
    close(self);
}

static void test_system(void)
{
    static const char *const there[] = {
        "/proc/version",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/vmstat",
        "/proc/stat",
        "/proc/cpuinfo",
        "/proc/filesystems",
        "/proc/mounts",
        "/proc/cmdline",
        "/proc/self/mountinfo",
        "/proc/self/cgroup",
        "/proc/self/oom_score_adj",
        "/proc/self/oom_score",
        "/proc/self/personality",
        "/proc/self/io",
        "/proc/self/loginuid",
        "/proc/tty/drivers",
        "/proc/sys/dev/tty/legacy_tiocsti",
        "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/pty/max",
        "/proc/sys/kernel/pty/nr",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/osrelease",
        "/proc/sys/kernel/cap_last_cap",
        "/proc/sys/kernel/ngroups_max",
        "/proc/sys/vm/max_map_count",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/fs/file-max",
        "/proc/sys/fs/nr_open",
        "/proc/sys/fs/pipe-max-size",
    };
    char first[64];
    double up, idle;
    unsigned long memory;
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        if (slurp(there[i]) <= 0 || text[strlen(text) - 1] == 0)
            printf("%s: nothing there\n", there[i]);
    }
    CHECK(slurp("/proc/sys/kernel/ostype") > 0);
    printf("%s", text);
    CHECK(slurp("/proc/uptime") > 0 && sscanf(text, "%lf %lf\n", &up, &idle) == 2 && up > 0);
    CHECK(slurp("/proc/meminfo") > 0 && sscanf(text, "MemTotal: %lu kB\n", &memory) == 1);
    CHECK(strstr(text, "\nMemAvailable:"));
    CHECK(slurp("/proc/sys/kernel/random/boot_id") == 37);
    strcpy(first, text);
    CHECK(slurp("/proc/sys/kernel/random/boot_id") == 37 && strcmp(first, text) == 0);
    CHECK(slurp("/proc/sys/kernel/random/uuid") == 37 && strcmp(first, text) != 0);
    strcpy(first, text);
    CHECK(text[14] == '4' && text[8] == '-' && text[13] == '-' && text[18] == '-');
    CHECK(slurp("/proc/sys/kernel/random/uuid") == 37 && strcmp(first, text) != 0);
    int fd = open("/proc/self/oom_score_adj", O_RDWR);
    CHECK(write(fd, "77", 2) == 2);
    CHECK_ERROR(write(fd, "1001", 4), EINVAL);
    CHECK_ERROR(write(fd, "x", 1), EINVAL);
    CHECK(pread(fd, text, 10, 0) == 3 && memcmp(text, "77\n", 3) == 0);
    close(fd);
}

static void test_devices(void)
{
    struct statfs fs;
    CHECK(statfs("/proc/self/stat", &fs) == 0 && fs.f_type == 0x9fa0);
    int stat_fd = open("/proc/self/stat", O_RDONLY);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, stat_fd, 0) == MAP_FAILED);
    printf("mmap %d\n", errno);
    close(stat_fd);
    struct stat st;
    printf("%s %s\n", link_of("/dev/fd"), link_of("/dev/stdin"));
    CHECK(stat("/dev/tty", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 0));
    CHECK(stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode));
    int fd = open("/dev/stdin", O_RDONLY);
    char c;
    CHECK(fd >= 0 && read(fd, &c, 1) == 0);
    close(fd);
    /* The same file again, with a position of its own. */
    fflush(stdout);
    off_t end = lseek(1, 0, SEEK_CUR);
    if (end < 0) /* a pipe, when somebody looks at it by hand */
        return;
    fd = open("/dev/stdout", O_WRONLY);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_CUR) == 0 && lseek(fd, 0, SEEK_END) == end);
    CHECK(write(fd, "behind\n", 7) == 7 && lseek(1, 0, SEEK_CUR) == end);
    close(fd);
    fd = open("/dev/stdout", O_WRONLY | O_APPEND);
    CHECK(write(fd, "at the end\n", 11) == 11 && lseek(fd, 0, SEEK_CUR) == end + 18);
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    close(fd);
    CHECK(lseek(1, 0, SEEK_END) == end + 18);
}

int main(int argc, char **argv)
{
    (void)argc;
    CHECK(mkdir("here", 0755) == 0 && chdir("here") == 0);
    test_self();
    test_stat();
    test_status();
    test_arguments(argv);
    test_maps();
    test_pipe();
    test_anonymous();
    test_files();
    test_directories();
    test_path_flags();
    test_errors();
    test_reading();
    test_listing();
    test_threads();
    test_child();
    test_fdinfo();
    test_system();
    test_devices();
    return guest_result();
}
