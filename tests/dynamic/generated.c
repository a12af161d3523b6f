/* SPDX-License-Identifier: MIT */
/*
 * Code that a program makes: written and then made executable, again and again in the same place,
 * in memory that is both, in two mappings of the same memory; with system calls and thread-local
 * accesses in it, and in a copy of a whole function.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 8192

typedef long (*function)(void);

static function as_function(void *code)
{
    function f;
    memcpy(&f, &code, sizeof f);
    return f;
}

/* mov $value, %eax; ret */
static void put_constant(unsigned char *code, uint32_t value)
{
    code[0] = 0xb8;
    memcpy(code + 1, &value, sizeof value);
    code[5] = 0xc3;
}

/* mov $number, %eax; syscall; ret */
static void put_call(unsigned char *code, uint32_t number)
{
    static const unsigned char call[] = {0x0f, 0x05, 0xc3};
    put_constant(code, number);
    memcpy(code + 5, call, sizeof call);
}

/* mov %fs:0, %rax; ret */
static void put_thread(unsigned char *code)
{
    static const unsigned char load[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3};
    memcpy(code, load, sizeof load);
}

static void *thread_pointer(void)
{
    void *tp;
    __asm__("movq %%fs:0, %0" : "=r"(tp));
    return tp;
}

static unsigned char *map(int prot)
{
    unsigned char *code = mmap(NULL, SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? NULL : code;
}

static void write_then_run(void)
{
    unsigned char *code = map(PROT_READ | PROT_WRITE);
    int good = 0;
    for (uint32_t i = 0; i < 50; i++) {
        put_constant(code + 64, i);
        put_call(code + 128, SYS_getpid);
        put_thread(code + 192);
        if (mprotect(code, SIZE, PROT_READ | PROT_EXEC) < 0)
            break;
        good += as_function(code + 64)() == i && as_function(code + 128)() == getpid() &&
                (void *)as_function(code + 192)() == thread_pointer();
        if (mprotect(code, SIZE, PROT_READ | PROT_WRITE) < 0)
            break;
        memset(code, 0xcc, SIZE);
    }
    printf("written, then run: %d\n", good);
    munmap(code, SIZE);
}

static void write_and_run(void)
{
    unsigned char *code = map(PROT_READ | PROT_WRITE | PROT_EXEC);
    int good = 0;
    for (uint32_t i = 0; code && i < 50; i++) {
        put_constant(code + 16 * i, i);
        good += as_function(code + 16 * i)() == i;
    }
    printf("writable and executable: %d\n", good);
    if (code)
        munmap(code, SIZE);
}

static void two_views(void)
{
    int fd = memfd_create("code", 0), good = 0;
    if (fd < 0 || ftruncate(fd, SIZE) < 0)
        return;
    unsigned char *out = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *run = mmap(NULL, SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    for (uint32_t i = 0; out != MAP_FAILED && run != MAP_FAILED && i < 50; i++) {
        put_constant(out, i);
        good += as_function(run)() == i;
    }
    printf("two views: %d\n", good);
    close(fd);
}

int main(void)
{
    write_then_run();
    write_and_run();
    two_views();
    return 0;
}
