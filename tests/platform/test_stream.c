/* SPDX-License-Identifier: MIT */
/*
 * The standard streams, with files and pipes in their place, and the host check.
 */

#include "lx/errno.h"
#include "test.h"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif

/* Make `fd` the stream; on Windows also for those who ask GetStdHandle(). */
static void put(int fd, int stream)
{
    assert_true(dup2(fd, stream) >= 0);
#if defined(_WIN32)
    static const DWORD names[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    SetStdHandle(names[stream], (HANDLE)_get_osfhandle(stream));
#endif
    close(fd);
}

static int make_pipe(int ends[2])
{
#if defined(_WIN32)
    return _pipe(ends, 65536, _O_BINARY);
#else
    return pipe(ends);
#endif
}

#define NAME "stream-test.tmp"

static int open_file(void)
{
    int flags = O_RDWR | O_CREAT | O_TRUNC;
#if defined(_WIN32)
    flags |= O_BINARY;
#endif
    return open(NAME, flags, 0600);
}

static void files_are_seekable(void **state)
{
    (void)state;
    int fd = open_file();
    assert_true(fd >= 0);
    put(fd, 0);
    char text[8] = "";
    assert_int_equal(plat_stream_write(0, "0123456789", 10), 10);
    assert_int_equal(plat_stream_seek(0, -4, 1), 6);
    assert_int_equal(plat_stream_read(0, text, 2), 2);
    assert_string_equal(text, "67");
    assert_int_equal(plat_stream_pread(0, text, 3, 1), 3);
    assert_string_equal(text, "123");
    assert_int_equal(plat_stream_pwrite(0, "ab", 2, 0), 2);
    assert_int_equal(plat_stream_seek(0, 0, 1), 8); /* neither moved it */
    assert_int_equal(plat_stream_seek(0, 0, 2), 10);
    assert_int_equal(plat_stream_read(0, text, 1), 0);
    assert_int_equal(plat_stream_seek(0, -1, 0), -LX_EINVAL);

    assert_int_equal(plat_stream_truncate(0, 4), 0);
    struct plat_stream_info info;
    assert_int_equal(plat_stream_info(0, &info), 0);
    assert_int_equal(info.kind, PLAT_STREAM_FILE);
    assert_int_equal(info.size, 4);
    assert_int_equal(info.access & PLAT_READ, PLAT_READ);
    struct plat_winsize size;
    assert_int_equal(plat_stream_winsize(0, &size), -LX_ENOTTY);
    assert_int_equal(plat_stream_ready(3), 3);
}

/* When it is no stream any more: open files cannot be removed everywhere. */
static int remove_file(void **state)
{
    (void)state;
    return remove(NAME);
}

static void pipes_tell_when_they_are_ready(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(make_pipe(ends), 0);
    put(ends[0], 0);
    struct plat_stream_info info;
    assert_int_equal(plat_stream_info(0, &info), 0);
    assert_int_equal(info.kind, PLAT_STREAM_PIPE);
    assert_int_equal(plat_stream_ready(1), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(plat_stream_ready(1), 1);
    char text[8] = "";
    assert_int_equal(plat_stream_read(0, text, sizeof text), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(plat_stream_ready(1), 0);
    assert_int_equal(plat_stream_seek(0, 0, 1), -LX_ESPIPE);
    close(ends[1]);
    assert_int_equal(plat_stream_ready(1), 1); /* the end */
    assert_int_equal(plat_stream_read(0, text, sizeof text), 0);
}

static void writing_to_a_pipe_without_reader_fails(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(make_pipe(ends), 0);
    put(ends[1], 0);
    close(ends[0]);
    assert_int_equal(plat_stream_write(0, "x", 1), -LX_EPIPE);
}

static void the_null_device_is_known(void **state)
{
    (void)state;
#if defined(_WIN32)
    int fd = open("NUL", O_RDWR);
#else
    int fd = open("/dev/null", O_RDWR);
#endif
    assert_true(fd >= 0);
    put(fd, 0);
    struct plat_stream_info info;
    char byte;
    assert_int_equal(plat_stream_info(0, &info), 0);
    assert_int_equal(info.kind, PLAT_STREAM_NULL);
    assert_int_equal(plat_stream_write(0, "x", 1), 1);
    assert_int_equal(plat_stream_read(0, &byte, 1), 0);
}

static void equal_streams_have_equal_ids(void **state)
{
    (void)state;
    int ends[2], other[2];
    assert_int_equal(make_pipe(ends), 0);
    assert_int_equal(make_pipe(other), 0);
    struct plat_stream_info a, b, c;
    put(dup(ends[0]), 0);
    assert_int_equal(plat_stream_info(0, &a), 0);
    put(dup(ends[0]), 0);
    assert_int_equal(plat_stream_info(0, &b), 0);
    put(other[0], 0);
    assert_int_equal(plat_stream_info(0, &c), 0);
#if defined(__linux__) /* Windows has no identity for pipes: equal handles only */
    assert_int_equal(a.id, b.id);
#endif
    assert_int_not_equal(a.id, c.id);
    close(ends[0]), close(ends[1]), close(other[1]);
}

static void every_host_check_says_something(void **state)
{
    (void)state;
    char text[200];
    uint32_t n = 0;
    for (int result; (result = plat_doctor_check(n, text, sizeof text)) != -LX_ENOENT; n++) {
        print_message("%s %s\n", result > 0 ? "fine " : result == 0 ? "limit" : "bad  ", text);
        assert_true(strlen(text) > 10);
    }
    assert_true(n >= 5);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_seekable),
        cmocka_unit_test(pipes_tell_when_they_are_ready),
        cmocka_unit_test(writing_to_a_pipe_without_reader_fails),
        cmocka_unit_test(the_null_device_is_known),
        cmocka_unit_test(equal_streams_have_equal_ids),
        cmocka_unit_test(every_host_check_says_something),
    };
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
