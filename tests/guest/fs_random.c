/* SPDX-License-Identifier: MIT */
/*
 * Random file operations, the same ones natively and under Tarbox, whose results must agree.
 *
 *     fs_random [SEED] [KIND] [show FIRST LAST]
 *     fs_random fill
 *
 * Each epoch has a folder of its own, with some files, which is made its root; KIND says what it is
 * else: "image", it is of an image, made by `fill`; "folder", it is of the host's, which has no
 * special files and nameless files, nor new names for what is open with O_PATH; "plain", it has no
 * extended attributes and does not say how many names there are, nor finds others than that by
 * which a file was opened; what is removed and open changes its directory later.  What comes of
 * the operations goes into a hash, printed with the one of the whole tree at the epoch's end.  A
 * short run prints the operations as well; so does `show`, which runs only the epochs FIRST to
 * LAST.  Times count as set or present, directories have no size, names no order.
 */

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "docker_root.h"

#define OPERATIONS 500 /* of an epoch */
#define FILLED 40      /* folders in an image */
#define SLOTS 4
#define FILE_MAX 70000
#define KNOWN 16
#define PATH_SIZE 128

static uint64_t state, hash;
static int shows, in_image, in_folder, is_plain, allocates;
static int fds[SLOTS], opened_by_us[SLOTS];
static unsigned char buffer[FILE_MAX * 2];

static uint32_t dice(uint32_t sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % sides;
}

static void mix(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
}

/* What is to agree. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mix(text, (size_t)n);
    if (shows)
        fputs(text, stdout);
}

static void say_result(long value)
{
    if (value < 0)
        say(" = %s\n", strerrorname_np(errno));
    else
        say(" = %ld\n", value);
}

static uint64_t hash_of(const void *data, size_t size)
{
    uint64_t kept = hash, value;
    hash = 0xcbf29ce484222325u;
    mix(data, size);
    value = hash;
    hash = kept;
    return value;
}

/* ---- Arguments ---- */

static const char *const names[] = {"a", "b", "c", "d", "e"};

/* Paths that meant something lately. */
static char known[KNOWN][PATH_SIZE];

static void know(const char *path)
{
    snprintf(known[dice(KNOWN)], PATH_SIZE, "%s", path);
}

/* A call that gives a name returns this. */
static int made(int value, const char *path)
{
    if (value == 0)
        know(path);
    return value;
}

static const char *random_path(void)
{
    static char paths[4][2 * PATH_SIZE];
    static int next;
    char *path = paths[next++ % 4];
    uint32_t n = 1 + dice(3);
    strcpy(path, dice(20) ? "" : "/");
    if (dice(4)) {
        strcpy(path, known[dice(KNOWN)]);
        if (dice(4))
            return path;
        strcat(path, "/");
        n = 1;
    }
    for (; n > 0; n--) {
        uint32_t kind = dice(40);
        strcat(path, kind == 0 ? "." : kind == 1 ? ".." : names[dice(5)]);
        if (n > 1 || dice(25) == 0)
            strcat(path, dice(40) ? "/" : "//");
    }
    if (strlen(path) >= PATH_SIZE)
        path[1] = 0;
    return path;
}

static int random_fd(void)
{
    int fd = -1;
    for (int i = 0; i < 4 && fd < 0; i++)
        fd = fds[dice(SLOTS)];
    return fd;
}

static off_t random_offset(void)
{
    switch (dice(6)) {
    case 0:
        return 0;
    case 1:
        return 4096 * (off_t)dice(16);
    case 2:
        return (off_t)dice(100);
    default:
        return (off_t)dice(FILE_MAX);
    }
}

static size_t random_size(void)
{
    return dice(3) ? dice(300) : dice(20000);
}

static mode_t random_mode(void)
{
    static const mode_t modes[] = {0777, 0755, 0700, 0644, 0666, 0600, 0400, 0111,
                                   0711, 0070, 0007, 0,    0444, 0222, 0750, 0640};
    mode_t mode = dice(3) ? 0777 : modes[dice(16)];
    if (dice(8) == 0)
        mode |= dice(2) ? 02000 : 04000;
    if (dice(8) == 0 && !(mode & 2)) /* what Linux protects in such directories can be chosen */
        mode |= 01000;
    return mode;
}

/* ---- Questions ---- */

static void say_stat(const struct stat *st)
{
    say(" %o %d %u %u", st->st_mode, is_plain ? 0 : (int)st->st_nlink, st->st_uid, st->st_gid);
    if (!S_ISDIR(st->st_mode))
        say(" %ld", (long)st->st_size);
    if (st->st_mtim.tv_sec < 1000000 && !(is_plain && S_ISDIR(st->st_mode)))
        say(" %ld", (long)st->st_mtim.tv_sec);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_of(DIR *dir, char **list, size_t max)
{
    size_t count = 0;
    struct dirent *e;
    while (count < max && (e = readdir(dir)) != NULL)
        list[count++] = strdup(e->d_name);
    qsort(list, count, sizeof *list, by_text);
    return count;
}

static void say_list(const char *path)
{
    char *list[256];
    DIR *dir = opendir(path);
    say("list %s", path);
    if (dir) {
        size_t count = list_of(dir, list, 256);
        for (size_t i = 0; i < count; i++) {
            say(" %s", list[i]);
            free(list[i]);
        }
        closedir(dir);
    }
    say_result(dir ? 0 : -1);
}

static void say_attributes(const char *path)
{
    char list[1024], value[256], *sorted[64];
    size_t count = 0;
    ssize_t n = llistxattr(path, list, sizeof list);
    for (char *p = list; n > 0 && p < list + n; p += strlen(p) + 1)
        sorted[count++] = p;
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 0; i < count; i++) {
        ssize_t size = lgetxattr(path, sorted[i], value, sizeof value);
        say(" %s=%.*s", sorted[i], (int)(size > 0 ? size : 0), value);
    }
}

/* A whole tree, each name with all there is to know. */
static void say_tree(const char *path)
{
    struct stat st;
    char below[4096];
    say("%s", path);
    if (lstat(path, &st)) {
        say_result(-1);
        return;
    }
    say_stat(&st);
    if (!is_plain)
        say_attributes(path);
    if (S_ISREG(st.st_mode)) {
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, buffer, sizeof buffer);
        say(" %llx", n < 0 ? -1ull : (unsigned long long)hash_of(buffer, (size_t)n));
        close(fd);
    } else if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(path, below, sizeof below);
        say(" -> %.*s", (int)n, below);
    }
    say("\n");
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    char **list = dir ? calloc(256, sizeof *list) : NULL;
    size_t count = dir ? list_of(dir, list, 256) : 0;
    if (dir)
        closedir(dir);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], ".") != 0 && strcmp(list[i], "..") != 0) {
            snprintf(below, sizeof below, "%s/%s", path, list[i]);
            say_tree(below);
        }
        free(list[i]);
    }
    free(list);
}

static void remove_tree(const char *path)
{
    char below[4096], *list[256];
    DIR *dir = opendir(path);
    if (dir) {
        size_t count = list_of(dir, list, 256);
        closedir(dir);
        for (size_t i = 0; i < count; i++) {
            snprintf(below, sizeof below, "%s/%s", path, list[i]);
            if (strcmp(list[i], ".") != 0 && strcmp(list[i], "..") != 0 && unlink(below) != 0)
                remove_tree(below);
            free(list[i]);
        }
    }
    CHECK(rmdir(path) == 0 || guest_on_wine()); /* which forgets files that were removed while open,
                                                   when their directory moves */
}

/* ---- Operations ---- */

static void become(uid_t uid, gid_t gid)
{
    gid_t groups[2] = {gid, 50};
    CHECK(setresuid(0, 0, 0) == 0 && setgroups(2, groups) == 0);
    CHECK(setresgid(gid, gid, 0) == 0 && setresuid(uid, uid, 0) == 0);
    memset(opened_by_us, 0, sizeof opened_by_us);
}

static void do_open(void)
{
    static const int extra[] = {O_CREAT,    O_CREAT | O_EXCL,   O_TRUNC,   O_APPEND,
                                O_NOFOLLOW, O_DIRECTORY,        O_PATH,    O_CREAT | O_TRUNC,
                                0,          O_CREAT | O_APPEND, O_NOATIME, O_CREAT | O_NOFOLLOW};
    const char *path = random_path();
    int flags = (dice(2) ? O_RDWR : (int)dice(3)) | extra[dice(12)], slot = (int)dice(SLOTS);
    mode_t mode = random_mode();
    if (dice(30) == 0 && !in_folder)
        flags = O_TMPFILE | O_RDWR;
    say("open %d %s %o %o", slot, path, flags, mode);
    int fd = open(path, flags | O_NONBLOCK, mode);
    if (fds[slot] >= 0)
        close(fds[slot]);
    fds[slot] = fd;
    opened_by_us[slot] = 1;
    if (fd >= 0)
        know(path);
    say_result(fd < 0 ? -1 : 0);
}

static void do_read(void)
{
    int fd = random_fd();
    size_t size = random_size();
    off_t at = random_offset();
    ssize_t n;
    if (dice(2)) {
        say("read %zu", size);
        n = read(fd, buffer, size);
    } else {
        say("pread %zu %ld", size, (long)at);
        n = pread(fd, buffer, size, at);
    }
    if (n > 0)
        say(" %llx", (unsigned long long)hash_of(buffer, (size_t)n));
    say_result(n);
}

static void do_write(void)
{
    int fd = random_fd();
    size_t size = random_size();
    off_t at = random_offset();
    memset(buffer, (int)('A' + dice(26)), size);
    for (size_t i = 0; i < size; i += 97)
        buffer[i] = (unsigned char)dice(256);
    if (dice(2)) {
        off_t now = lseek(fd, 0, SEEK_CUR); /* files stay small */
        if (now + (off_t)size > FILE_MAX)
            lseek(fd, 0, SEEK_SET);
        struct stat st;
        if (fstat(fd, &st) == 0 && st.st_size > FILE_MAX && ftruncate(fd, 100) == 0)
            say("cut ");
        say("write %zu", size);
        say_result(write(fd, buffer, size));
    } else {
        struct stat st;
        if (fstat(fd, &st) == 0 && st.st_size > FILE_MAX && ftruncate(fd, 100) == 0)
            say("cut ");
        say("pwrite %zu %ld", size, (long)at);
        say_result(pwrite(fd, buffer, size, at));
    }
}

static void do_seek(void)
{
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE};
    int fd = random_fd(), how = whence[dice(allocates || in_image || in_folder ? 3 : 5)];
    off_t at = random_offset() - (how == SEEK_CUR || how == SEEK_END ? 5000 : 0);
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        at = how = 0; /* positions there are its own */
    say("lseek %ld %d", (long)at, how);
    say_result(lseek(fd, at, how));
}

static void do_truncate(void)
{
    off_t size = random_offset();
    if (dice(2)) {
        say("ftruncate %ld", (long)size);
        say_result(ftruncate(random_fd(), size));
    } else {
        const char *path = random_path();
        struct stat st;
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
            st.st_size == size) /* what its time is then can be chosen */
            size++;
        say("truncate %s %ld", path, (long)size);
        say_result(truncate(path, size));
    }
}

static void do_fallocate(void)
{
    static const int modes[] = {3, 3, 3, 2, 0, 1};
    int mode = modes[dice(allocates ? 6 : 4)];
    off_t at = random_offset();
    size_t size = random_size();
    say("fallocate %d %ld %zu", mode, (long)at, size);
    say_result(fallocate(random_fd(), mode, at, (off_t)size));
}

static void do_copy(void)
{
    int from = random_fd(), to = random_fd(), gives = (int)dice(4);
    off_t a = random_offset(), b = random_offset();
    size_t size = random_size();
    ssize_t n;
    struct stat st, source;
    int to_itself = fstat(to, &st) == 0 && fstat(from, &source) == 0 && st.st_ino == source.st_ino;
    if (fstat(to, &st) == 0 && (st.st_size > FILE_MAX || lseek(to, 0, SEEK_CUR) > FILE_MAX) &&
        lseek(to, 0, SEEK_SET) >= 0 && ftruncate(to, 100) == 0)
        say("cut ");
    /* sendfile(2) to the same file would read what it writes, or not.  In a folder the number of a
       directory that is gone may be another file's by now. */
    if (dice(2) || to_itself || in_folder) {
        say("copy_file_range %d %ld %ld %zu", gives, (long)a, (long)b, size);
        n = copy_file_range(from, gives & 1 ? &a : NULL, to, gives & 2 ? &b : NULL, size, 0);
    } else {
        say("sendfile %d %ld %zu", gives, (long)a, size);
        n = sendfile(to, from, gives & 1 ? &a : NULL, size);
    }
    say(" %ld %ld", (long)a, (long)b);
    say_result(n);
}

static void do_rename(void)
{
    const char *from = random_path(), *to = random_path();
    unsigned flags = dice(4) ? 0 : 1 + dice(2);
    say("rename %s %s %u", from, to, flags);
    say_result(made(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags), to));
}

static void do_link(void)
{
    const char *from = random_path(), *to = random_path();
    if (geteuid() != 0) /* fs.protected_hardlinks can be chosen */
        return;
    if (dice(3) == 0 && !is_plain) {
        int slot = (int)dice(SLOTS);
        if (!opened_by_us[slot]) /* else it takes a privilege */
            return;
        if (in_folder && fcntl(fds[slot], F_GETFL) & O_PATH) /* it is not open on the host */
            return;
        say("linkat %d %s", slot, to);
        say_result(linkat(fds[slot], "", AT_FDCWD, to, AT_EMPTY_PATH));
        return;
    }
    int flags = dice(3) ? 0 : AT_SYMLINK_FOLLOW;
    say("link %s %s %d", from, to, flags);
    say_result(made(linkat(AT_FDCWD, from, AT_FDCWD, to, flags), to));
}

static void do_symlink(void)
{
    const char *target = random_path(), *path = random_path();
    say("symlink %s %s", target, path);
    say_result(made(symlink(target, path), path));
}

static void do_unlink(void)
{
    const char *path = random_path();
    say("unlink %s", path);
    say_result(unlink(path));
}

static void do_mkdir(void)
{
    const char *path = random_path();
    mode_t mode = random_mode();
    say("mkdir %s %o", path, mode);
    say_result(made(mkdir(path, mode), path));
}

static void do_rmdir(void)
{
    const char *path = random_path();
    say("rmdir %s", path);
    say_result(rmdir(path));
}

static void do_mknod(void)
{
    static const mode_t types[] = {S_IFIFO, S_IFREG, S_IFSOCK, S_IFCHR, S_IFDIR};
    const char *path = random_path();
    mode_t mode = random_mode() | types[dice(5)];
    if (in_folder)
        return;
    say("mknod %s %o", path, mode);
    say_result(mknod(path, mode, 0x103));
}

static void do_chmod(void)
{
    const char *path = random_path();
    mode_t mode = random_mode();
    int by_fd = dice(3) == 0;
    say("%s %s %o", by_fd ? "fchmod" : "chmod", path, mode);
    say_result(by_fd ? fchmod(random_fd(), mode) : chmod(path, mode));
}

static void do_chown(void)
{
    static const uid_t ids[] = {0, 1000, 1001, 50, (uid_t)-1};
    const char *path = random_path();
    uid_t uid = ids[dice(5)], gid = ids[dice(5)];
    int flags = dice(3) ? 0 : AT_SYMLINK_NOFOLLOW;
    say("chown %s %d %d %d", path, (int)uid, (int)gid, flags);
    say_result(fchownat(AT_FDCWD, path, uid, gid, flags));
}

static void do_times(void)
{
    const char *path = random_path();
    const struct timespec ts[2] = {{dice(1000), UTIME_OMIT},
                                   {1 + dice(1000), dice(4) ? dice(1000) : UTIME_NOW}};
    int flags = dice(3) ? 0 : AT_SYMLINK_NOFOLLOW;
    say("utimensat %s %ld %d", path, (long)ts[1].tv_sec, flags);
    say_result(utimensat(AT_FDCWD, path, ts, flags));
}

static void do_stat(void)
{
    const char *path = random_path();
    struct stat st = {0};
    uint32_t how = dice(3);
    say("stat %u %s", how, path);
    int result = how == 0 ? stat(path, &st) : how == 1 ? lstat(path, &st) : fstat(random_fd(), &st);
    if (result == 0)
        say_stat(&st);
    say_result(result);
}

static void do_access(void)
{
    const char *path = random_path();
    int mode = (int)dice(8);
    say("access %s %d", path, mode);
    say_result(access(path, mode));
}

static void do_list(void)
{
    say_list(random_path());
}

static void do_readlink(void)
{
    const char *path = random_path();
    char target[256];
    say("readlink %s", path);
    ssize_t n = readlink(path, target, sizeof target);
    if (n > 0)
        say(" %.*s", (int)n, target);
    say_result(n);
}

static void do_attribute(void)
{
    static const char *const keys[] = {"user.a", "user.bb", "user.c", "trusted.t", "security.s"};
    const char *path = random_path(), *key = keys[dice(in_folder ? 3 : 5)];
    char value[32];
    uint32_t how = dice(4);
    if (is_plain)
        return;
    say("attribute %u %s %s", how, path, key);
    if (how == 0) {
        int flags = (int)dice(3), size = snprintf(value, sizeof value, "v%u", dice(1000));
        say(" %s %d", value, flags);
        say_result(lsetxattr(path, key, value, (size_t)size, flags));
    } else if (how == 1) {
        ssize_t n = getxattr(path, key, value, sizeof value);
        if (n > 0)
            say(" %.*s", (int)n, value);
        say_result(n);
    } else if (how == 2) {
        say_result(removexattr(path, key));
    } else {
        say_result(llistxattr(path, NULL, 0));
    }
}

static void do_directory(void)
{
    char path[4096];
    if (dice(3) == 0) {
        say("getcwd");
        if (getcwd(path, sizeof path))
            say(" %s = 0\n", path);
        else
            say_result(-1);
    } else if (dice(2)) {
        say("chdir /");
        say_result(chdir("/"));
    } else {
        const char *to = random_path();
        say("chdir %s", to);
        say_result(chdir(to));
    }
}

static void do_close(void)
{
    uint32_t slot = dice(SLOTS);
    say("close %u", slot);
    say_result(close(fds[slot]));
    fds[slot] = -1;
}

static void do_become(void)
{
    static const uid_t uids[] = {0, 0, 0, 1000, 1001};
    static const gid_t gids[] = {0, 1000};
    uid_t uid = uids[dice(5)];
    gid_t gid = gids[dice(2)];
    say("become %u %u\n", uid, gid);
    become(uid, gid);
}

static void do_umask(void)
{
    mode_t mask = dice(2) ? 022 : dice(01000);
    say("umask %o = %o\n", mask, umask(mask));
}

static const struct {
    uint32_t weight;
    void (*run)(void);
} operations[] = {
    {20, do_open},     {8, do_read},      {10, do_write},    {3, do_seek},   {4, do_truncate},
    {4, do_fallocate}, {4, do_copy},      {12, do_rename},   {6, do_link},   {5, do_symlink},
    {6, do_unlink},    {12, do_mkdir},    {5, do_rmdir},     {2, do_mknod},  {3, do_chmod},
    {3, do_chown},     {2, do_times},     {8, do_stat},      {3, do_access}, {3, do_list},
    {2, do_readlink},  {4, do_attribute}, {2, do_directory}, {1, do_close},  {2, do_become},
    {1, do_umask},
};

static void operate(void)
{
    uint32_t sum = 0, chosen;
    size_t i, count = sizeof operations / sizeof operations[0];
    for (i = 0; i < count; i++)
        sum += operations[i].weight;
    chosen = dice(sum);
    for (i = 0; chosen >= operations[i].weight; i++)
        chosen -= operations[i].weight;
    operations[i].run();
}

/* ---- Epochs ---- */

/* What is there at first: the same names, so that they are met. */
static void fill(const char *folder, int depth)
{
    char path[256], other[256];
    CHECK(mkdir(folder, 0777) == 0);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        uint32_t kind = dice(7);
        if (depth < 3 && kind < 3) {
            fill(path, depth + 1);
        } else if (kind == 3) {
            CHECK(symlink(names[dice(5)], path) == 0);
        } else if (kind == 4 && i > 0) {
            snprintf(other, sizeof other, "%s/%s", folder, names[i - 1]);
            CHECK(link(other, path) == 0 || errno == EPERM || errno == ENOENT);
        } else if (kind != 5) {
            int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
            size_t size = dice(3) ? dice(10000) : 0;
            for (size_t k = 0; k < size; k++)
                buffer[k] = (unsigned char)dice(256);
            CHECK(fd >= 0 && write(fd, buffer, size) == (ssize_t)size && close(fd) == 0);
        }
    }
}

static void epoch(int outside, unsigned number, uint64_t seed)
{
    char folder[32];
    state = seed * 1000003u + number;
    hash = 0xcbf29ce484222325u;
    allocates = (int)dice(2);
    umask(0);
    snprintf(folder, sizeof folder, "e%u", in_image ? number % FILLED : number);
    memset(known, 0, sizeof known);
    for (int i = 0; i < KNOWN; i++)
        strcpy(known[i], names[dice(5)]);
    if (!in_image || number >= FILLED)
        fill(folder, 0);
    CHECK(chmod(folder, 0777) == 0 && chdir(folder) == 0 && chroot(".") == 0);
    umask(022);
    for (int i = 0; i < SLOTS; i++)
        fds[i] = -1;
    for (int i = 0; i < OPERATIONS; i++)
        operate();
    become(0, 0);
    umask(022);
    for (int i = 0; i < SLOTS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    printf("%u: %016llx", number, (unsigned long long)hash);
    hash = 0xcbf29ce484222325u;
    if (shows)
        printf("\n");
    CHECK(chdir("/") == 0);
    say_tree(".");
    printf(" %016llx\n", (unsigned long long)hash);
    CHECK(fchdir(outside) == 0 && chroot(".") == 0);
    remove_tree(folder);
}

int main(int argc, char **argv)
{
    unsigned first = 0, last = 0;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned epochs = (unsigned)guest_count(20000, 1000000) / OPERATIONS;
    umask(0);
    if (argc > 1 && strcmp(argv[1], "fill") == 0) {
        for (unsigned i = 0; i < FILLED; i++) {
            char folder[32];
            state = i;
            snprintf(folder, sizeof folder, "e%u", i);
            fill(folder, 0);
        }
        return guest_result();
    }
    in_image = argc > 2 && strcmp(argv[2], "image") == 0;
    is_plain = argc > 2 && strcmp(argv[2], "plain") == 0;
    epochs /= is_plain ? 10 : 1; /* there a call takes long */
    in_folder = is_plain || (argc > 2 && strcmp(argv[2], "folder") == 0);
    if (argc > 5) {
        first = (unsigned)atoi(argv[4]);
        last = (unsigned)atoi(argv[5]) + 1;
    }
    signal(SIGPIPE, SIG_IGN);
    CHECK(become_docker_root());
    CHECK(chmod(".", 0755) == 0);
    int outside = open(".", O_RDONLY | O_DIRECTORY);
    shows = last || guest_count(1, 0);
    for (unsigned i = first; i < (last ? last : epochs); i++)
        epoch(outside, i, seed);
    return guest_result();
}
