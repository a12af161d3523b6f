/* SPDX-License-Identifier: MIT */
/* Folders for guests: what is in them, and that nothing outside can be reached. */

#include "lx/errno.h"
#include "test.h"

#define FOLDER "test-folder"
#define CREATE (PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE)

static struct plat_file *g_folder;

static void make(const char *path, const char *text)
{
    struct plat_file *f;
    assert_int_equal(plat_at_open(g_folder, path, CREATE, 0644, &f), 0);
    assert_int_equal(plat_file_pwrite(f, text, strlen(text), 0), (int64_t)strlen(text));
    plat_file_close(f);
}

static void assert_content(const char *path, const char *text)
{
    char buf[256];
    struct plat_file *f;
    assert_int_equal(plat_at_open(g_folder, path, PLAT_FILE_READ, 0, &f), 0);
    int64_t n = plat_file_pread(f, buf, sizeof buf, 0);
    plat_file_close(f);
    assert_int_equal(n, (int64_t)strlen(text));
    assert_memory_equal(buf, text, (size_t)n);
}

static enum plat_file_type type_of(const char *path)
{
    struct plat_stat st;
    assert_int_equal(plat_at_stat(g_folder, path, &st), 0);
    return st.type;
}

static void assert_missing(const char *path)
{
    struct plat_stat st;
    assert_int_equal(plat_at_stat(g_folder, path, &st), -LX_ENOENT);
}

static void removes(const char *path, enum plat_file_type type)
{
    assert_int_equal(plat_at_remove(g_folder, path, type), 0);
    assert_missing(path);
}

static int count_entries(const char *path)
{
    struct plat_directory *d;
    struct plat_entry e;
    int count = 0;
    assert_int_equal(plat_at_list(g_folder, path, &d), 0);
    while (plat_directory_next(d, &e) == 1)
        count++;
    plat_directory_close(d);
    return count;
}

static void files_are_made_listed_and_removed(void **state)
{
    (void)state;
    struct plat_file *f;
    struct plat_stat st;
    make("a", "hello");
    assert_content("a", "hello");
    assert_int_equal(plat_at_open(g_folder, "a", CREATE, 0644, &f), -LX_EEXIST);
    assert_int_equal(plat_at_open(g_folder, "", PLAT_FILE_READ | PLAT_FILE_WRITE, 0, &f),
                     -LX_EISDIR);
    assert_int_equal(plat_at_stat(g_folder, "", &st), 0);
    assert_int_equal(st.type, PLAT_FILE_DIRECTORY);
    assert_int_equal(count_entries(""), 1);
    assert_int_equal(plat_at_make_directory(g_folder, "d", 0755), 0);
    assert_int_equal(plat_at_make_directory(g_folder, "d", 0755), -LX_EEXIST);
    make("d/b", "");
    assert_int_equal(count_entries("d"), 1);
    assert_int_equal(plat_at_remove(g_folder, "d", PLAT_FILE_DIRECTORY), -LX_ENOTEMPTY);
    removes("d/b", PLAT_FILE_REGULAR);
    removes("d", PLAT_FILE_DIRECTORY);
    removes("a", PLAT_FILE_REGULAR);
    assert_int_equal(plat_at_remove(g_folder, "a", PLAT_FILE_REGULAR), -LX_ENOENT);
}

static void appending_finds_the_end(void **state)
{
    (void)state;
    struct plat_file *f;
    uint64_t end;
    make("a", "12345");
    assert_int_equal(plat_at_open(g_folder, "a", PLAT_FILE_READ | PLAT_FILE_WRITE, 0, &f), 0);
    assert_int_equal(plat_file_append(f, "678", 3, &end), 3);
    assert_int_equal(end, 8);
    assert_int_equal(plat_file_append(f, "9", 1, &end), 1);
    assert_int_equal(end, 9);
    plat_file_close(f);
    assert_content("a", "123456789");
    removes("a", PLAT_FILE_REGULAR);
}

static void names_move(void **state)
{
    (void)state;
    make("a", "a");
    make("b", "b");
    assert_int_equal(plat_at_make_directory(g_folder, "d", 0755), 0);
    assert_int_equal(plat_at_make_directory(g_folder, "e", 0755), 0);
    assert_int_equal(plat_at_rename(g_folder, "a", "b", PLAT_RENAME_NOREPLACE), -LX_EEXIST);
    assert_int_equal(plat_at_rename(g_folder, "a", "b", 0), 0);
    assert_missing("a");
    assert_content("b", "a");
    make("x", "x");
    assert_int_equal(plat_at_rename(g_folder, "b", "x", PLAT_RENAME_EXCHANGE), 0);
    assert_content("x", "a");
    assert_content("b", "x");
    assert_int_equal(plat_at_rename(g_folder, "x", "b", 0), 0);
    assert_int_equal(plat_at_rename(g_folder, "none", "b", PLAT_RENAME_EXCHANGE), -LX_ENOENT);
    assert_int_equal(plat_at_rename(g_folder, "b", "none", PLAT_RENAME_EXCHANGE), -LX_ENOENT);
    assert_int_equal(plat_at_rename(g_folder, "b", "d/c", 0), 0);
    assert_content("d/c", "a");
    assert_int_equal(plat_at_rename(g_folder, "d", "e", 0), 0); /* an empty directory gives way */
    assert_content("e/c", "a");
    assert_int_equal(plat_at_link(g_folder, "e/c", 0, 0, "l"), 0);
    assert_content("l", "a");
    struct plat_stat one, other;
    assert_int_equal(plat_at_stat(g_folder, "e/c", &one), 0);
    assert_int_equal(plat_at_stat(g_folder, "l", &other), 0);
    assert_int_equal(one.id, other.id);
    assert_int_equal(one.nlink, 2);
    assert_int_equal(plat_at_link(g_folder, "e/c", 0, 0, "l"), -LX_EEXIST);
    removes("l", PLAT_FILE_REGULAR);
    removes("e/c", PLAT_FILE_REGULAR);
    removes("e", PLAT_FILE_DIRECTORY);
}

/* Also a file that somebody has open can be removed and replaced, and its name used again. */
static void open_files_lose_their_names(void **state)
{
    (void)state;
    struct plat_file *f;
    make("a", "old");
    assert_int_equal(plat_at_open(g_folder, "a", PLAT_FILE_READ, 0, &f), 0);
    assert_int_equal(plat_at_remove(g_folder, "a", PLAT_FILE_REGULAR), 0);
    char buf[8];
    assert_int_equal(plat_file_pread(f, buf, sizeof buf, 0), 3);
    plat_file_close(f);
    assert_missing("a");
}

/* What is open is linked and changed itself; by a name only if that still means it. */
static void an_open_file_is_meant_itself(void **state)
{
    (void)state;
    struct plat_file *f;
    struct plat_stat st, other;
    struct plat_change c = {.what = PLAT_CHANGE_MTIME, .mtime_ns = 1400000000200000000};
    make("a", "first");
    make("b", "second");
    assert_int_equal(plat_at_open(g_folder, "a", PLAT_FILE_READ, 0, &f), 0);
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(plat_at_rename(g_folder, "a", "b", PLAT_RENAME_EXCHANGE), 0);
    c.device = st.device;
    c.id = st.id;
    assert_int_equal(plat_at_change(g_folder, "a", &c), -LX_ENOENT);
    assert_int_equal(plat_at_stat(g_folder, "a", &other), 0);
    assert_true(other.mtime_ns != c.mtime_ns);
    assert_int_equal(plat_at_change(g_folder, "b", &c), 0);
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(st.mtime_ns, c.mtime_ns);
    c.mtime_ns += 1000000000;
    assert_int_equal(plat_file_change(f, &c), 0); /* though it can only be read */
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(st.mtime_ns, c.mtime_ns);
    assert_int_equal(plat_file_link(f, g_folder, "a"), -LX_EEXIST);
#if defined(__linux__) /* Wine links what has the name by which it was opened */
    assert_int_equal(plat_file_link(f, g_folder, "c"), 0);
    assert_content("c", "first");
    removes("c", PLAT_FILE_REGULAR);
#endif
    plat_file_close(f);
    removes("a", PLAT_FILE_REGULAR);
    removes("b", PLAT_FILE_REGULAR);
}

static void space_is_had_and_given_back(void **state)
{
    (void)state;
    const uint64_t far = 64 << 20;
    const uint32_t punch = PLAT_ALLOCATE_PUNCH | PLAT_ALLOCATE_KEEP_SIZE;
    struct plat_stat st;
    struct plat_file *f;
    char buf[5];
    assert_int_equal(plat_at_open(g_folder, "a", CREATE, 0644, &f), 0);
    assert_int_equal(plat_file_allocate(f, 0, 10, 5000), 0);
    assert_int_equal(plat_file_size(f), 5010);
    assert_int_equal(plat_file_allocate(f, PLAT_ALLOCATE_KEEP_SIZE, 0, 100000), 0);
    assert_int_equal(plat_file_size(f), 5010);
    assert_true(plat_file_allocate(f, 0, 0, INT64_MAX) < 0);
    assert_int_equal(plat_file_size(f), 5010);
    plat_file_sparse(f);
    assert_int_equal(plat_file_pwrite(f, "begin", 5, 0), 5);
    assert_int_equal(plat_file_pwrite(f, "end", 3, far), 3);
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_true(st.allocated < far / 2 || st.allocated == st.size); /* Wine does not say */
    assert_int_equal(plat_file_seek(f, 0, 0), 0);
    assert_int_equal(plat_file_seek(f, far, 0), far);
    assert_int_equal(plat_file_seek(f, far, 1), far + 3);
    assert_int_equal(plat_file_seek(f, far + 3, 0), -LX_ENXIO);
    assert_int_equal(plat_file_seek(f, far + 3, 1), -LX_ENXIO);
    int64_t hole = plat_file_seek(f, 0, 1);
    assert_true(hole >= 5 && hole <= (int64_t)far + 3); /* space without data may count as one */
    assert_int_equal(plat_file_allocate(f, punch, 1, 3), 0);
    assert_int_equal(plat_file_allocate(f, punch, far, 1 << 20), 0);
    assert_int_equal(plat_file_size(f), far + 3);
    assert_int_equal(plat_file_pread(f, buf, 5, 0), 5);
    assert_memory_equal(buf, "b\0\0\0n", 5);
    assert_int_equal(plat_file_pread(f, buf, 5, far), 3);
    assert_memory_equal(buf, "\0\0\0", 3);
    plat_file_close(f);
    removes("a", PLAT_FILE_REGULAR);
}

static void user_attributes_are_the_hosts(void **state)
{
    (void)state;
    char buf[64];
    struct plat_file *f;
    struct plat_xattr x = {PLAT_XATTR_SET, "user.a", (char[]){"value"}, 5, 0, 0, 0};
    assert_int_equal(plat_at_open(g_folder, "a", CREATE, 0644, &f), 0);
    if (plat_file_xattr(f, &x) == 0) {
        x.flags = PLAT_XATTR_CREATE;
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), -LX_EEXIST);
        x = (struct plat_xattr){PLAT_XATTR_GET, "user.a", buf, sizeof buf, 0, 0, 0};
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), 5);
        assert_memory_equal(buf, "value", 5);
        x.size = 4;
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), -LX_ERANGE);
        x.id = 1; /* no file's */
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), -LX_ENOENT);
        x = (struct plat_xattr){PLAT_XATTR_LIST, NULL, buf, sizeof buf, 0, 0, 0};
        assert_true(plat_file_xattr(f, &x) >= (int64_t)sizeof "user.a");
        x = (struct plat_xattr){.call = PLAT_XATTR_REMOVE, .name = "user.a"};
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), 0);
        assert_int_equal(plat_file_xattr(f, &x), -LX_ENODATA);
    } else {
        assert_int_equal(plat_file_xattr(f, &x), -LX_EOPNOTSUPP);
        assert_int_equal(plat_at_xattr(g_folder, "a", &x), -LX_EOPNOTSUPP);
    }
    plat_file_close(f);
    removes("a", PLAT_FILE_REGULAR);
}

static void attributes_change(void **state)
{
    (void)state;
    struct plat_stat st;
    make("a", "");
    struct plat_change c = {.what = PLAT_CHANGE_MODE | PLAT_CHANGE_ATIME | PLAT_CHANGE_MTIME,
                            .mode = 0444,
                            .atime_ns = 1500000000100000000,
                            .mtime_ns = 1400000000200000000};
    assert_int_equal(plat_at_change(g_folder, "a", &c), 0);
    assert_int_equal(plat_at_stat(g_folder, "a", &st), 0);
    assert_int_equal(st.mode & 0222, 0);
#if defined(__linux__) /* Wine reads the file afterwards */
    assert_int_equal(st.atime_ns, c.atime_ns);
#endif
    assert_int_equal(st.mtime_ns, c.mtime_ns);
    c = (struct plat_change){.what = PLAT_CHANGE_MODE, .mode = 0644};
    assert_int_equal(plat_at_change(g_folder, "a", &c), 0);
    assert_int_equal(plat_at_stat(g_folder, "a", &st), 0);
    assert_int_equal(st.mode & 0200, 0200);
    assert_int_equal(st.mtime_ns, 1400000000200000000);
    c.mode = 0444;
    assert_int_equal(plat_at_change(g_folder, "a", &c), 0);
    removes("a", PLAT_FILE_REGULAR); /* a directory's permissions decide that, not the file's */
}

static void links_are_not_followed(void **state)
{
    (void)state;
    char buf[64];
    struct plat_file *f;
    struct plat_directory *d;
    int err = plat_at_make_symlink(g_folder, "up", "..");
    if (err == -LX_EPERM) { /* the host's file system has no links */
        assert_missing("up");
        skip();
    }
    assert_int_equal(err, 0);
    assert_int_equal(type_of("up"), PLAT_FILE_SYMLINK);
    assert_int_equal(plat_at_readlink(g_folder, "up", buf, sizeof buf), 2);
    assert_memory_equal(buf, "..", 2);
    assert_int_equal(plat_at_open(g_folder, "up", PLAT_FILE_READ, 0, &f), -LX_ELOOP);
    assert_true(plat_at_open(g_folder, "up/x", CREATE, 0644, &f) < 0);
    assert_true(plat_at_list(g_folder, "up", &d) < 0);
    removes("up", PLAT_FILE_SYMLINK);
}

static void nothing_outside_is_reached(void **state)
{
    (void)state;
    struct plat_file *f;
    struct plat_stat st;
    assert_true(plat_at_open(g_folder, "../test-folder-outside", CREATE, 0644, &f) < 0);
    assert_true(plat_at_stat(g_folder, "../" FOLDER "/x/..", &st) < 0);
    assert_true(plat_at_open(g_folder, "/etc/hostname", PLAT_FILE_READ, 0, &f) < 0);
    assert_true(plat_path_stat("test-folder-outside", &st) < 0);
}

/* Every name that Linux allows, but for the encoding. */
static void all_names_are_possible(void **state)
{
    (void)state;
    static const char *const names[] = {"a:b",      "aux",  "a b ", "dot.",
                                        "q?*\"<>|", "x\\y", "\001", "\xc3\xa4\xe2\x82\xac"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        make(names[i], names[i]);
        assert_content(names[i], names[i]);
        struct plat_directory *d;
        struct plat_entry e;
        assert_int_equal(plat_at_list(g_folder, "", &d), 0);
        assert_int_equal(plat_directory_next(d, &e), 1);
        assert_string_equal(e.name, names[i]);
        assert_int_equal(plat_directory_next(d, &e), 0);
        plat_directory_close(d);
        removes(names[i], PLAT_FILE_REGULAR);
    }
}

static int set_up(void **state)
{
    (void)state;
    int err = plat_path_make_directory(FOLDER);
    return err < 0 && err != -LX_EEXIST ? err : plat_folder_open(FOLDER, &g_folder);
}

static int tear_down(void **state)
{
    (void)state;
    plat_file_close(g_folder);
    return plat_path_remove(FOLDER);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_made_listed_and_removed),
        cmocka_unit_test(appending_finds_the_end),
        cmocka_unit_test(names_move),
        cmocka_unit_test(open_files_lose_their_names),
        cmocka_unit_test(an_open_file_is_meant_itself),
        cmocka_unit_test(space_is_had_and_given_back),
        cmocka_unit_test(user_attributes_are_the_hosts),
        cmocka_unit_test(attributes_change),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(nothing_outside_is_reached),
        cmocka_unit_test(all_names_are_possible),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
