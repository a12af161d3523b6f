/* SPDX-License-Identifier: MIT */
/* mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), brk(2), mincore(2). */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

#define PAGE 4096ul

/* The lowest page of a mapping of so many, or NULL. */
static char *map(unsigned long pages, int protection)
{
    char *p = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p == MAP_FAILED ? NULL : p;
}

/* Is the page mapped?  Asks the kernel: a write(2) from it to a pipe. */
static int readable(const char *p)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    int ok = write(fds[1], p, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return ok;
}

static void maps(void)
{
    char *p = map(8, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < 8 * PAGE; i += 512)
        CHECK(p[i] == 0);
    memset(p, 0x5a, 8 * PAGE);
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0); /* a hole */
    CHECK(munmap(p, PAGE) == 0);            /* the start */
    CHECK(munmap(p + 7 * PAGE, PAGE) == 0); /* the end */
    CHECK(!readable(p) && readable(p + PAGE) && !readable(p + 2 * PAGE));
    CHECK(readable(p + 6 * PAGE) && !readable(p + 7 * PAGE));
    CHECK(p[PAGE] == 0x5a && p[7 * PAGE - 1] == 0x5a);
    CHECK(munmap(p, 8 * PAGE) == 0); /* over holes is fine */
    CHECK(munmap(p, 8 * PAGE) == 0);
    CHECK_ERROR(munmap(p, 0), EINVAL);
    CHECK_ERROR(munmap(p + 1, PAGE), EINVAL);

    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    CHECK(mmap((void *)1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
              MAP_FAILED &&
          errno == EINVAL);

    /* A large reservation costs nothing. */
    p = mmap(NULL, 1ul << 34, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(mprotect(p + (1ul << 33), 4 * PAGE, PROT_READ | PROT_WRITE) == 0);
    p[1ul << 33] = 1;
    CHECK(munmap(p, 1ul << 34) == 0);
}

static void fixed(void)
{
    char *p = map(4, PROT_READ | PROT_WRITE);
    memset(p, 1, 4 * PAGE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    CHECK(mmap(p + PAGE, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0) == p + PAGE);
    CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 1);
    CHECK(mmap(p, PAGE, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK(errno == EEXIST);
    CHECK(munmap(p + 3 * PAGE, PAGE) == 0);
    CHECK(mmap(p + 3 * PAGE, PAGE, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == p + 3 * PAGE);
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
    char *hinted = mmap(p + 2 * PAGE, PAGE, PROT_READ, flags, -1, 0); /* free: the hint is taken */
    CHECK(hinted == p + 2 * PAGE);
    hinted = mmap(p, PAGE, PROT_READ, flags, -1, 0); /* not free: elsewhere */
    CHECK(hinted != MAP_FAILED && hinted != p);
    munmap(hinted, PAGE);
    munmap(p, 4 * PAGE);
}

static void protections(void)
{
    char *p = map(4, PROT_READ | PROT_WRITE);
    memset(p, 2, 4 * PAGE);
    CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
    CHECK(readable(p) && !readable(p + PAGE) && readable(p + 2 * PAGE));
    CHECK(mprotect(p, 4 * PAGE, PROT_READ) == 0);
    CHECK(p[PAGE] == 2);
    CHECK(mprotect(p, 0, PROT_READ) == 0);
    CHECK_ERROR(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
    CHECK_ERROR(mprotect(p, PAGE, 0x4000), EINVAL);
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
    CHECK_ERROR(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE), ENOMEM); /* a hole */
    CHECK(munmap(p, 4 * PAGE) == 0);

    /* Code written at run time. */
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    p = map(1, PROT_READ | PROT_WRITE);
    memcpy(p, code, sizeof code);
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(((int (*)(void))p)() == 42);
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[1] = 43;
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(((int (*)(void))p)() == 43);
    munmap(p, PAGE);
}

static void remaps(void)
{
    char *p = map(4, PROT_READ | PROT_WRITE);
    strcpy(p, "begin");
    strcpy(p + 2 * PAGE, "third");
    CHECK(mremap(p, 4 * PAGE, 3 * PAGE, 0) == p); /* shrink */
    CHECK(!readable(p + 3 * PAGE));
    char *blocker = mmap(p + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(blocker == p + 3 * PAGE);
    CHECK(mremap(p, 3 * PAGE, 6 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
    char *q = mremap(p, 3 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q != p);
    CHECK(strcmp(q, "begin") == 0 && strcmp(q + 2 * PAGE, "third") == 0 && q[60 * PAGE] == 0);
    CHECK(!readable(p));
    q[60 * PAGE] = 1;

    char *place = map(64, PROT_READ);
    CHECK(mremap(q, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    CHECK(strcmp(place, "begin") == 0 && place[60 * PAGE] == 1 && !readable(q));
    CHECK(mremap(place, 64 * PAGE, 64 * PAGE, MREMAP_FIXED, q) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(place + 1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(place, PAGE, 0, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    memset(place, 'p', 64 * PAGE);
    q = mremap(place, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    CHECK(q != MAP_FAILED && q != place && q[0] == 'p' && q[64 * PAGE - 1] == 'p');
    CHECK(place[0] == 0 && place[64 * PAGE - 1] == 0);
    munmap(q, 64 * PAGE);
    munmap(place, 64 * PAGE);
    munmap(blocker, PAGE);
}

static void advice(void)
{
    char *p = map(4, PROT_READ | PROT_WRITE);
    unsigned char there[4];
    memset(p, 3, 4 * PAGE);
    CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
    CHECK(p[0] == 3 && p[PAGE] == 0 && p[2 * PAGE - 1] == 0 && p[2 * PAGE] == 3);
    CHECK(madvise(p, 4 * PAGE, MADV_WILLNEED) == 0);
    CHECK_ERROR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERROR(madvise(p, PAGE, 9999), EINVAL);
    CHECK(mincore(p, 4 * PAGE, there) == 0 && (there[0] & 1));
    CHECK_ERROR(mincore(p + 1, PAGE, there), EINVAL);
    CHECK(munmap(p + PAGE, PAGE) == 0); /* a hole is an error, but does not end it */
    CHECK_ERROR(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK(p[0] == 0 && p[2 * PAGE] == 0 && p[3 * PAGE] == 3);
    CHECK_ERROR(madvise(p, 3 * PAGE, MADV_WILLNEED), ENOMEM);
    CHECK(madvise(p, 0, MADV_WILLNEED) == 0);
    munmap(p, 4 * PAGE);
    CHECK_ERROR(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_ERROR(mincore(p, PAGE, there), ENOMEM);
    CHECK_ERROR(mincore(p, SIZE_MAX, there), ENOMEM);
}

static void breaks(void)
{
    /* malloc(3) uses brk too: no allocation in here. */
    unsigned long start = (unsigned long)syscall(SYS_brk, 0);
    unsigned long end = (start + PAGE - 1) / PAGE * PAGE + 16 * PAGE;
    CHECK((unsigned long)syscall(SYS_brk, end) == end);
    CHECK(*(char *)(end - 1) == 0);
    memset((char *)start, 4, end - start);
    CHECK((unsigned long)syscall(SYS_brk, end - 8 * PAGE) == end - 8 * PAGE);
    CHECK(!readable((char *)end - PAGE));
    CHECK((unsigned long)syscall(SYS_brk, end) == end);
    CHECK(*(char *)(end - 1) == 0); /* zeroed again */
    CHECK((unsigned long)syscall(SYS_brk, 1) == end);
    CHECK((unsigned long)syscall(SYS_brk, -1L) == end);
    CHECK((unsigned long)syscall(SYS_brk, start) == start);
}

static void files(void)
{
    char text[3 * PAGE];
    int fd = open("memory.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)(i / 7);
    CHECK(write(fd, text, sizeof text) == (long)sizeof text);
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
    CHECK(p != MAP_FAILED);
    CHECK(memcmp(p, text + PAGE, 2 * PAGE) == 0);
    memset(p, 9, PAGE); /* private: the file keeps its contents */
    CHECK(pread(fd, text, 1, PAGE) == 1 && text[0] == (char)(PAGE / 7));
    CHECK(munmap(p, 2 * PAGE) == 0);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1) == MAP_FAILED && errno == EINVAL);
    close(fd);
    fd = open("memory.tmp", O_WRONLY);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EACCES);
    close(fd);
    unlink("memory.tmp");
}

int main(void)
{
    maps();
    fixed();
    protections();
    remaps();
    advice();
    breaks();
    files();
    return guest_result();
}
