/* SPDX-License-Identifier: MIT */
/*
 * The pages of a library: what a loader has mapped of it behaves as a private mapping of its file
 * does, also when it is written to, forked, dropped, mapped over, moved and loaded again.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef LIBRARY
#define LIBRARY "/usr/lib/libdata.so"
#endif
#define SIZE 65536
#define PAGE 4096

static unsigned char *filled, *empty;
static const unsigned char *constant;
static long (*sum)(void);
static void *library;

static void load(void)
{
    library = dlopen(LIBRARY, RTLD_NOW);
    if (!library) {
        puts("it cannot be loaded");
        exit(1);
    }
    filled = dlsym(library, "data_filled");
    empty = dlsym(library, "data_empty");
    constant = dlsym(library, "data_constant");
    sum = (long (*)(void))(uintptr_t)dlsym(library, "data_sum");
}

/* What a child sees, and that what it does there is its own. */
static void in_child(const char *what)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        printf("%s: child %ld %d %d\n", what, sum(), filled[SIZE - 1], empty[100]);
        memset(filled, 1, SIZE);
        memset(empty, 2, SIZE);
        printf("%s: changed %ld\n", what, sum());
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    printf("%s: parent %ld, status %d\n", what, sum(), status);
}

/* A file that is mapped to be read is the file. */
static void read_mapped(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY), same = 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    unsigned char *bytes = malloc((size_t)st.st_size);
    unsigned char *mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped != MAP_FAILED && read(fd, bytes, (size_t)st.st_size) == st.st_size)
        same = memcmp(mapped, bytes, (size_t)st.st_size) == 0;
    printf("%s: %s\n", path, same ? "mapped as it is" : "not as it is");
    munmap(mapped, (size_t)st.st_size);
    free(bytes);
    close(fd);
}

int main(void)
{
    load();
    in_child("as loaded");
    memset(filled, 0, SIZE); /* pages of zeros where the file has others */
    in_child("zeroed");
    memset(filled, 3, SIZE / 2);
    memset(empty, 4, SIZE / 2);
    in_child("written");
    printf("dropped: %d\n", madvise(filled, SIZE, MADV_DONTNEED));
    printf("dropped: %ld\n", sum());
    in_child("dropped");

    unsigned char *text = (unsigned char *)((uintptr_t)sum & ~(uintptr_t)(PAGE - 1));
    printf("text writable: %d", mprotect(text, PAGE, PROT_READ | PROT_WRITE));
    printf(", code again: %d", mprotect(text, PAGE, PROT_READ | PROT_EXEC));
    printf(", %ld\n", sum());
    unsigned char *table =
        (unsigned char *)(((uintptr_t)constant + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    printf("constants writable: %d\n", mprotect(table, 2 * PAGE, PROT_READ | PROT_WRITE));
    memset(table, 5, PAGE);
    in_child("constants");
    printf("constants: %d %d\n", table[0], table[PAGE]);

    void *over = mmap(filled, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("mapped over: %d, %ld\n", over == filled, sum());
    in_child("mapped over");
    printf("unmapped: %d\n", munmap(filled + 4 * PAGE, PAGE));
    over = mmap(filled + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    printf("mapped again: %d, %d\n", over == filled + 4 * PAGE, filled[4 * PAGE]);
    unsigned char *moved = mremap(empty + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, over);
    printf("moved: %d, %d\n", moved == over, filled[4 * PAGE]);
    over = mmap(empty + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0);
    in_child("in pieces");

    printf("unloaded: %d\n", dlclose(library));
    load();
    in_child("loaded again");
    read_mapped(LIBRARY);
    read_mapped("/bin/cat");
    return 0;
}
