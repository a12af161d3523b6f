/* SPDX-License-Identifier: MIT */
/*
 * File calls by script: fs/NAME.txt, which the build puts into this program (SCRIPT).  Each line is a
 * check: a call with its arguments, and what comes of it.
 *
 *     mkdir d 755                      succeeds: the result is 0
 *     rmdir {d/.,d/./} = EINVAL        one check for each
 *     open a d/f RDWR,CREAT 600        the new descriptor is known as a
 *     write a hello = 5
 *     stat d/f mode,size = 0600,5
 *     as 1000:100,7,8                  not a check: who makes the calls from here on
 *     child lock b WRLCK 0 1 = EAGAIN  in another process
 *
 *     root chown d 1 1                 only if root runs the script; `root` alone: all that follows
 *
 * With UID:GID as its argument the program is that user from the start.
 *
 * Raw calls, no library's.  Numbers are C's, or names of constants without their prefix, joined by
 * commas; modes are octal.  In texts \xHH is a byte, <255> so many n's, <./4000> so many bytes
 * of "./"; "" is the empty text, NULL and BAD are pointers.  Of data that is read, c*9 is a byte
 * nine times.  Descriptors: a to z; - AT_FDCWD; none, one that is not open.
 */

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "docker_root.h"

__asm__(".section .rodata\n"
        "script_begin: .incbin \"" SCRIPT "\"\n"
        "script_end: .byte 0\n"
        ".previous");
extern const char script_begin[], script_end[];

#define CLOSED 9999
#define WORDS 12
#define BYTES (1 << 20)
#define BAD_POINTER ((char *)16)

static int number;               /* of the check */
static int is_root = 1, is_over; /* of the script */
static int fds[26];              /* by letter */
static char start[4096];         /* the folder it all begins in */
static char text_space[WORDS][8192];
static char buffer[BYTES]; /* for what is read */
static char result[BYTES]; /* of the check, as text */

/* ---- Names of constants ---- */

#define E(name)     \
    {               \
#name, name \
    }
static const struct {
    const char *name;
    int value;
} errors[] = {E(EPERM),   E(ENOENT),       E(EINTR),      E(EIO),    E(ENXIO),     E(E2BIG),
              E(EBADF),   E(EAGAIN),       E(ENOMEM),     E(EACCES), E(EFAULT),    E(ENOTBLK),
              E(EBUSY),   E(EEXIST),       E(EXDEV),      E(ENODEV), E(ENOTDIR),   E(EISDIR),
              E(EINVAL),  E(ENFILE),       E(EMFILE),     E(ENOTTY), E(ETXTBSY),   E(EFBIG),
              E(ENOSPC),  E(ESPIPE),       E(EROFS),      E(EMLINK), E(EPIPE),     E(ERANGE),
              E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK),     E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
              E(ENODATA), E(EOVERFLOW),    E(EOPNOTSUPP), E(ESTALE), E(ESRCH)};
#undef E

#define C(prefix, name)     \
    {                       \
#name, prefix##name \
    }
static const struct {
    const char *name;
    int64_t value;
} constants[] = {C(O_, RDONLY),
                 C(O_, WRONLY),
                 C(O_, RDWR),
                 C(O_, CREAT),
                 C(O_, EXCL),
                 C(O_, NOCTTY),
                 C(O_, TRUNC),
                 C(O_, APPEND),
                 C(O_, NONBLOCK),
                 C(O_, DSYNC),
                 C(O_, SYNC),
                 C(O_, DIRECTORY),
                 C(O_, NOFOLLOW),
                 C(O_, NOATIME),
                 C(O_, CLOEXEC),
                 C(O_, PATH),
                 C(O_, TMPFILE),
                 C(O_, DIRECT),
                 {"TMPFILE_BIT", 020000000},
                 {"ACCMODE", O_ACCMODE},
                 {"LARGEFILE", 0100000},
                 C(AT_, SYMLINK_NOFOLLOW),
                 C(AT_, SYMLINK_FOLLOW),
                 C(AT_, REMOVEDIR),
                 C(AT_, EACCESS),
                 C(AT_, EMPTY_PATH),
                 C(AT_, NO_AUTOMOUNT),
                 C(AT_, STATX_FORCE_SYNC),
                 C(AT_, STATX_DONT_SYNC),
                 C(RENAME_, NOREPLACE),
                 C(RENAME_, EXCHANGE),
                 C(RENAME_, WHITEOUT),
                 C(RESOLVE_, NO_XDEV),
                 C(RESOLVE_, NO_MAGICLINKS),
                 C(RESOLVE_, NO_SYMLINKS),
                 C(RESOLVE_, BENEATH),
                 C(RESOLVE_, IN_ROOT),
                 C(RESOLVE_, CACHED),
                 C(S_IF, REG),
                 C(S_IF, DIR),
                 {"FIFO", S_IFIFO},
                 C(S_IF, CHR),
                 C(S_IF, BLK),
                 C(S_IF, SOCK),
                 C(S_IF, LNK),
                 {"KEEP_SIZE", 1},
                 {"PUNCH_HOLE", 2},
                 {"COLLAPSE_RANGE", 8},
                 {"ZERO_RANGE", 16},
                 {"INSERT_RANGE", 32},
                 {"UNSHARE_RANGE", 64},
                 C(SEEK_, SET),
                 C(SEEK_, CUR),
                 C(SEEK_, END),
                 C(SEEK_, DATA),
                 C(SEEK_, HOLE),
                 C(XATTR_, CREATE),
                 C(XATTR_, REPLACE),
                 C(, RWF_HIPRI),
                 C(, RWF_DSYNC),
                 C(, RWF_SYNC),
                 C(, RWF_NOWAIT),
                 C(, RWF_APPEND),
                 {"RWF_NOAPPEND", 0x20},
                 {"RWF_ATOMIC", 0x40},
                 {"RWF_DONTCACHE", 0x80},
                 C(F_, DUPFD),
                 C(F_, DUPFD_CLOEXEC),
                 C(F_, GETFD),
                 C(F_, SETFD),
                 C(F_, GETFL),
                 C(F_, SETFL),
                 C(F_, GETLEASE),
                 C(F_, SETLEASE),
                 C(F_, GETOWN),
                 C(F_, SETOWN),
                 C(F_, GETSIG),
                 C(F_, SETSIG),
                 C(F_, GETPIPE_SZ),
                 C(F_, GET_SEALS),
                 C(F_, ADD_SEALS),
                 C(F_, NOTIFY),
                 {"DUPFD_QUERY", 1027},
                 {"FD_CLOEXEC", FD_CLOEXEC},
                 C(F_, RDLCK),
                 C(F_, WRLCK),
                 C(F_, UNLCK),
                 C(LOCK_, SH),
                 C(LOCK_, EX),
                 C(LOCK_, UN),
                 C(LOCK_, NB),
                 C(, R_OK),
                 C(, W_OK),
                 C(, X_OK),
                 C(, F_OK),
                 {"MAX", INT64_MAX},
                 {"MIN", INT64_MIN},
                 C(POSIX_FADV_, NORMAL),
                 C(POSIX_FADV_, DONTNEED)};
#undef C

static const char *error_name(int error)
{
    static char other[16];
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].value == error)
            return errors[i].name;
    }
    snprintf(other, sizeof other, "E%d", error);
    return other;
}

static void broken(const char *what, const char *where)
{
    printf("script: %s: %s\n", what, where);
    exit(2);
}

static int64_t number_of(const char *word)
{
    int64_t sum = 0;
    char copy[256], *rest = copy, *part;
    snprintf(copy, sizeof copy, "%s", word);
    while ((part = strsep(&rest, ",")) != NULL) {
        char *end;
        size_t i, count = sizeof constants / sizeof constants[0];
        for (i = 0; i < count && strcmp(constants[i].name, part) != 0; i++)
            ;
        int64_t value = i < count ? constants[i].value : strtoll(part, &end, 0);
        if (i == count && (*end || end == part))
            broken("no number", word);
        sum |= value;
    }
    return sum;
}

static int *slot_of(const char *word)
{
    if (strlen(word) != 1 || !islower((unsigned char)*word))
        broken("no descriptor", word);
    return &fds[*word - 'a'];
}

static int fd_of(const char *word)
{
    return strcmp(word, "-") == 0      ? AT_FDCWD
           : strcmp(word, "none") == 0 ? CLOSED
           : strcmp(word, "-1") == 0   ? -1
                                       : *slot_of(word);
}

/* A text with its escapes; its length without the end. */
static char *text_of(const char *word, char *out, size_t *size)
{
    char *p = out;
    *size = 0;
    if (strcmp(word, "NULL") == 0)
        return NULL;
    if (strcmp(word, "BAD") == 0)
        return BAD_POINTER;
    if (strcmp(word, "\"\"") == 0)
        word = "";
    while (*word) {
        char *end;
        if (word[0] == '\\' && word[1] == 'x') {
            char digits[3] = {word[2], word[3], 0};
            *p++ = (char)strtol(digits, NULL, 16);
            word += 4;
        } else if (word[0] == '<' && isdigit((unsigned char)word[1])) {
            for (long n = strtol(word + 1, &end, 10); n > 0; n--)
                *p++ = 'n';
            word = end + 1;
        } else if (strncmp(word, "<./", 3) == 0) {
            long n = strtol(word + 3, &end, 10);
            for (long i = 0; i < n; i++)
                *p++ = i % 2 || i + 1 == n ? '/' : '.';
            word = end + 1;
        } else {
            *p++ = *word++;
        }
    }
    *p = 0;
    *size = (size_t)(p - out);
    return out;
}

/* ---- Results ---- */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    size_t used = strlen(result);
    va_list list;
    va_start(list, format);
    vsnprintf(result + used, sizeof result - used, format, list);
    va_end(list);
}

static void say_data(const unsigned char *data, size_t size)
{
    for (size_t i = 0, run; i < size; i += run) {
        for (run = 1; i + run < size && data[i + run] == data[i]; run++)
            ;
        if (run < 5)
            run = 1;
        if (isgraph(data[i]) && data[i] != '\\')
            say("%c", data[i]);
        else
            say("\\x%02x", data[i]);
        if (run > 1)
            say("*%zu", run);
    }
    if (!size)
        say("\"\"");
}

/* The result of a call: a number, or an error's name; 1 if it is none. */
static int said_error(long value)
{
    if (value != -1)
        return 0;
    say("%s", error_name(errno));
    return 1;
}

/* ---- Plain calls ---- */

/*
 * Arguments by letter: p text; f descriptor; n number; m mode; w text and its size; T two times;
 * O where an offset is; H what openat2(2) wants, and its size; V a buffer as a vector of one;
 * 0 nothing.  A call that makes a descriptor begins with @.
 */
static const struct call {
    const char *name;
    long nr;
    const char *arguments;
} calls[] = {
    {"open", SYS_open, "@pnm"},
    {"openat", SYS_openat, "@fpnm"},
    {"openat2", SYS_openat2, "@fpH"},
    {"creat", SYS_creat, "@pm"},
    {"close", SYS_close, "f"},
    {"dup", SYS_dup, "@f"},
    {"mkdir", SYS_mkdir, "pm"},
    {"mkdirat", SYS_mkdirat, "fpm"},
    {"rmdir", SYS_rmdir, "p"},
    {"unlink", SYS_unlink, "p"},
    {"unlinkat", SYS_unlinkat, "fpn"},
    {"rename", SYS_rename, "pp"},
    {"renameat", SYS_renameat, "fpfp"},
    {"renameat2", SYS_renameat2, "fpfpn"},
    {"link", SYS_link, "pp"},
    {"linkat", SYS_linkat, "fpfpn"},
    {"symlink", SYS_symlink, "pp"},
    {"symlinkat", SYS_symlinkat, "pfp"},
    {"mknod", SYS_mknod, "pnn"},
    {"mknodat", SYS_mknodat, "fpnn"},
    {"chmod", SYS_chmod, "pm"},
    {"fchmod", SYS_fchmod, "fm"},
    {"fchmodat", SYS_fchmodat, "fpm"},
    {"fchmodat2", 452, "fpmn"},
    {"chown", SYS_chown, "pnn"},
    {"lchown", SYS_lchown, "pnn"},
    {"fchown", SYS_fchown, "fnn"},
    {"fchownat", SYS_fchownat, "fpnnn"},
    {"utimensat", SYS_utimensat, "fpTn"},
    {"truncate", SYS_truncate, "pn"},
    {"ftruncate", SYS_ftruncate, "fn"},
    {"fallocate", SYS_fallocate, "fnnn"},
    {"lseek", SYS_lseek, "fnn"},
    {"access", SYS_access, "pn"},
    {"faccessat", SYS_faccessat, "fpn"},
    {"faccessat2", 439, "fpnn"},
    {"chdir", SYS_chdir, "p"},
    {"fchdir", SYS_fchdir, "f"},
    {"chroot", SYS_chroot, "p"},
    {"write", SYS_write, "fw"},
    {"pwrite", SYS_pwrite64, "fwn"},
    {"pwritev2", SYS_pwritev2, "fVn0n"},
    {"setxattr", SYS_setxattr, "ppwn"},
    {"lsetxattr", SYS_lsetxattr, "ppwn"},
    {"fsetxattr", SYS_fsetxattr, "fpwn"},
    {"removexattr", SYS_removexattr, "pp"},
    {"lremovexattr", SYS_lremovexattr, "pp"},
    {"fremovexattr", SYS_fremovexattr, "fp"},
    {"flock", SYS_flock, "fn"},
    {"fcntl", SYS_fcntl, "fnn"},
    {"sendfile", SYS_sendfile, "ffOn"},
    {"copy_file_range", SYS_copy_file_range, "fOfOnn"},
    {"fsync", SYS_fsync, "f"},
    {"fdatasync", SYS_fdatasync, "f"},
    {"syncfs", SYS_syncfs, "f"},
    {"sync_file_range", SYS_sync_file_range, "fnnn"},
    {"readahead", SYS_readahead, "fnn"},
    {"fadvise", SYS_fadvise64, "fnnn"},
};

static int64_t offsets[2];

/* A descriptor under a letter, in place of what was there. */
static void take(int *slot, int fd)
{
    int error = errno;
    if (*slot != CLOSED)
        close(*slot);
    *slot = fd < 0 ? CLOSED : fd;
    errno = error;
}

static void times_of(const char *word, struct timespec *ts)
{
    char *end;
    *ts = (struct timespec){0, strcmp(word, "NOW") == 0    ? UTIME_NOW
                               : strcmp(word, "OMIT") == 0 ? UTIME_OMIT
                                                           : 0};
    if (ts->tv_nsec)
        return;
    ts->tv_sec = strtol(word, &end, 10);
    if (*end == '.')
        ts->tv_nsec = strtol(end + 1, &end, 10);
    if (*end)
        broken("no time", word);
}

static void plain(const struct call *call, char **words)
{
    static struct timespec ts[2];
    static struct open_how how;
    static struct iovec vec;
    long args[8] = {0};
    int used = 0, word = 0, *made = NULL, offset = 0;
    for (const char *a = call->arguments; *a; a++) {
        size_t size;
        const char *w = words[word];
        if (!w && *a != '0')
            broken("too few arguments", call->name);
        word += *a != '0';
        switch (*a) {
        case '@':
            made = slot_of(w);
            break;
        case 'f':
            args[used++] = fd_of(w);
            break;
        case 'p':
            args[used++] = (long)text_of(w, text_space[word], &size);
            break;
        case 'w':
        case 'V':
            vec.iov_base = text_of(w, text_space[word], &size);
            vec.iov_len = vec.iov_base == text_space[word] ? size : 5;
            args[used++] = *a == 'w' ? (long)vec.iov_base : (long)&vec;
            args[used++] = *a == 'w' ? (long)vec.iov_len : 1;
            break;
        case 'n':
            args[used++] = number_of(w);
            break;
        case 'm':
            args[used++] = strtol(w, NULL, 8);
            break;
        case 'T':
            if (strcmp(w, "NULL") == 0 || strcmp(w, "BAD") == 0) {
                args[used++] = (long)text_of(w, text_space[word], &size);
                break;
            }
            if (!words[word])
                broken("too few arguments", call->name);
            times_of(w, &ts[0]);
            times_of(words[word++], &ts[1]);
            args[used++] = (long)ts;
            break;
        case 'O':
            if (strcmp(w, "NULL") != 0 && strcmp(w, "BAD") != 0)
                offsets[offset] = number_of(w);
            args[used++] = strcmp(w, "NULL") == 0  ? 0
                           : strcmp(w, "BAD") == 0 ? (long)BAD_POINTER
                                                   : (long)&offsets[offset];
            offset++;
            break;
        case 'H':
            if (!words[word] || !words[word + 1])
                broken("too few arguments", call->name);
            how.flags = (uint64_t)number_of(w);
            how.mode = strtoul(words[word++], NULL, 8);
            how.resolve = (uint64_t)number_of(words[word++]);
            args[used++] = (long)&how;
            args[used++] = sizeof how;
            break;
        default: /* '0' */
            args[used++] = 0;
            break;
        }
    }
    if (words[word])
        broken("too many arguments", call->name);
    long value = syscall(call->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (made)
        take(made, (int)value);
    if (call->nr == SYS_close && value == 0 && words[0][1] == 0)
        *slot_of(words[0]) = CLOSED;
    if (!said_error(value))
        say("%ld", made ? 0 : value);
}

/* ---- Questions ---- */

static const char *type_name(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "dir";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "char";
    default:
        return "block";
    }
}

/* A time that was set, or "now". */
static void say_time(struct timespec ts)
{
    if (labs(ts.tv_sec - time(NULL)) < 600)
        say("now");
    else
        say("%ld.%09ld", ts.tv_sec, ts.tv_nsec);
}

static void say_stat(const struct stat *st, const char *fields)
{
    char copy[256], *rest = copy, *field;
    const char *between = "";
    snprintf(copy, sizeof copy, "%s", fields);
    while ((field = strsep(&rest, ",")) != NULL) {
        say("%s", between);
        between = ",";
        if (strcmp(field, "type") == 0)
            say("%s", type_name(st->st_mode));
        else if (strcmp(field, "mode") == 0)
            say("%04o", st->st_mode & 07777);
        else if (strcmp(field, "nlink") == 0)
            say("%lu", (unsigned long)st->st_nlink);
        else if (strcmp(field, "uid") == 0)
            say("%u", st->st_uid);
        else if (strcmp(field, "gid") == 0)
            say("%u", st->st_gid);
        else if (strcmp(field, "size") == 0)
            say("%ld", (long)st->st_size);
        else if (strcmp(field, "blocks") == 0)
            say("%ld", (long)st->st_blocks);
        else if (strcmp(field, "blksize") == 0)
            say("%ld", (long)st->st_blksize);
        else if (strcmp(field, "rdev") == 0)
            say("%u:%u", major(st->st_rdev), minor(st->st_rdev));
        else if (strcmp(field, "atime") == 0)
            say_time(st->st_atim);
        else if (strcmp(field, "mtime") == 0)
            say_time(st->st_mtim);
        else if (strcmp(field, "ctime") == 0)
            say_time(st->st_ctim);
        else
            broken("no field", field);
    }
}

static char *path_of(char **w, int n)
{
    size_t size;
    if (!w[n])
        broken("too few arguments", w[0] ? w[0] : "");
    return text_of(w[n], text_space[n], &size);
}

static void do_stat(char **w)
{
    struct stat st;
    if (!said_error(syscall(SYS_stat, path_of(w, 0), &st)))
        say_stat(&st, w[1]);
}

static void do_lstat(char **w)
{
    struct stat st;
    if (!said_error(syscall(SYS_lstat, path_of(w, 0), &st)))
        say_stat(&st, w[1]);
}

static void do_fstat(char **w)
{
    struct stat st;
    if (!said_error(syscall(SYS_fstat, fd_of(w[0]), &st)))
        say_stat(&st, w[1]);
}

static void do_statat(char **w)
{
    struct stat st;
    if (!said_error(syscall(SYS_newfstatat, fd_of(w[0]), path_of(w, 1), &st, number_of(w[2]))))
        say_stat(&st, w[3]);
}

/* As a struct stat. */
static void do_statx(char **w)
{
    struct statx x;
    if (said_error(
            syscall(SYS_statx, fd_of(w[0]), path_of(w, 1), number_of(w[2]), STATX_BASIC_STATS, &x)))
        return;
    struct stat st = {.st_mode = x.stx_mode,
                      .st_nlink = x.stx_nlink,
                      .st_uid = x.stx_uid,
                      .st_gid = x.stx_gid,
                      .st_size = (off_t)x.stx_size,
                      .st_blocks = (blkcnt_t)x.stx_blocks,
                      .st_blksize = x.stx_blksize,
                      .st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
                      .st_atim = {x.stx_atime.tv_sec, x.stx_atime.tv_nsec},
                      .st_mtim = {x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec},
                      .st_ctim = {x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec}};
    say_stat(&st, w[3]);
}

/* Are two paths one file? */
static void do_same(char **w)
{
    struct stat a, b;
    if (!said_error(lstat(path_of(w, 0), &a)) && !said_error(lstat(path_of(w, 1), &b)))
        say("%s", a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "yes" : "no");
}

/* Which times have changed since the mark: of access, modification, status. */
static struct stat marks[4];

static void do_mark(char **w)
{
    for (int i = 0; i < 4; i++) {
        if (w[i] && said_error(lstat(path_of(w, i), &marks[i])))
            return;
    }
    usleep(12000); /* more than a tick: times are no finer */
    say("0");
}

static void do_changed(char **w)
{
    for (int i = 0; i < 4 && w[i]; i++) {
        struct stat st, *m = &marks[i];
        say("%s", i ? " " : "");
        if (said_error(lstat(path_of(w, i), &st)))
            return;
        int a = memcmp(&st.st_atim, &m->st_atim, sizeof st.st_atim) != 0;
        int b = memcmp(&st.st_mtim, &m->st_mtim, sizeof st.st_mtim) != 0;
        int c = memcmp(&st.st_ctim, &m->st_ctim, sizeof st.st_ctim) != 0;
        say("%s%s%s%s", a ? "a" : "", b ? "m" : "", c ? "c" : "", a | b | c ? "" : "none");
    }
}

static void say_read(long n)
{
    if (!said_error(n))
        say_data((unsigned char *)buffer, (size_t)n);
}

static char *buffer_of(const char *word)
{
    return word && strcmp(word, "BAD") == 0 ? BAD_POINTER : buffer;
}

static void do_read(char **w)
{
    say_read(syscall(SYS_read, fd_of(w[0]), buffer_of(w[2]), number_of(w[1])));
}

static void do_pread(char **w)
{
    say_read(syscall(SYS_pread64, fd_of(w[0]), buffer_of(w[3]), number_of(w[1]), number_of(w[2])));
}

static void do_preadv2(char **w)
{
    struct iovec vec = {buffer, (size_t)number_of(w[1])};
    say_read(syscall(SYS_preadv2, fd_of(w[0]), &vec, 1, number_of(w[2]), 0, number_of(w[3])));
}

static void do_readlink(char **w)
{
    say_read(syscall(SYS_readlink, path_of(w, 0), buffer_of(w[2]), number_of(w[1])));
}

static void do_readlinkat(char **w)
{
    say_read(syscall(SYS_readlinkat, fd_of(w[0]), path_of(w, 1), buffer_of(w[3]), number_of(w[2])));
}

/* All that a file holds. */
static void do_contents(char **w)
{
    int fd = open(path_of(w, 0), O_RDONLY | O_NONBLOCK);
    if (said_error(fd))
        return;
    say_read(read(fd, buffer, sizeof buffer));
    close(fd);
}

static void do_getxattr(char **w)
{
    long n = syscall(SYS_getxattr, path_of(w, 0), path_of(w, 1), buffer_of(w[3]), number_of(w[2]));
    if (number_of(w[2]) || n < 0)
        say_read(n);
    else
        say("%ld", n);
}

static void do_lgetxattr(char **w)
{
    say_read(syscall(SYS_lgetxattr, path_of(w, 0), path_of(w, 1), buffer, number_of(w[2])));
}

static void do_fgetxattr(char **w)
{
    say_read(syscall(SYS_fgetxattr, fd_of(w[0]), path_of(w, 1), buffer, number_of(w[2])));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void say_sorted(const char **names, size_t count)
{
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        say("%s", i ? "," : "");
        say_data((const unsigned char *)names[i], strlen(names[i]));
    }
    if (!count)
        say("none");
}

static void do_listxattr(char **w)
{
    const char *names[64];
    size_t count = 0;
    long n = syscall(SYS_listxattr, path_of(w, 0), buffer_of(w[2]), number_of(w[1]));
    if (said_error(n))
        return;
    if (!number_of(w[1])) {
        say("%ld", n);
        return;
    }
    for (char *p = buffer; p < buffer + n; p += strlen(p) + 1)
        names[count++] = p;
    say_sorted(names, count);
}

/* ---- Access control lists ---- */

#define ACL_ENTRIES 64

struct acl {
    uint32_t version;
    struct {
        uint16_t tag, permissions;
        uint32_t id;
    } entries[ACL_ENTRIES];
};

static const char *acl_name(const char *word)
{
    return strcmp(word, "access") == 0 ? "system.posix_acl_access" : "system.posix_acl_default";
}

/* Entries as WHO:ID:PERMISSIONS, where WHO is u, g, m or o, and owner and group have no id. */
static size_t acl_of(const char *word, struct acl *out)
{
    int count = 0;
    out->version = 2;
    for (char *end = (char *)word; *end; count++) {
        char who = *end;
        uint32_t id = (uint32_t)-1;
        end += 2;
        int has_id = *end != ':';
        if (has_id)
            id = (uint32_t)strtoul(end, &end, 10);
        out->entries[count].tag = who == 'u'   ? (has_id ? 2 : 1)
                                  : who == 'g' ? (has_id ? 8 : 4)
                                  : who == 'm' ? 16
                                               : 32;
        out->entries[count].id = id;
        out->entries[count].permissions = (uint16_t)strtoul(end + 1, &end, 8);
        end += *end == ',';
    }
    return 4 + 8 * (size_t)count;
}

static void do_setacl(char **w)
{
    struct acl acl;
    size_t size = acl_of(w[2], &acl);
    if (!said_error(syscall(SYS_setxattr, path_of(w, 0), acl_name(w[1]), &acl, size, 0)))
        say("0");
}

static void do_fsetacl(char **w)
{
    struct acl acl;
    size_t size = acl_of(w[2], &acl);
    if (!said_error(syscall(SYS_fsetxattr, fd_of(w[0]), acl_name(w[1]), &acl, size, 0)))
        say("0");
}

static void do_getacl(char **w)
{
    struct acl acl;
    long n = syscall(SYS_getxattr, path_of(w, 0), acl_name(w[1]), &acl, sizeof acl);
    if (said_error(n))
        return;
    for (int i = 0; i < (n - 4) / 8; i++) {
        uint16_t tag = acl.entries[i].tag;
        say("%s%c:", i ? "," : "", tag & 3 ? 'u' : tag & 12 ? 'g' : tag & 16 ? 'm' : 'o');
        if (acl.entries[i].id != (uint32_t)-1)
            say("%u", acl.entries[i].id);
        say(":%o", acl.entries[i].permissions);
    }
}

static void do_rmacl(char **w)
{
    if (!said_error(syscall(SYS_removexattr, path_of(w, 0), acl_name(w[1]))))
        say("0");
}

/* A socket in the file system. */
static void do_bind(char **w)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path_of(w, 0));
    if (!said_error(bind(fd, (struct sockaddr *)&name, sizeof name)))
        say("0");
    close(fd);
}

/* The names in a directory, without the dots. */
static void do_ls(char **w)
{
    const char *names[1024];
    size_t count = 0;
    struct dirent *e;
    DIR *dir = opendir(path_of(w, 0));
    if (!dir) {
        said_error(-1);
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            names[count++] = strdup(e->d_name);
    }
    closedir(dir);
    say_sorted(names, count);
    for (size_t i = 0; i < count; i++)
        free((char *)names[i]);
}

/* getdents64(2) once: how many entries. */
static void do_dents(char **w)
{
    int entries = 0;
    long n = syscall(SYS_getdents64, fd_of(w[0]), buffer_of(w[2]), number_of(w[1]));
    if (said_error(n))
        return;
    for (char *p = buffer; p < buffer + n; p += *(unsigned short *)(p + 16))
        entries++;
    say("%d", entries);
}

static void do_getcwd(char **w)
{
    long n = syscall(SYS_getcwd, buffer_of(w[1]), w[0] ? number_of(w[0]) : BYTES);
    if (said_error(n))
        return;
    size_t skip = strlen(start);
    if (skip > 1 && strncmp(buffer, start, skip) == 0)
        memmove(buffer, buffer + skip, strlen(buffer + skip) + 1);
    say("%s", *buffer ? buffer : "/");
}

static void do_umask(char **w)
{
    say("%03lo", syscall(SYS_umask, strtol(w[0], NULL, 8)));
}

static void do_lock(char **w)
{
    struct flock l = {
        .l_type = (short)number_of(w[1]), .l_start = number_of(w[2]), .l_len = number_of(w[3])};
    if (!said_error(fcntl(fd_of(w[0]), F_SETLK, &l)))
        say("0");
}

static void do_file_lock(char **w)
{
    struct flock l = {
        .l_type = (short)number_of(w[1]), .l_start = number_of(w[2]), .l_len = number_of(w[3])};
    if (!said_error(fcntl(fd_of(w[0]), F_OFD_SETLK, &l)))
        say("0");
}

static void do_test_lock(char **w)
{
    struct flock l = {
        .l_type = (short)number_of(w[1]), .l_start = number_of(w[2]), .l_len = number_of(w[3])};
    if (said_error(fcntl(fd_of(w[0]), F_GETLK, &l)))
        return;
    if (l.l_type == F_UNLCK)
        say("free");
    else
        say("%s %ld %ld", l.l_type == F_RDLCK ? "read" : "write", (long)l.l_start, (long)l.l_len);
}

static void do_dupfd(char **w)
{
    long fd = syscall(SYS_fcntl, fd_of(w[1]), F_DUPFD, number_of(w[2]));
    take(slot_of(w[0]), (int)fd);
    if (!said_error(fd))
        say("%s", fd >= number_of(w[2]) ? "0" : "too low");
}

/* The flags of an open file that open(2) sets. */
static void do_flags(char **w)
{
    long n = syscall(SYS_fcntl, fd_of(w[0]), F_GETFL, 0);
    if (!said_error(n))
        say("%#lo", n & ~0100000l);
}

static void do_statfs(char **w)
{
    struct statfs s;
    if (!said_error(syscall(SYS_statfs, path_of(w, 0), &s)))
        say("%ld", s.f_namelen);
}

static void do_fstatfs(char **w)
{
    struct statfs s;
    if (!said_error(syscall(SYS_fstatfs, fd_of(w[0]), &s)))
        say("%ld", s.f_namelen);
}

/* Read and write a file by a mapping. */
static void do_mapped(char **w)
{
    int prot = (int)number_of(w[1]), flags = (int)number_of(w[2]);
    void *p = mmap(NULL, (size_t)number_of(w[3]), prot, flags, fd_of(w[0]), number_of(w[4]));
    if (said_error(p == MAP_FAILED ? -1 : 0))
        return;
    munmap(p, (size_t)number_of(w[3]));
    say("0");
}

static void do_offsets(char **w)
{
    (void)w;
    say("%ld %ld", (long)offsets[0], (long)offsets[1]);
}

static const struct {
    const char *name;
    void (*ask)(char **words);
} questions[] = {
    {"stat", do_stat},
    {"lstat", do_lstat},
    {"fstat", do_fstat},
    {"statat", do_statat},
    {"statx", do_statx},
    {"same", do_same},
    {"mark", do_mark},
    {"changed", do_changed},
    {"read", do_read},
    {"pread", do_pread},
    {"preadv2", do_preadv2},
    {"readlink", do_readlink},
    {"readlinkat", do_readlinkat},
    {"contents", do_contents},
    {"getxattr", do_getxattr},
    {"lgetxattr", do_lgetxattr},
    {"fgetxattr", do_fgetxattr},
    {"listxattr", do_listxattr},
    {"setacl", do_setacl},
    {"fsetacl", do_fsetacl},
    {"getacl", do_getacl},
    {"rmacl", do_rmacl},
    {"bind", do_bind},
    {"ls", do_ls},
    {"dents", do_dents},
    {"getcwd", do_getcwd},
    {"umask", do_umask},
    {"lock", do_lock},
    {"file_lock", do_file_lock},
    {"test_lock", do_test_lock},
    {"dupfd", do_dupfd},
    {"flags", do_flags},
    {"statfs", do_statfs},
    {"fstatfs", do_fstatfs},
    {"mmap", do_mapped},
    {"offsets", do_offsets},
};

/* ---- Lines ---- */

/* UID:GID[,GROUP...]: all of the ids but the saved ones, with which root comes back. */
static void become(const char *who)
{
    gid_t groups[16];
    char *end;
    int count = 0;
    CHECK(setresuid(0, 0, 0) == 0);
    uid_t uid = (uid_t)strtoul(who, &end, 10);
    gid_t gid = (gid_t)strtoul(end + 1, &end, 10);
    while (*end == ',')
        groups[count++] = (gid_t)strtoul(end + 1, &end, 10);
    CHECK(setgroups((size_t)count, groups) == 0);
    CHECK(setresgid(gid, gid, 0) == 0 && setresuid(uid, uid, 0) == 0);
}

static void call(char **words)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(questions[i].name, words[0]) == 0) {
            questions[i].ask(words + 1);
            return;
        }
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, words[0]) == 0) {
            plain(&calls[i], words + 1);
            return;
        }
    }
    broken("no such call", words[0]);
}

static void call_in_child(char **words)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        call(words);
        _exit(write(ends[1], result, strlen(result)) < 0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], result, sizeof result - 1);
    result[n > 0 ? n : 0] = 0;
    close(ends[0]);
    CHECK(waitpid(pid, NULL, 0) == pid);
}

static void check(char *line)
{
    char shown[8192], *words[WORDS + 4] = {0}, *rest = line, *word;
    int count = 0;
    snprintf(shown, sizeof shown, "%s", line);
    char *expected = strstr(line, " = ");
    if (expected) {
        *expected = 0;
        expected += 3;
    } else {
        expected = (char *)"0";
    }
    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word && count < WORDS)
            words[count++] = word;
    }
    if (strcmp(words[0], "root") == 0) {
        is_over |= !is_root && !words[1];
        if (!is_root || !words[1])
            return;
        memmove(words, words + 1, sizeof words - sizeof *words);
    }
    if (strcmp(words[0], "as") == 0) {
        become(words[1]);
        printf("%s\n", shown);
        return;
    }
    *result = 0;
    errno = 0;
    if (strcmp(words[0], "child") == 0)
        call_in_child(words + 1);
    else
        call(words);
    int good = strcmp(result, expected) == 0;
    guest_failures += !good;
    printf("%d %.300s%s%s\n", ++number, shown, good ? "" : ": ", good ? "" : result);
}

/* One line for each of the alternatives in braces. */
static void expand(const char *line)
{
    const char *open = strchr(line, '{'), *close = open ? strchr(open, '}') : NULL;
    char one[8192];
    if (!close) {
        snprintf(one, sizeof one, "%s", line);
        check(one);
        return;
    }
    for (const char *p = open + 1; p <= close;) {
        size_t size = strcspn(p, ",}");
        snprintf(one, sizeof one, "%.*s%.*s%s", (int)(open - line), line, (int)size, p, close + 1);
        expand(one);
        p += size + 1;
    }
}

int main(int argc, char **argv)
{
    char line[8192];
    setvbuf(stdout, NULL, _IOLBF, 0);
    umask(022);
    CHECK(become_docker_root());
    CHECK(chmod(".", 0755) == 0); /* which mkdtemp(3) made natively */
    CHECK(mkdir("fs-script", 0755) == 0 && chdir("fs-script") == 0);
    CHECK(getcwd(start, sizeof start) != NULL);
    for (size_t i = 0; i < 26; i++)
        fds[i] = CLOSED;
    if (argc > 1) {
        CHECK(chmod(".", 0777) == 0);
        become(argv[1]);
        is_root = 0;
    }
    for (const char *p = script_begin; p < script_end && !is_over; p++) {
        size_t size = strcspn(p, "\n");
        snprintf(line, sizeof line, "%.*s", (int)size, p);
        char *end = line + strlen(line);
        char *comment = strstr(line, " #");
        if (comment)
            end = comment;
        while (end > line && end[-1] == ' ')
            end--;
        *end = 0;
        if (*line && *line != '#')
            expand(line);
        p += size;
    }
    become("0:0");
    printf("%d checks\n", number);
    return guest_result();
}
