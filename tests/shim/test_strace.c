/* SPDX-License-Identifier: MIT */
/* System calls as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/futex.h"
#include "lx/mman.h"
#include "shim/strace.h"
#include "shim/syscall.h"

#define BAD_ADDRESS 16

static int read_memory(void *to, uint64_t from, uint64_t size)
{
    if (from <= BAD_ADDRESS)
        return -LX_EFAULT;
    memcpy(to, (const void *)(uintptr_t)from, size);
    return 0;
}

#define PTR(p) ((uint64_t)(uintptr_t)(p))

static void calls_are_decoded(void **state)
{
    (void)state;
    const struct {
        uint32_t nr;
        uint64_t g[6];
        int64_t result;
        const char *want;
    } rows[] = {
        {257,
         {(uint32_t)LX_AT_FDCWD, PTR("/etc/passwd"), LX_O_CLOEXEC},
         3,
         "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC, 0) = 3"},
        {257,
         {5, BAD_ADDRESS, LX_O_RDWR | LX_O_CREAT, 0644},
         -LX_EFAULT,
         "openat(5, 0x10, O_RDWR|O_CREAT, 0644) = -1 EFAULT (Bad address)"},
        {0, {0, PTR("a\n\"\1"), 100}, 4, "read(0, \"a\\n\\\"\\1\", 100) = 4"},
        {1, {1, PTR("hello"), 5}, 5, "write(1, \"hello\", 5) = 5"},
        {9,
         {0, 4096, 3, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, UINT64_MAX, 0},
         0x300000000000,
         "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
         "0x300000000000"},
        {202,
         {0x1000, LX_FUTEX_WAIT | LX_FUTEX_PRIVATE_FLAG, 2, 0, 0, 0},
         -LX_EAGAIN,
         "futex(0x1000, FUTEX_WAIT|FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0) = -1 EAGAIN "
         "(Resource temporarily unavailable)"},
        {62, {1, 15}, 0, "kill(1, SIGTERM) = 0"},
        {39, {0}, 1, "getpid() = 1"},
        {95, {022}, 022, "umask(022) = 022"},
        {34, {0}, -514, "pause() = ? (to be restarted)"},
        {5000, {0}, -LX_ENOSYS, "syscall_5000() = -1 ENOSYS (Function not implemented)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[512];
        size_t length = shim_strace_format(line, sizeof line, rows[i].nr, rows[i].g, rows[i].result,
                                           read_memory);
        assert_string_equal(line, rows[i].want);
        assert_int_equal(length, strlen(line));
    }
}

static void lines_are_cut_to_fit(void **state)
{
    (void)state;
    const uint64_t g[6] = {1, PTR("hello"), 5};
    char line[8];
    assert_int_equal(shim_strace_format(line, sizeof line, 1, g, 5, read_memory), 7);
    assert_string_equal(line, "write(1");
}

static void every_number_has_its_row(void **state)
{
    (void)state;
    uint32_t named = 0;
    for (uint32_t nr = 0; nr < SHIM_SYSCALL_COUNT; nr++)
        named += shim_syscall_row(nr)->name != NULL;
    assert_int_equal(named, 336 + 39); /* 0 to 335, 424 to 462 */
    assert_string_equal(shim_syscall_row(462)->name, "mseal");
    assert_null(shim_syscall_row(463)->name);
    assert_null(shim_syscall_row(400)->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_decoded),
        cmocka_unit_test(lines_are_cut_to_fit),
        cmocka_unit_test(every_number_has_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
