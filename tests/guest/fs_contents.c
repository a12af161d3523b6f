/* SPDX-License-Identifier: MIT */
/*
 * Random reads, writes, truncations, holes and mappings of one file, against a model in memory.
 *
 *     fs_contents [SEED] [KIND]
 *     fs_contents fill
 *
 * Each epoch has its file, whose contents are known at first.  KIND: "image", the first ones are of
 * an image, made by `fill`.
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "guest.h"

#define OPERATIONS 1000 /* of an epoch */
#define FILLED 20       /* files in an image */
#define FILE_MAX (256 << 10)
#define PAGE 4096

static uint64_t state;
static int in_image, epoch, operation;
static const char *doing;
static unsigned char model[FILE_MAX + PAGE], buffer[FILE_MAX + PAGE];
static size_t size;           /* of the file; the model is zero behind it */
static int fds[2];            /* open twice */
static unsigned char *shared; /* all of the file and more, or NULL */

static uint32_t dice(uint32_t sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % sides;
}

static int is(int condition, const char *what, size_t at, size_t count)
{
    if (!condition) {
        guest_failures++;
        printf("epoch %d, operation %d: %s: %s at %zu, %zu bytes (size %zu, errno %d)\n", epoch,
               operation, doing, what, at, count, size, errno);
    }
    return condition;
}

static int fd(void)
{
    return fds[dice(2)];
}

static size_t random_offset(size_t limit)
{
    if (!limit)
        return 0;
    size_t at = dice((uint32_t)limit);
    return dice(4) ? at : at / PAGE * PAGE;
}

static size_t random_count(size_t limit)
{
    size_t count = dice(3) ? dice(2 * PAGE) : dice(64 << 10);
    return count < limit ? count : limit;
}

static void random_bytes(unsigned char *to, size_t count)
{
    memset(to, (int)dice(256), count);
    for (size_t i = 0; i < count; i += 1 + dice(300))
        to[i] = (unsigned char)dice(256);
}

static void grow(size_t to)
{
    if (to > size)
        size = to;
}

/* ---- Operations ---- */

static void do_read(void)
{
    size_t at = random_offset(FILE_MAX), count = random_count(FILE_MAX - at);
    size_t there = at < size ? size - at : 0;
    ssize_t n;
    if (dice(2)) {
        doing = "pread";
        n = pread(fd(), buffer, count, (off_t)at);
    } else {
        struct iovec parts[2] = {{buffer, count / 3}, {buffer + count / 3, count - count / 3}};
        int from = fd();
        doing = "readv";
        is(lseek(from, (off_t)at, SEEK_SET) == (off_t)at, "lseek", at, count);
        n = readv(from, parts, 2);
    }
    if (there > count)
        there = count;
    is(n == (ssize_t)there, "length", at, count);
    is(memcmp(buffer, model + at, there) == 0, "contents", at, there);
}

static void do_write(void)
{
    size_t at = random_offset(FILE_MAX), count = random_count(FILE_MAX - at);
    random_bytes(buffer, count);
    ssize_t n;
    if (dice(2)) {
        doing = "pwrite";
        n = pwrite(fd(), buffer, count, (off_t)at);
    } else {
        struct iovec parts[2] = {{buffer, count / 3}, {buffer + count / 3, count - count / 3}};
        int to = fd();
        doing = "writev";
        is(lseek(to, (off_t)at, SEEK_SET) == (off_t)at, "lseek", at, count);
        n = writev(to, parts, 2);
    }
    is(n == (ssize_t)count, "length", at, count);
    memcpy(model + at, buffer, count);
    if (count)
        grow(at + count);
}

static void do_append(void)
{
    char name[32];
    size_t count = random_count(FILE_MAX - size);
    snprintf(name, sizeof name, "f%d", epoch);
    random_bytes(buffer, count);
    doing = "append";
    int to = open(name, O_WRONLY | O_APPEND);
    is(to >= 0 && write(to, buffer, count) == (ssize_t)count, "write", size, count);
    close(to);
    memcpy(model + size, buffer, count);
    size += count;
}

static void do_truncate(void)
{
    size_t to = dice(3) ? random_offset(FILE_MAX) : random_offset(size);
    doing = "ftruncate";
    is(ftruncate(fd(), (off_t)to) == 0, "result", to, 0);
    if (to < size)
        memset(model + to, 0, size - to);
    size = to;
}

static void do_punch(void)
{
    size_t at = random_offset(FILE_MAX), count = 1 + random_count(FILE_MAX - at);
    doing = "punch";
    is(fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)count) == 0,
       "result", at, count);
    memset(model + at, 0, at + count > FILE_MAX ? FILE_MAX - at : count);
}

static void do_allocate(void)
{
    size_t at = random_offset(FILE_MAX - 1), count = 1 + random_count(FILE_MAX - at - 1);
    int keeps = (int)dice(2);
    doing = "fallocate";
    is(fallocate(fd(), keeps, (off_t)at, (off_t)count) == 0, "result", at, count);
    if (!keeps)
        grow(at + count);
}

static void do_copy(void)
{
    size_t from = random_offset(FILE_MAX), to = random_offset(FILE_MAX);
    size_t count = random_count(FILE_MAX - (from > to ? from : to));
    if (from < to + count && to < from + count)
        return;
    size_t there = from < size ? size - from : 0;
    if (there > count)
        there = count;
    off_t a = (off_t)from, b = (off_t)to;
    doing = "copy_file_range";
    is(copy_file_range(fds[0], &a, fds[1], &b, count, 0) == (ssize_t)there, "length", from, count);
    is(a == (off_t)(from + there) && b == (off_t)(to + there), "offsets", to, there);
    memmove(model + to, model + from, there);
    if (there)
        grow(to + there);
}

static void do_seek(void)
{
    size_t at = random_offset(size), data, hole;
    if (!size)
        return;
    int where = fd();
    doing = "SEEK_DATA";
    data = (size_t)lseek(where, (off_t)at, SEEK_DATA);
    if (data == (size_t)-1)
        data = is(errno == ENXIO, "error", at, 0) ? size : at;
    is(data >= at && data <= size, "result", at, data);
    for (size_t i = at; i < data; i++) { /* what lies before is zero */
        if (model[i]) {
            is(0, "data in a hole", i, data);
            break;
        }
    }
    hole = (size_t)lseek(where, (off_t)at, SEEK_HOLE);
    is(hole >= at && hole <= size, "hole", at, hole);
}

static void do_stat(void)
{
    struct stat st = {0};
    doing = "fstat";
    is(fstat(fd(), &st) == 0 && st.st_size == (off_t)size, "size", (size_t)st.st_size, 0);
}

/* A part of the file that can be mapped: its pages, and the bytes of them that are the file's. */
static int choose_pages(size_t *at, size_t *count)
{
    if (!size)
        return 0;
    *at = random_offset(size) / PAGE * PAGE;
    *count = 1 + random_count(size - *at - 1);
    return 1;
}

static void do_map_read(void)
{
    size_t at, count;
    int flags = dice(2) ? MAP_SHARED : MAP_PRIVATE;
    if (!choose_pages(&at, &count))
        return;
    doing = flags == MAP_SHARED ? "shared, read" : "private, read";
    unsigned char *p = mmap(NULL, count, PROT_READ, flags, fd(), (off_t)at);
    if (!is(p != MAP_FAILED, "mmap", at, count))
        return;
    is(memcmp(p, model + at, count) == 0, "contents", at, count);
    /* Of the last page, what lies behind the end is zero. */
    size_t end = (count + PAGE - 1) / PAGE * PAGE;
    if (at + count == size && flags == MAP_PRIVATE) {
        int zero = 1;
        for (size_t i = count; i < end; i++)
            zero &= p[i] == 0;
        is(zero, "zeros behind the end", at, count);
    }
    munmap(p, count);
}

static void do_map_write(void)
{
    size_t at, count, first;
    if (!choose_pages(&at, &count))
        return;
    doing = "shared, write";
    unsigned char *p = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), (off_t)at);
    first = random_offset(count);
    random_bytes(buffer, count - first);
    memcpy(model + at + first, buffer, count - first);
    if (!is(p != MAP_FAILED, "mmap", at, count))
        return;
    memcpy(p + first, buffer, count - first);
    if (dice(2))
        is(msync(p, count, MS_SYNC) == 0, "msync", at, count);
    munmap(p, count);
}

static void do_map_private(void)
{
    size_t at, count;
    if (!choose_pages(&at, &count))
        return;
    doing = "private, write";
    unsigned char *p = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd(), (off_t)at);
    if (!is(p != MAP_FAILED, "mmap", at, count))
        return;
    size_t first = random_offset(count);
    random_bytes(p + first, count - first);
    is(memcmp(p, model + at, first) == 0, "contents", at, first);
    is(pread(fd(), buffer, count, (off_t)at) == (ssize_t)count, "pread", at, count);
    is(memcmp(buffer, model + at, count) == 0, "contents after", at, count);
    munmap(p, count);
}

/* The mapping that stays shows what the file is, and the other way round. */
static void do_shared(void)
{
    doing = "shared, kept";
    if (!shared) {
        shared = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
        if (!is(shared != MAP_FAILED, "mmap", 0, FILE_MAX))
            shared = NULL;
    }
    if (!shared || !size)
        return;
    is(memcmp(shared, model, size) == 0, "contents", 0, size);
    size_t at = random_offset(size), count = random_count(size - at);
    random_bytes(model + at, count);
    memcpy(shared + at, model + at, count);
    if (dice(20) == 0) {
        munmap(shared, FILE_MAX);
        shared = NULL;
    }
}

static void do_reopen(void)
{
    char name[32];
    int n = (int)dice(2);
    snprintf(name, sizeof name, "f%d", epoch);
    doing = "open";
    close(fds[n]);
    fds[n] = open(name, O_RDWR);
    is(fds[n] >= 0, "result", 0, 0);
}

static void do_sync(void)
{
    doing = "fsync";
    is(fsync(fd()) == 0, "result", 0, 0);
}

/* What another process writes. */
static void do_child(void)
{
    if (!size)
        return;
    size_t at = random_offset(size), count = random_count(size - at);
    int mapped = shared != NULL && dice(2);
    doing = mapped ? "a child's shared memory" : "a child's pwrite";
    random_bytes(model + at, count);
    pid_t pid = fork();
    if (pid == 0) {
        if (mapped)
            memcpy(shared + at, model + at, count);
        else if (pwrite(fds[0], model + at, count, (off_t)at) != (ssize_t)count)
            _exit(1);
        _exit(0);
    }
    int status = -1;
    is(waitpid(pid, &status, 0) == pid && status == 0, "status", at, count);
    is(pread(fds[1], buffer, size, 0) == (ssize_t)size, "pread", 0, size);
    is(memcmp(buffer, model, size) == 0, "contents", at, count);
}

static const struct {
    uint32_t weight;
    void (*run)(void);
} operations[] = {
    {20, do_read},      {20, do_write},      {4, do_append}, {8, do_truncate}, {8, do_punch},
    {4, do_allocate},   {6, do_copy},        {4, do_seek},   {4, do_stat},     {10, do_map_read},
    {10, do_map_write}, {8, do_map_private}, {8, do_shared}, {3, do_reopen},   {1, do_sync},
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

/* What a file has at first, in the model, too. */
static void fill_model(void)
{
    state = (uint64_t)epoch;
    memset(model, 0, sizeof model);
    size = dice(FILE_MAX);
    random_bytes(model, size);
}

static void fill(void)
{
    char name[32];
    snprintf(name, sizeof name, "f%d", epoch);
    fill_model();
    int to = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
    CHECK(to >= 0 && write(to, model, size) == (ssize_t)size && close(to) == 0);
}

static void run_epoch(uint64_t seed)
{
    char name[32];
    if (in_image && epoch < FILLED)
        fill_model();
    else
        fill();
    state = seed * 1000003u + (uint64_t)epoch;
    snprintf(name, sizeof name, "f%d", epoch);
    for (int i = 0; i < 2; i++)
        CHECK((fds[i] = open(name, O_RDWR)) >= 0);
    for (operation = 0; operation < OPERATIONS && guest_failures < 10; operation++) {
        operate();
        if (operation % 250 == 249)
            do_child();
    }
    doing = "the end";
    is(pread(fds[0], buffer, sizeof buffer, 0) == (ssize_t)size, "length", 0, size);
    is(memcmp(buffer, model, size) == 0, "contents", 0, size);
    if (shared)
        munmap(shared, FILE_MAX);
    shared = NULL;
    close(fds[0]);
    close(fds[1]);
    CHECK(unlink(name) == 0);
}

int main(int argc, char **argv)
{
    int epochs = (int)(guest_count(20000, 1000000) / OPERATIONS);
    umask(0);
    if (argc > 1 && strcmp(argv[1], "fill") == 0) {
        for (; epoch < FILLED; epoch++)
            fill();
        return guest_result();
    }
    in_image = argc > 2 && strcmp(argv[2], "image") == 0;
    for (; epoch < epochs && guest_failures < 10; epoch++)
        run_epoch(argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
    return guest_result();
}
