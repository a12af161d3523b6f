/* SPDX-License-Identifier: MIT */
/* Modes and owners noted in extended attributes, on Windows. */

#include "test.h"

#include "ea_volume.h"
#include "lx/errno.h"

#define FOLDER "test-notes"
#define CREATE (PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE)
static struct plat_file *g_folder;

/* ---- What a file shows ---- */

static struct plat_stat stat_of(const char *path)
{
    struct plat_stat st;
    assert_int_equal(plat_at_stat(g_folder, path, &st), 0);
    return st;
}

static uint64_t make(const char *path, uint32_t mode)
{
    struct plat_file *f;
    assert_int_equal(plat_at_open(g_folder, path, CREATE, mode, &f), 0);
    plat_file_close(f);
    return stat_of(path).id;
}

static void change(const char *path, uint32_t what, uint32_t mode, uint32_t uid, uint32_t gid)
{
    const struct plat_change c = {.what = what, .mode = mode, .uid = uid, .gid = gid};
    assert_int_equal(plat_at_change(g_folder, path, &c), 0);
}

static void remove_file(const char *path)
{
    uint64_t file = stat_of(path).id;
    for (int i = 0; i < 64; i++)
        g_volume.eas[i].file = g_volume.eas[i].file == file ? 0 : g_volume.eas[i].file;
    assert_int_equal(plat_at_remove(g_folder, path, PLAT_FILE_REGULAR), 0);
}

static void forget_counts(void)
{
    g_volume.creates = g_volume.creates_with_ea = g_volume.stats = 0;
    g_volume.ea_queries = g_volume.ea_sets = 0;
}

/* ---- Tests ---- */

static void new_files_have_their_mode_at_once(void **state)
{
    (void)state;
    uint64_t file = make("f", 0644);
    assert_ea(file, "$LXMOD", 0100644);
    assert_int_equal(count_eas(file), 1);
    assert_int_equal(g_volume.ea_sets, 0);
    assert_int_equal(stat_of("f").mode, 0644);
    remove_file("f");
    file = make("f", 0755);
    assert_int_equal(count_eas(file), 0); /* what it shows without */
    assert_int_equal(stat_of("f").mode, 0755);
    remove_file("f");
    file = make("f", 0444);
    assert_ea(file, "$LXMOD", 0100444);
    assert_int_equal(stat_of("f").mode, 0444);
    remove_file("f");
    assert_int_equal(plat_at_make_directory(g_folder, "d", 02750), 0);
    assert_ea(stat_of("d").id, "$LXMOD", 0042750);
    assert_int_equal(stat_of("d").mode, 02750);
    assert_int_equal(plat_at_remove(g_folder, "d", PLAT_FILE_DIRECTORY), 0);
}

static void modes_change_and_last(void **state)
{
    (void)state;
    static const uint32_t modes[] = {0600, 0755, 0444, 04755, 0, 0555, 01777, 0755, 0666};
    uint64_t file = make("f", 0755);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct plat_file *kept = g_folder;
        change("f", PLAT_CHANGE_MODE, modes[i], 0, 0);
        assert_int_equal(stat_of("f").mode, modes[i]);
        assert_int_equal(plat_folder_open(FOLDER, &g_folder), 0); /* in another run */
        assert_int_equal(stat_of("f").mode, modes[i]);
        plat_file_close(g_folder);
        g_folder = kept;
        int is_plain = modes[i] == 0755 || modes[i] == 0555;
        assert_int_equal(count_eas(file), is_plain ? 0 : 1);
        int sets = g_volume.ea_sets;
        change("f", PLAT_CHANGE_MODE, modes[i], 0, 0);
        assert_int_equal(g_volume.ea_sets, sets); /* it says so already */
    }
    remove_file("f");
}

static void owners_are_noted_but_the_users(void **state)
{
    (void)state;
    uint64_t file = make("f", 0755);
    struct plat_stat st = stat_of("f");
    assert_int_equal(st.own, PLAT_OWN_USER | PLAT_OWN_GROUP | PLAT_OWN_NOTED);
    change("f", PLAT_CHANGE_OWNER, 0, 1000, PLAT_OWNER_KEEP);
    st = stat_of("f");
    assert_int_equal(st.own, PLAT_OWN_GROUP | PLAT_OWN_NOTED);
    assert_int_equal(st.uid, 1000);
    assert_ea(file, "$LXUID", 1000);
    change("f", PLAT_CHANGE_OWNER | PLAT_CHANGE_MODE, 0711, PLAT_OWNER_KEEP, 50);
    st = stat_of("f");
    assert_int_equal(st.own, PLAT_OWN_NOTED);
    assert_int_equal(st.uid, 1000);
    assert_int_equal(st.gid, 50);
    assert_int_equal(st.mode, 0711);
    change("f", PLAT_CHANGE_OWNER, 0, PLAT_OWNER_MINE, PLAT_OWNER_MINE);
    assert_int_equal(stat_of("f").own, PLAT_OWN_USER | PLAT_OWN_GROUP | PLAT_OWN_NOTED);
    assert_int_equal(count_eas(file), 1);
    remove_file("f");
}

/* By a handle that can only be read, and in a process that has it from another. */
static void open_files_are_noted(void **state)
{
    (void)state;
    const struct plat_change c = {.what = PLAT_CHANGE_MODE, .mode = 0600};
    uint64_t key;
    struct plat_stat st;
    struct plat_file *f, *fetched;
    uint64_t file = make("f", 0644);
    assert_int_equal(plat_at_open(g_folder, "f", PLAT_FILE_READ, 0, &f), 0);
    assert_int_equal(plat_file_change(f, &c), 0);
    assert_ea(file, "$LXMOD", 0100600);
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(st.mode, 0600);
    assert_int_equal(plat_file_keep(plat_process_id(), f, &key), 0);
    assert_int_equal(plat_file_fetch(plat_process_id(), key, &fetched), 0);
    assert_int_equal(plat_file_stat(fetched, &st), 0);
    assert_int_equal(st.mode, 0600);
    assert_int_equal(st.device, stat_of("f").device);
    plat_file_forget(plat_process_id(), key);
    plat_file_close(fetched);
    plat_file_close(f);
    remove_file("f");
}

static void what_makes_no_sense_is_not_shown(void **state)
{
    (void)state;
    uint64_t file = make("f", 0755);
    uint32_t fifo = 0010644, bare = 0644, plain = 0100640, directory = 0040700;
    uint8_t longer[600] = {1}; /* more than what is asked for has room for */
    put_ea(file, "$LXMOD", &fifo, 4);
    assert_int_equal(stat_of("f").mode, 0755);
    put_ea(file, "$LXMOD", &bare, 4);
    assert_int_equal(stat_of("f").mode, 0755);
    put_ea(file, "$LXMOD", &directory, 4);
    assert_int_equal(stat_of("f").mode, 0755);
    put_ea(file, "$LXMOD", &plain, 2);
    assert_int_equal(stat_of("f").mode, 0755);
    put_ea(file, "$LXMOD", &plain, 4);
    put_ea(file, "$LXUID", longer, 8);
    put_ea(file, "$LXGID", longer, 1);
    struct plat_stat st = stat_of("f");
    assert_int_equal(st.mode, 0640);
    assert_int_equal(st.own & (PLAT_OWN_USER | PLAT_OWN_GROUP), PLAT_OWN_USER | PLAT_OWN_GROUP);
    put_ea(file, "$LXGID", longer, sizeof longer);
    assert_int_equal(stat_of("f").own & PLAT_OWN_GROUP, PLAT_OWN_GROUP);
    change("f", PLAT_CHANGE_OWNER, 0, 5, 6); /* they are written over */
    assert_ea(file, "$LXUID", 5);
    assert_ea(file, "$LXGID", 6);
    remove_file("f");
}

/* Made read-only by who knows nothing of the notes. */
static void read_only_files_show_so(void **state)
{
    (void)state;
    uint64_t file = make("f", 0664);
    assert_true(SetFileAttributesA(FOLDER "\\f", FILE_ATTRIBUTE_READONLY));
    assert_int_equal(stat_of("f").mode, 0444);
    assert_ea(file, "$LXMOD", 0100664);
    change("f", PLAT_CHANGE_MODE, 0664, 0, 0);
    assert_int_equal(stat_of("f").mode, 0664);
    remove_file("f");
}

static void one_call_tells_all(void **state)
{
    (void)state;
    struct plat_stat st;
    struct plat_file *f;
    make("f", 0644);
    forget_counts();
    stat_of("f");
    assert_int_equal(g_volume.creates, 1);
    assert_int_equal(g_volume.stats, 1);
    assert_int_equal(g_volume.ea_queries, 0);
    assert_int_equal(plat_at_open(g_folder, "f", PLAT_FILE_READ, 0, &f), 0);
    forget_counts();
    assert_int_equal(plat_file_stat(f, &st), 0);
    assert_int_equal(g_volume.stats, 1);
    assert_int_equal(g_volume.creates + g_volume.ea_queries, 0);
    plat_file_close(f);
    remove_file("f");
}

static void who_may_not_read_them_sees_none(void **state)
{
    (void)state;
    make("f", 0644);
    g_volume.denied = FILE_READ_EA | FILE_WRITE_EA;
    g_volume.denial = STATUS_ACCESS_DENIED;
    struct plat_stat st = stat_of("f");
    assert_int_equal(st.mode, 0755);
    change("f", PLAT_CHANGE_MODE, 0600, 0, 0);
    assert_int_equal(stat_of("f").mode, 0755);
    assert_true(g_volume.denials > 0);
    g_volume.denials = 0;
    g_volume.denied = 0;
    assert_int_equal(stat_of("f").mode, 0644); /* others can be read as before */
    remove_file("f");
}

/* What nobody may write to can be read. */
static void a_protected_medium_is_read(void **state)
{
    (void)state;
    struct plat_file *f;
    make("f", 0644);
    g_volume.denied = FILE_WRITE_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES;
    g_volume.denial = STATUS_MEDIA_WRITE_PROTECTED;
    assert_int_equal(plat_at_open(g_folder, "f", PLAT_FILE_READ, 0, &f), 0);
    plat_file_close(f);
    assert_int_equal(stat_of("f").mode, 0644);
    assert_int_equal(plat_at_open(g_folder, "f", PLAT_FILE_WRITE, 0, &f), -LX_EROFS);
    g_volume.denied = 0;
    remove_file("f");
}

/* ---- Extended attributes of Linux ---- */

static int64_t xattr(const char *path, enum plat_xattr_call call, const char *name, void *value,
                     uint64_t size, uint32_t flags)
{
    const struct plat_xattr x = {
        .call = call, .name = name, .value = value, .size = size, .flags = flags};
    return plat_at_xattr(g_folder, path, &x);
}

static int64_t set(const char *path, const char *name, const char *value, uint32_t flags)
{
    return xattr(path, PLAT_XATTR_SET, name, (void *)(uintptr_t)value, strlen(value), flags);
}

static void assert_value(const char *path, const char *name, const char *value)
{
    char buf[64] = "";
    int64_t size = (int64_t)strlen(value);
    assert_int_equal(xattr(path, PLAT_XATTR_GET, name, NULL, 0, 0), size);
    assert_int_equal(xattr(path, PLAT_XATTR_GET, name, buf, sizeof buf, 0), size);
    assert_string_equal(buf, value);
}

static void attributes_are_kept(void **state)
{
    (void)state;
    char buf[64];
    uint64_t file = make("f", 0644);
    assert_int_equal(xattr("f", PLAT_XATTR_GET, "user.a", buf, sizeof buf, 0), -LX_ENODATA);
    assert_int_equal(xattr("f", PLAT_XATTR_REMOVE, "user.a", NULL, 0, 0), -LX_ENODATA);
    assert_int_equal(set("f", "user.a", "x", PLAT_XATTR_REPLACE), -LX_ENODATA);
    assert_int_equal(set("f", "user.a", "one", PLAT_XATTR_CREATE), 0);
    assert_int_equal(set("f", "user.a", "two", PLAT_XATTR_CREATE), -LX_EEXIST);
    assert_value("f", "user.a", "one");
    assert_int_equal(set("f", "user.A", "capital", 0), 0);
    assert_int_equal(set("f", "user.empty", "", 0), 0);
    assert_int_equal(set("f", "user.a", "three", PLAT_XATTR_REPLACE), 0);
    assert_value("f", "user.a", "three");
    assert_value("f", "user.A", "capital");
    assert_value("f", "user.empty", "");
    assert_int_equal(xattr("f", PLAT_XATTR_GET, "user.a", buf, 4, 0), -LX_ERANGE);
    static const char names[] = "user.a\0user.A\0user.empty";
    assert_int_equal(xattr("f", PLAT_XATTR_LIST, NULL, NULL, 0, 0), sizeof names);
    assert_int_equal(xattr("f", PLAT_XATTR_LIST, NULL, buf, sizeof names - 1, 0), -LX_ERANGE);
    assert_int_equal(xattr("f", PLAT_XATTR_LIST, NULL, buf, sizeof buf, 0), sizeof names);
    assert_memory_equal(buf, names, sizeof names);
    assert_int_equal(xattr("f", PLAT_XATTR_REMOVE, "user.a", NULL, 0, 0), 0);
    assert_int_equal(xattr("f", PLAT_XATTR_GET, "user.a", buf, sizeof buf, 0), -LX_ENODATA);
    assert_value("f", "user.A", "capital");
    assert_int_equal(count_eas(file), 3); /* with $LXMOD */
    assert_int_equal(stat_of("f").mode, 0644);
    remove_file("f");
}

static void attributes_of_directories_and_open_files(void **state)
{
    (void)state;
    struct plat_file *f;
    char buf[64] = "";
    uint64_t file = make("f", 0755);
    assert_int_equal(plat_at_open(g_folder, "f", PLAT_FILE_READ, 0, &f), 0);
    char value[] = "b";
    const struct plat_xattr put = {PLAT_XATTR_SET, "user.a", value, 1, 0, 0, 0};
    assert_int_equal(plat_file_xattr(f, &put), 0);
    assert_value("f", "user.a", "b");
    const struct plat_xattr get = {PLAT_XATTR_GET, "user.a", buf, sizeof buf, 0, 0, 0};
    assert_int_equal(plat_file_xattr(f, &get), 1);
    plat_file_close(f);
    struct plat_xattr other = put; /* the path means another file by now */
    other.id = file + 1;
    assert_int_equal(plat_at_xattr(g_folder, "f", &other), -LX_ENOENT);
    remove_file("f");
    assert_int_equal(plat_at_make_directory(g_folder, "d", 0755), 0);
    assert_int_equal(set("d", "user.d", "e", 0), 0);
    assert_value("d", "user.d", "e");
    assert_int_equal(set("", "user.folder", "itself", 0), 0);
    assert_value("", "user.folder", "itself");
    assert_int_equal(xattr("", PLAT_XATTR_REMOVE, "user.folder", NULL, 0, 0), 0);
    assert_int_equal(plat_at_remove(g_folder, "d", PLAT_FILE_DIRECTORY), 0);
}

static void attributes_have_limits(void **state)
{
    (void)state;
    static char value[65536], back[65536], name[300] = "user.";
    uint64_t file = make("f", 0755);
    memset(value, 'v', sizeof value);
    assert_int_equal(xattr("f", PLAT_XATTR_SET, "user.a", value, sizeof value, 0), -LX_ENOSPC);
    assert_int_equal(xattr("f", PLAT_XATTR_SET, "user.a", value, 60000, 0), 0);
    assert_int_equal(xattr("f", PLAT_XATTR_GET, "user.a", back, sizeof back, 0), 60000);
    assert_memory_equal(back, value, 60000);
    assert_int_equal(xattr("f", PLAT_XATTR_SET, "user.b", value, 6000, 0), -LX_ENOSPC);
    memset(name + 5, 'n', 240);
    assert_int_equal(set("f", name, "x", 0), 0);
    memset(name + 5, '~', 100);
    assert_int_equal(set("f", name, "x", 0), -LX_ERANGE);
    assert_int_equal(count_eas(file), 2);
    g_volume.no_ea = STATUS_EAS_NOT_SUPPORTED;
    assert_int_equal(set("f", "user.c", "x", 0), -LX_EOPNOTSUPP);
    forget_counts();
    assert_int_equal(xattr("f", PLAT_XATTR_LIST, NULL, back, sizeof back, 0), -LX_EOPNOTSUPP);
    assert_int_equal(g_volume.creates + g_volume.ea_queries, 0); /* it is not asked again */
    remove_file("f");
}

/* Without attributes: it is said once, and nothing is asked after that. */
static void a_volume_without_is_asked_once(void **state)
{
    (void)state;
    static const NTSTATUS answers[] = {STATUS_EAS_NOT_SUPPORTED, STATUS_INVALID_DEVICE_REQUEST,
                                       STATUS_NOT_SUPPORTED, STATUS_NOT_IMPLEMENTED,
                                       STATUS_INVALID_PARAMETER};
    struct plat_file *kept = g_folder;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        g_volume.no_ea = answers[i];
        g_volume.no_stat_lx = STATUS_INVALID_PARAMETER;
        assert_int_equal(plat_folder_open(FOLDER, &g_folder), 0);
        forget_counts();
        make("f", 0644); /* the first thing of all */
        assert_int_equal(g_volume.creates_with_ea, 1);
        forget_counts();
        struct plat_stat st = stat_of("f");
        assert_int_equal(st.mode, 0755);
        assert_int_equal(st.own, PLAT_OWN_USER | PLAT_OWN_GROUP);
        change("f", PLAT_CHANGE_MODE | PLAT_CHANGE_OWNER, 0444, 1, 2);
        assert_int_equal(stat_of("f").mode, 0555);
        change("f", PLAT_CHANGE_MODE, 0644, 0, 0);
        remove_file("f");
        make("f", 0600);
        remove_file("f");
        assert_int_equal(g_volume.stats + g_volume.ea_queries + g_volume.ea_sets, 0);
        assert_int_equal(g_volume.creates_with_ea, 0);
        plat_file_close(g_folder);
        assert_int_equal(plat_folder_open(FOLDER, &g_folder), 0);
        forget_counts();
        stat_of("");
        stat_of("");
        assert_int_equal(g_volume.stats, 1);
        assert_int_equal(g_volume.ea_queries, 1);
        plat_file_close(g_folder);
    }
    g_folder = kept;
}

/* Attributes that can be set and are refused later: it goes on without. */
static void a_volume_may_lose_them(void **state)
{
    (void)state;
    make("f", 0644);
    g_volume.no_ea = STATUS_EAS_NOT_SUPPORTED;
    change("f", PLAT_CHANGE_MODE, 0600, 0, 0);
    forget_counts();
    assert_int_equal(stat_of("f").mode, 0755);
    assert_int_equal(g_volume.stats, 0);
    remove_file("f");
}

static int open_volume(void **state)
{
    (void)state;
    memset(&g_volume, 0, sizeof g_volume);
    int err = plat_path_make_directory(FOLDER);
    return err < 0 && err != -LX_EEXIST ? err : plat_folder_open(FOLDER, &g_folder);
}

/* Before Windows 10 1803. */
static int open_old_volume(void **state)
{
    int err = open_volume(state);
    g_volume.no_stat_lx = STATUS_INVALID_INFO_CLASS;
    return err;
}

static int close_volume(void **state)
{
    (void)state;
    plat_file_close(g_folder);
    return g_volume.denials ? -1 : plat_path_remove(FOLDER);
}

#define ON(volume, test) cmocka_unit_test_setup_teardown(test, volume, close_volume)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        ON(open_volume, new_files_have_their_mode_at_once),
        ON(open_volume, modes_change_and_last),
        ON(open_volume, owners_are_noted_but_the_users),
        ON(open_volume, open_files_are_noted),
        ON(open_volume, what_makes_no_sense_is_not_shown),
        ON(open_volume, read_only_files_show_so),
        ON(open_volume, one_call_tells_all),
        ON(open_volume, who_may_not_read_them_sees_none),
        ON(open_volume, a_protected_medium_is_read),
        ON(open_volume, attributes_are_kept),
        ON(open_volume, attributes_of_directories_and_open_files),
        ON(open_volume, attributes_have_limits),
        ON(open_volume, a_volume_without_is_asked_once),
        ON(open_volume, a_volume_may_lose_them),
        ON(open_old_volume, new_files_have_their_mode_at_once),
        ON(open_old_volume, modes_change_and_last),
        ON(open_old_volume, owners_are_noted_but_the_users),
        ON(open_old_volume, open_files_are_noted),
        ON(open_old_volume, what_makes_no_sense_is_not_shown),
        ON(open_old_volume, read_only_files_show_so),
        ON(open_old_volume, who_may_not_read_them_sees_none),
    };
    ea_volume_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
