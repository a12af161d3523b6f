/* SPDX-License-Identifier: MIT */
/* Host files, directories and paths. */

#include "core/layout.h"
#include "lx/errno.h"
#include "test.h"

#define NAME "file-test-\xc3\xa4.tmp" /* a name beyond ASCII */

static int remove_file(void **state)
{
    (void)state;
    struct plat_file *f;
    if (plat_file_open(NAME, PLAT_FILE_READ, &f) == 0)
        plat_file_close(f);
#if defined(_WIN32) /* the C library takes names in the code page */
    _wremove(L"file-test-\u00e4.tmp");
#else
    remove(NAME);
#endif
    return 0;
}

static struct plat_file *open_or_fail(uint32_t flags)
{
    struct plat_file *f;
    assert_int_equal(plat_file_open(NAME, flags, &f), 0);
    return f;
}

static void files_are_created_and_truncated_as_asked(void **state)
{
    (void)state;
    struct plat_file *f;
    struct plat_stat st;
    assert_int_equal(plat_file_open(NAME, PLAT_FILE_READ, &f), -LX_ENOENT);
    assert_null(f);
    f = open_or_fail(PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE);
    assert_int_equal(plat_file_pwrite(f, "hello", 5, 0), 5);
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(st.size, 5);
    assert_int_equal(st.type, PLAT_FILE_REGULAR);
    plat_file_close(f);
    assert_int_equal(
        plat_file_open(NAME, PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE, &f),
        -LX_EEXIST);
    plat_file_close(open_or_fail(PLAT_FILE_WRITE | PLAT_FILE_CREATE));
    assert_int_equal(plat_path_stat(NAME, &st), 0);
    assert_int_equal(st.size, 5);
    plat_file_close(open_or_fail(PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_TRUNCATE));
    assert_int_equal(plat_path_stat(NAME, &st), 0);
    assert_int_equal(st.size, 0);
    int64_t now = (int64_t)plat_clock_now(PLAT_CLOCK_REALTIME);
    assert_true(st.mtime_ns <= now + 2 * SECOND_NS && st.mtime_ns > now - 600 * SECOND_NS);
    plat_file_close(NULL);
}

static void reads_go_on_where_they_stopped(void **state)
{
    (void)state;
    struct plat_file *f = open_or_fail(PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE);
    char text[8] = "";
    assert_int_equal(plat_file_pwrite(f, "0123456789", 10, 0), 10);
    plat_file_close(f);
    f = open_or_fail(PLAT_FILE_READ);
    assert_int_equal(plat_file_read(f, text, 4), 4);
    assert_string_equal(text, "0123");
    assert_int_equal(plat_file_pread(f, text, 4, 8), 2);
    assert_int_equal(plat_file_pread(f, text, 4, 10), 0);
    assert_int_equal(plat_file_read(f, text, 4), 4);
    assert_string_equal(text, "4567");
    assert_int_equal(plat_file_read(f, text, 4), 2);
    assert_int_equal(plat_file_read(f, text, 4), 0);
    assert_true(plat_file_pwrite(f, "x", 1, 0) < 0); /* opened for reading */
    plat_file_close(f);
}

static void temporary_files_can_be_mapped(void **state)
{
    (void)state;
    struct plat_file *f;
    static char block[3 * GRANULE];
    memset(block, 'm', sizeof block);
    assert_int_equal(plat_file_temporary(&f), 0);
    assert_int_equal(plat_file_pwrite(f, block, sizeof block, 0), sizeof block);
    assert_int_equal(plat_file_pwrite(f, "end", 3, sizeof block), 3);

    const void *anywhere, *there;
    assert_int_equal(plat_file_map(f, 0, sizeof block + 3, &anywhere), 0);
    assert_memory_equal((const char *)anywhere + sizeof block - 1, "mend", 4);
    assert_int_equal(plat_file_map(f, CORE_IMAGE_BASE, sizeof block + 3, &there), 0);
    assert_int_equal((uintptr_t)there, CORE_IMAGE_BASE);
    assert_memory_equal((const char *)there + sizeof block - 1, "mend", 4);
    const void *again;
    assert_int_equal(plat_file_map(f, CORE_IMAGE_BASE, GRANULE, &again), -LX_EEXIST);
    assert_null(again);
    plat_file_close(f); /* views outlive it */
    assert_memory_equal((const char *)there + sizeof block, "end", 3);
    plat_file_unmap(anywhere, sizeof block + 3);
    plat_file_unmap(there, sizeof block + 3);
    assert_int_equal(plat_mem_reserve(CORE_IMAGE_BASE, GRANULE), 0);
    plat_mem_release(CORE_IMAGE_BASE, GRANULE);
}

static void directories_list_what_is_in_them(void **state)
{
    (void)state;
    plat_file_close(open_or_fail(PLAT_FILE_WRITE | PLAT_FILE_CREATE));
    struct plat_directory *d;
    struct plat_entry entry;
    struct plat_stat itself;
    int found = 0, result;
    assert_int_equal(plat_path_stat(NAME, &itself), 0);
    assert_int_equal(plat_directory_open(".", &d), 0);
    while ((result = plat_directory_next(d, &entry)) == 1) {
        assert_string_not_equal(entry.name, ".");
        assert_string_not_equal(entry.name, "..");
        if (strcmp(entry.name, NAME) != 0)
            continue;
        found++;
        assert_int_equal(entry.type, PLAT_FILE_REGULAR);
        assert_int_equal(entry.id, itself.id);
    }
    assert_int_equal(result, 0);
    assert_int_equal(found, 1);
    plat_directory_close(d);
    assert_int_equal(plat_directory_open("no-such-directory", &d), -LX_ENOENT);
    assert_null(d);
    assert_int_equal(plat_directory_open(NAME, &d), -LX_ENOTDIR);

    struct plat_stat st;
    assert_int_equal(plat_path_stat(".", &st), 0);
    assert_int_equal(st.type, PLAT_FILE_DIRECTORY);
}

static void paths_become_absolute(void **state)
{
    (void)state;
    char here[4096], path[4096], unix_path[4096];
    assert_int_equal(plat_path_absolute(".", here, sizeof here), 0);
    assert_int_equal(plat_path_absolute("./some//file", path, sizeof path), 0);
    assert_memory_equal(path, here, strlen(here));
    assert_string_equal(path + strlen(path) - 4, "file");
    assert_null(strstr(path + 2, "//"));
    assert_int_equal(plat_path_to_unix(path, unix_path, sizeof unix_path), 0);
    assert_int_equal(unix_path[0], '/');
    assert_string_equal(unix_path + strlen(unix_path) - 10, "/some/file");
    assert_int_equal(plat_path_absolute("some-file", path, 5), -LX_ENAMETOOLONG);
#if defined(__linux__)
    assert_int_equal(plat_path_absolute("/a/./b//c/.", path, sizeof path), 0);
    assert_string_equal(path, "/a/b/c");
    assert_int_equal(plat_path_absolute("/usr/..", path, sizeof path), 0);
    assert_string_equal(path, "/");
    assert_int_equal(plat_path_absolute("/a..b/..c", path, sizeof path), 0);
    assert_string_equal(path, "/a..b/..c");
#else
    assert_int_equal(plat_path_to_unix("C:\\tmp\\x", path, sizeof path), 0);
    assert_string_equal(path, "/mnt/c/tmp/x");
#endif
}

static void entries_keep_their_times_and_names(void **state)
{
    (void)state;
    static const int64_t times[] = {1234567890123456700, -14182940750000000, 0, 100};
    static const char other[] = "file-test-link.tmp";
    struct plat_stat st, linked;
    plat_file_close(open_or_fail(PLAT_FILE_WRITE | PLAT_FILE_CREATE));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_int_equal(plat_path_set_mtime(NAME, times[i]), 0);
        assert_int_equal(plat_path_stat(NAME, &st), 0);
        assert_int_equal(st.mtime_ns, times[i]);
    }
    assert_int_equal(plat_path_link(NAME, other), 0);
    assert_int_equal(plat_path_link(NAME, other), -LX_EEXIST);
    assert_int_equal(plat_path_stat(other, &linked), 0);
    assert_int_equal(linked.id, st.id);
    assert_int_equal(linked.nlink, 2);
    assert_int_equal(plat_path_remove(other), 0);
    assert_int_equal(plat_path_set_mode(NAME, 0640), 0);
    assert_int_equal(plat_path_set_mtime(other, 0), -LX_ENOENT);
    assert_true(plat_path_is_separator('/'));
    assert_false(plat_path_is_separator(':'));
}

static void names_are_what_the_host_has(void **state)
{
    (void)state;
    static const char *const fine[] = {"a",           ".profile", "a b",        "..a",
                                       "auxiliary",   "com10",    "com",        "\xc3\xa4",
                                       "console.txt", "nul_",     "lpt\xc2\xb4"};
    static const char *const bad[] = {
        "a:b",         "a\\b", "CON",      "aux.txt", "NuL.tar.gz", "com1", "LPT9.x",
        "lpt\xc2\xb3", "a.",   "a ",       "conout$", "tab\t",      "q?",   "*",
        "x<y",         "\"",   "\xff\xfe", "com0",    "PRN .txt",   "a|b"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_null(plat_name_problem(fine[i]));
    assert_int_equal(plat_name_compare("a", "a"), 0);
    assert_true(plat_name_compare("a", "b") < 0 && plat_name_compare("b", "a") > 0);
    assert_true(plat_name_compare("a", "aa") < 0);
#if defined(__linux__)
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(plat_name_problem(bad[i]));
    assert_int_not_equal(plat_name_compare("a", "A"), 0);
#else
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(plat_name_problem(bad[i]));
    assert_int_equal(plat_name_compare("readme", "README"), 0);
    assert_int_equal(plat_name_compare("\xc3\xa4", "\xc3\x84"), 0);
    assert_true(plat_path_is_separator('\\'));
#endif
}

#if defined(__linux__)
#include <unistd.h>

static void links_are_read_not_followed(void **state)
{
    (void)state;
    char target[16] = "";
    struct plat_stat st;
    assert_int_equal(plat_path_symlink("nowhere", NAME, 0), 0);
    assert_int_equal(plat_path_symlink("nowhere", NAME, 0), -LX_EEXIST);
    assert_int_equal(plat_path_set_mode(NAME, 0600), 0);
    assert_int_equal(plat_path_set_owner(NAME, geteuid(), getegid()), 0);
    assert_int_equal(plat_path_set_mtime(NAME, -1), 0);
    assert_int_equal(plat_path_stat(NAME, &st), 0);
    assert_int_equal(st.type, PLAT_FILE_SYMLINK);
    assert_int_equal(st.mtime_ns, -1);
    assert_int_equal(plat_path_readlink(NAME, target, sizeof target), 7);
    assert_string_equal(target, "nowhere");
    assert_int_equal(plat_path_readlink(".", target, sizeof target), -LX_EINVAL);
}
#endif

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_created_and_truncated_as_asked, remove_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(reads_go_on_where_they_stopped, remove_file, remove_file),
        cmocka_unit_test(temporary_files_can_be_mapped),
        cmocka_unit_test_setup_teardown(directories_list_what_is_in_them, remove_file, remove_file),
        cmocka_unit_test(paths_become_absolute),
        cmocka_unit_test_setup_teardown(entries_keep_their_times_and_names, remove_file,
                                        remove_file),
        cmocka_unit_test(names_are_what_the_host_has),
#if defined(__linux__)
        cmocka_unit_test_setup_teardown(links_are_read_not_followed, remove_file, remove_file),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
