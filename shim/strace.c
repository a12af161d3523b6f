/* SPDX-License-Identifier: MIT */
/* Formatting system calls. */

#include "shim/strace.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/futex.h"
#include "lx/mman.h"
#include "lx/sched.h"
#include "lx/signal.h"
#include "lx/time.h"
#include "lx/types.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define STRING_SHOWN 48u /* bytes of a string or buffer */
#define LINE_SIZE 768u
#define RESTART_FIRST 512
#define RESTART_LAST 516

struct text {
    char *at, *end;
};

static void put(struct text *t, const char *s)
{
    while (*s && t->at < t->end)
        *t->at++ = *s++;
}

static void put_char(struct text *t, char c)
{
    if (t->at < t->end)
        *t->at++ = c;
}

static void put_digits(struct text *t, uint64_t value, uint32_t base)
{
    char digits[24];
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (count)
        put_char(t, digits[--count]);
}

static void put_signed(struct text *t, int64_t value)
{
    if (value < 0)
        put_char(t, '-');
    put_digits(t, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

static void put_hex(struct text *t, uint64_t value)
{
    put(t, "0x");
    put_digits(t, value, 16);
}

struct name {
    uint64_t value;
    const char *text;
};
/* clang-format off */
#define N(x) {LX_##x, #x}
/* clang-format on */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct name open_flags[] = {
    N(O_CREAT),     N(O_EXCL),     N(O_NOCTTY),  N(O_TRUNC),   N(O_APPEND),
    N(O_NONBLOCK),  N(O_SYNC),     N(O_DSYNC),   N(O_DIRECT),  N(O_TMPFILE),
    N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH),
};
static const struct name at_flags[] = {
    N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR),  N(AT_SYMLINK_FOLLOW),
    N(AT_NO_AUTOMOUNT),     N(AT_EMPTY_PATH),
};
static const struct name prots[] = {N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC)};
static const struct name map_flags[] = {
    N(MAP_SHARED),   N(MAP_PRIVATE),   N(MAP_FIXED),     N(MAP_ANONYMOUS),
    N(MAP_32BIT),    N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_NORESERVE),
    N(MAP_POPULATE), N(MAP_STACK),     N(MAP_HUGETLB),   N(MAP_FIXED_NOREPLACE),
};
static const struct name clone_flags[] = {
    N(CLONE_VM),           N(CLONE_FS),     N(CLONE_FILES),         N(CLONE_SIGHAND),
    N(CLONE_PIDFD),        N(CLONE_VFORK),  N(CLONE_PARENT),        N(CLONE_THREAD),
    N(CLONE_SYSVSEM),      N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID),
    N(CLONE_CHILD_SETTID), N(CLONE_NEWNS),  N(CLONE_NEWPID),        N(CLONE_NEWUSER),
    N(CLONE_NEWNET),
};
static const struct name futex_ops[] = {
    N(FUTEX_WAIT),           N(FUTEX_WAKE),        N(FUTEX_FD),          N(FUTEX_REQUEUE),
    N(FUTEX_CMP_REQUEUE),    N(FUTEX_WAKE_OP),     N(FUTEX_LOCK_PI),     N(FUTEX_UNLOCK_PI),
    N(FUTEX_TRYLOCK_PI),     N(FUTEX_WAIT_BITSET), N(FUTEX_WAKE_BITSET), N(FUTEX_WAIT_REQUEUE_PI),
    N(FUTEX_CMP_REQUEUE_PI), N(FUTEX_LOCK_PI2),
};
static const struct name futex_flags[] = {N(FUTEX_PRIVATE_FLAG), N(FUTEX_CLOCK_REALTIME)};
static const struct name signals[] = {
    N(SIGHUP),  N(SIGINT),    N(SIGQUIT), N(SIGILL),  N(SIGTRAP),   N(SIGABRT), N(SIGBUS),
    N(SIGFPE),  N(SIGKILL),   N(SIGUSR1), N(SIGSEGV), N(SIGUSR2),   N(SIGPIPE), N(SIGALRM),
    N(SIGTERM), N(SIGSTKFLT), N(SIGCHLD), N(SIGCONT), N(SIGSTOP),   N(SIGTSTP), N(SIGTTIN),
    N(SIGTTOU), N(SIGURG),    N(SIGXCPU), N(SIGXFSZ), N(SIGVTALRM), N(SIGPROF), N(SIGWINCH),
    N(SIGIO),   N(SIGPWR),    N(SIGSYS),
};
static const struct name clocks[] = {
    N(CLOCK_REALTIME),          N(CLOCK_MONOTONIC),     N(CLOCK_PROCESS_CPUTIME_ID),
    N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE),
    N(CLOCK_MONOTONIC_COARSE),  N(CLOCK_BOOTTIME),
};
static const struct name whences[] = {
    N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE),
};

static const struct name errors[] = {
#define X(error, text) {LX_##error, #error},
#include "core/errors.def"
#undef X
};
static const char *const error_texts[] = {
#define X(error, text) text,
#include "core/errors.def"
#undef X
};

static const char *name_of(const struct name *names, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].value == value)
            return names[i].text;
    }
    return NULL;
}

static void put_name(struct text *t, const struct name *names, size_t count, int64_t value)
{
    const char *name = name_of(names, count, (uint64_t)value);
    if (name)
        put(t, name);
    else
        put_signed(t, value);
}

/* The names of all bits, what has none in hex; `none` if there are no bits. */
static void put_flags(struct text *t, const struct name *names, size_t count, uint64_t value,
                      const char *none)
{
    int first = 1;
    for (size_t i = 0; i < count; i++) {
        if ((value & names[i].value) != names[i].value)
            continue;
        if (!first)
            put_char(t, '|');
        put(t, names[i].text);
        value &= ~names[i].value;
        first = 0;
    }
    if (value) {
        if (!first)
            put_char(t, '|');
        put_hex(t, value);
    } else if (first) {
        put(t, none);
    }
}

static void put_escaped(struct text *t, uint8_t c)
{
    switch (c) {
    case '\n':
        put(t, "\\n");
        break;
    case '\t':
        put(t, "\\t");
        break;
    case '\r':
        put(t, "\\r");
        break;
    case '"':
        put(t, "\\\"");
        break;
    case '\\':
        put(t, "\\\\");
        break;
    default:
        if (c >= ' ' && c < 0x7f) {
            put_char(t, (char)c);
        } else {
            put_char(t, '\\');
            put_digits(t, c, 8);
        }
    }
}

/* Bytes in quotes; `terminated`: they end at a zero byte. */
static void put_bytes(struct text *t, uint64_t from, uint64_t size, int terminated,
                      shim_strace_read read)
{
    if (!from) {
        put(t, "NULL");
        return;
    }
    uint8_t byte;
    if (size && read(&byte, from, 1) < 0) {
        put_hex(t, from);
        return;
    }
    put_char(t, '"');
    uint64_t i = 0;
    for (; i < size && i < STRING_SHOWN; i++) {
        if (read(&byte, from + i, 1) < 0 || (terminated && !byte)) {
            i = size;
            break;
        }
        put_escaped(t, byte);
    }
    put_char(t, '"');
    if (i < size)
        put(t, "...");
}

static void put_timespec(struct text *t, uint64_t from, shim_strace_read read)
{
    struct lx_timespec ts;
    if (!from) {
        put(t, "NULL");
    } else if (read(&ts, from, sizeof ts) < 0) {
        put_hex(t, from);
    } else {
        put(t, "{tv_sec=");
        put_signed(t, ts.tv_sec);
        put(t, ", tv_nsec=");
        put_signed(t, ts.tv_nsec);
        put_char(t, '}');
    }
}

static void put_open_flags(struct text *t, uint64_t flags)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    put(t, modes[flags & LX_O_ACCMODE]);
    if (flags & ~(uint64_t)LX_O_ACCMODE) {
        put_char(t, '|');
        put_flags(t, open_flags, COUNT(open_flags), flags & ~(uint64_t)LX_O_ACCMODE, "");
    }
}

static void put_futex_op(struct text *t, uint64_t op)
{
    put_name(t, futex_ops, COUNT(futex_ops), (int64_t)(op & LX_FUTEX_CMD_MASK));
    uint64_t flags = op & (LX_FUTEX_PRIVATE_FLAG | LX_FUTEX_CLOCK_REALTIME);
    if (flags) {
        put_char(t, '|');
        put_flags(t, futex_flags, COUNT(futex_flags), flags, "");
    }
}

static void put_argument(struct text *t, const struct shim_syscall_row *row, uint32_t i,
                         const uint64_t g[6], int64_t result, shim_strace_read read)
{
    uint64_t value = g[i];
    switch (row->classes[i]) {
    case SHIM_CLASS_DIRFD:
        if ((int32_t)value == LX_AT_FDCWD)
            put(t, "AT_FDCWD");
        else
            put_signed(t, (int32_t)value);
        break;
    case SHIM_CLASS_FD:
    case SHIM_CLASS_I32:
        put_signed(t, (int32_t)value);
        break;
    case SHIM_CLASS_U32:
        put_digits(t, (uint32_t)value, 10);
        break;
    case SHIM_CLASS_HEX:
        put_hex(t, (uint32_t)value);
        break;
    case SHIM_CLASS_MODE:
    case SHIM_CLASS_OCT:
        put_char(t, '0');
        if ((uint32_t)value)
            put_digits(t, (uint32_t)value, 8);
        break;
    case SHIM_CLASS_I64:
    case SHIM_CLASS_OFF:
        put_signed(t, (int64_t)value);
        break;
    case SHIM_CLASS_U64:
    case SHIM_CLASS_SIZE:
        put_digits(t, value, 10);
        break;
    case SHIM_CLASS_PATH:
    case SHIM_CLASS_STR:
        put_bytes(t, value, LX_PATH_MAX, 1, read);
        break;
    case SHIM_CLASS_BUFIN:
        put_bytes(t, value, i + 1 < 6 ? g[i + 1] : 0, 0, read);
        break;
    case SHIM_CLASS_BUFOUT:
        if (result < 0)
            put_hex(t, value);
        else
            put_bytes(t, value, (uint64_t)result, 0, read);
        break;
    case SHIM_CLASS_TIMESPEC:
        put_timespec(t, value, read);
        break;
    case SHIM_CLASS_OFLAGS:
        put_open_flags(t, (uint32_t)value);
        break;
    case SHIM_CLASS_ATFLAGS:
        put_flags(t, at_flags, COUNT(at_flags), (uint32_t)value, "0");
        break;
    case SHIM_CLASS_PROT:
        put_flags(t, prots, COUNT(prots), (uint32_t)value, "PROT_NONE");
        break;
    case SHIM_CLASS_MAPFLAGS:
        put_flags(t, map_flags, COUNT(map_flags), (uint32_t)value, "0");
        break;
    case SHIM_CLASS_CLONEFLAGS:
        put_flags(t, clone_flags, COUNT(clone_flags), value, "0");
        break;
    case SHIM_CLASS_FUTEXOP:
        put_futex_op(t, (uint32_t)value);
        break;
    case SHIM_CLASS_SIG:
        put_name(t, signals, COUNT(signals), (int32_t)value);
        break;
    case SHIM_CLASS_CLOCKID:
        put_name(t, clocks, COUNT(clocks), (int32_t)value);
        break;
    case SHIM_CLASS_WHENCE:
        put_name(t, whences, COUNT(whences), (int32_t)value);
        break;
    default:
        if (value)
            put_hex(t, value);
        else
            put(t, "NULL");
        break;
    }
}

static void put_result(struct text *t, const struct shim_syscall_row *row, int64_t result)
{
    if (result <= -RESTART_FIRST && result >= -RESTART_LAST) {
        put(t, "? (to be restarted)");
    } else if (result < 0 && result >= -4095) {
        put(t, "-1 ");
        for (size_t i = 0; i < COUNT(errors); i++) {
            if (errors[i].value != (uint64_t)-result)
                continue;
            put(t, errors[i].text);
            put(t, " (");
            put(t, error_texts[i]);
            put_char(t, ')');
            return;
        }
        put_signed(t, -result);
    } else if (row->result == SHIM_CLASS_NONE) {
        put_char(t, '?');
    } else if (row->result == SHIM_CLASS_ADDR) {
        put_hex(t, (uint64_t)result);
    } else if (row->result == SHIM_CLASS_OCT) {
        put_char(t, '0');
        put_digits(t, (uint64_t)result, 8);
    } else {
        put_signed(t, result);
    }
}

size_t shim_strace_format(char *to, size_t size, uint32_t nr, const uint64_t g[6], int64_t result,
                          shim_strace_read read)
{
    const struct shim_syscall_row *row = shim_syscall_row(nr);
    struct text t = {to, to + size - 1};
    if (row->name) {
        put(&t, row->name);
    } else {
        put(&t, "syscall_");
        put_digits(&t, nr, 10);
    }
    put_char(&t, '(');
    for (uint32_t i = 0; i < row->count; i++) {
        if (i)
            put(&t, ", ");
        put_argument(&t, row, i, g, result, read);
    }
    put(&t, ") = ");
    put_result(&t, row, result);
    *t.at = 0;
    return (size_t)(t.at - to);
}

static int read_guest(void *to, uint64_t from, uint64_t size)
{
    return shim_copy_in(to, from, size);
}

void shim_strace_call(struct shim_task *t, uint32_t nr, const uint64_t g[6], int64_t result)
{
    char line[LINE_SIZE];
    size_t length = core_str_copy(line, sizeof line, "[");
    length += core_str_u64(line + length, (uint64_t)t->tid);
    length += core_str_copy(line + length, sizeof line - length, "] ");
    length +=
        shim_strace_format(line + length, sizeof line - length - 1, nr, g, result, read_guest);
    line[length++] = '\n';
    int64_t n = plat_stream_write(2, line, length);
    (void)n; /* a closed stderr stops nothing */
}
