/* SPDX-License-Identifier: MIT */
/*
 * Modes and owners noted in extended attributes, on Windows.  Wine has no such attributes: other
 * calls take the place of the system's and keep them, as NTFS does; what Microsoft's documentation
 * asks of the caller they check.
 */

#include <ntstatus.h>

#include "lx/errno.h"
#include "test.h"
#include "windows/internal.h"

#define FOLDER "test-notes"
#define CREATE (PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE)
#define STAT_LX 70
#define VALUE_MAX 300

struct ea {
    uint64_t file; /* its id; 0: free */
    char name[32];
    uint32_t size;
    uint8_t value[VALUE_MAX];
};

/* A volume, and how often it was asked. */
static struct {
    NTSTATUS no_stat_lx, no_ea; /* what it says instead; 0: it has them */
    ACCESS_MASK denied;
    struct ea eas[64];
    int creates, creates_with_ea, stats, ea_queries, ea_sets, denials;
} g_volume;

static struct windows_nt g_real;
static struct plat_file *g_folder;

/* ---- The volume ---- */

static uint64_t id_of(HANDLE handle)
{
    BY_HANDLE_FILE_INFORMATION info;
    assert_true(GetFileInformationByHandle(handle, &info));
    return (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
}

/* Nobody is to ask for what a handle does not allow, but where access was denied. */
static int may(HANDLE handle, ACCESS_MASK access)
{
    PUBLIC_OBJECT_BASIC_INFORMATION info;
    assert_int_equal(NtQueryObject(handle, ObjectBasicInformation, &info, sizeof info, NULL), 0);
    int is_allowed = (info.GrantedAccess & access) == access;
    g_volume.denials += !is_allowed;
    return is_allowed;
}

static struct ea *find(uint64_t file, const char *name)
{
    for (int i = 0; i < 64; i++) {
        if (g_volume.eas[i].file == file && strcmp(g_volume.eas[i].name, name) == 0)
            return &g_volume.eas[i];
    }
    return NULL;
}

static void put_ea(uint64_t file, const char *name, const void *value, uint32_t size)
{
    struct ea *e = find(file, name);
    for (int i = 0; i < 64 && !e && size; i++)
        e = g_volume.eas[i].file ? NULL : &g_volume.eas[i];
    if (!e)
        return; /* there is nothing to remove */
    *e = (struct ea){.file = size ? file : 0, .size = size};
    strcpy(e->name, name);
    memcpy(e->value, value, size);
}

static uint32_t count_eas(uint64_t file)
{
    uint32_t count = 0;
    for (int i = 0; i < 64; i++)
        count += g_volume.eas[i].file == file;
    return count;
}

/* The rules of IoCheckEaBufferValidity(). */
static void set_eas(uint64_t file, const uint8_t *bytes, ULONG size)
{
    ULONG next, at = 0;
    assert_int_equal((uintptr_t)bytes % 4, 0);
    do {
        ULONG name_size = bytes[at + 5], value_size = bytes[at + 6] | (ULONG)bytes[at + 7] << 8;
        ULONG end = 8 + name_size + 1 + value_size;
        memcpy(&next, bytes + at, sizeof next);
        assert_true(size - at >= end && name_size > 0);
        assert_int_equal(bytes[at + 4], 0);
        assert_int_equal(bytes[at + 8 + name_size], 0);
        assert_true(next == 0 || next == ((end + 3) & ~3u));
        assert_true(next || size - at == end);
        if (file)
            put_ea(file, (const char *)bytes + at + 8, bytes + at + 8 + name_size + 1, value_size);
        at += next;
    } while (next);
}

static NTSTATUS NTAPI create_file(HANDLE *file, ACCESS_MASK access, OBJECT_ATTRIBUTES *object,
                                  IO_STATUS_BLOCK *io, LARGE_INTEGER *allocation, ULONG attributes,
                                  ULONG share, ULONG disposition, ULONG options, void *ea,
                                  ULONG ea_size)
{
    g_volume.creates++;
    assert_int_equal(ea != NULL, ea_size > 0);
    if (access & g_volume.denied)
        return STATUS_ACCESS_DENIED;
    if (ea) {
        assert_int_equal(disposition, FILE_CREATE); /* of a file that is there it would be lost */
        g_volume.creates_with_ea++;
        set_eas(0, ea, ea_size);
        if (g_volume.no_ea)
            return g_volume.no_ea;
    }
    NTSTATUS status = g_real.create_file(file, access, object, io, allocation, attributes, share,
                                         disposition, options, NULL, 0);
    if (status == STATUS_SUCCESS && ea)
        set_eas(id_of(*file), ea, ea_size);
    return status;
}

static uint32_t lx(uint64_t file, const char *name, uint32_t bit, uint32_t *flags)
{
    const struct ea *e = find(file, name);
    uint32_t value = 0;
    if (!e || e->size != 4)
        return 0;
    memcpy(&value, e->value, 4);
    *flags |= bit;
    return value;
}

/* FILE_STAT_LX_INFORMATION */
static NTSTATUS stat_lx(HANDLE handle, uint8_t *out, ULONG size)
{
    BY_HANDLE_FILE_INFORMATION info;
    uint32_t flags = 0;
    g_volume.stats++;
    if (g_volume.no_stat_lx)
        return g_volume.no_stat_lx;
    assert_true(size >= 96);
    if (!may(handle, FILE_READ_ATTRIBUTES | FILE_READ_EA))
        return STATUS_ACCESS_DENIED;
    assert_true(GetFileInformationByHandle(handle, &info));
    uint64_t id = id_of(handle), bytes = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    uint32_t uid = lx(id, "$LXUID", 1, &flags), gid = lx(id, "$LXGID", 2, &flags);
    uint32_t mode = lx(id, "$LXMOD", 4, &flags);
    const uint32_t rest[] = {
        info.dwFileAttributes, 0, info.nNumberOfLinks, 0x1f01ff, flags | 0x10, uid, gid, mode};
    memset(out, 0, 96);
    memcpy(out, &id, 8);
    memcpy(out + 16, &info.ftLastAccessTime, 8);
    memcpy(out + 24, &info.ftLastWriteTime, 8);
    memcpy(out + 40, &bytes, 8);
    memcpy(out + 48, &bytes, 8);
    memcpy(out + 56, rest, sizeof rest);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI query_information(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                                        FILE_INFORMATION_CLASS what)
{
    return (int)what == STAT_LX ? stat_lx(handle, out, size)
                                : g_real.query_information(handle, io, out, size, what);
}

/* With a list of names, those that are not there have values of no bytes. */
static NTSTATUS NTAPI query_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *out, ULONG size,
                               BOOLEAN single, void *names, ULONG names_size, ULONG *index,
                               BOOLEAN restart)
{
    const uint8_t *name = names;
    uint8_t *bytes = out, *entry = out;
    ULONG used = 0, next;
    g_volume.ea_queries++;
    assert_false(single || index || !restart);
    assert_int_equal((uintptr_t)names % 4, 0);
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_READ_EA))
        return STATUS_ACCESS_DENIED;
    if (!count_eas(id_of(handle)))
        return STATUS_NO_EAS_ON_FILE;
    memset(out, 0, size);
    do {
        const struct ea *e = find(id_of(handle), (const char *)name + 5);
        ULONG name_size = name[4], value_size = e ? e->size : 0, at = (used + 3) & ~3u;
        memcpy(&next, name, sizeof next);
        assert_true((uintptr_t)(name - (uint8_t *)names) + 5 + name_size < names_size);
        if (size - at < 8 + name_size + 1 + value_size) {
            io->Information = used;
            return used ? STATUS_BUFFER_OVERFLOW : STATUS_BUFFER_TOO_SMALL;
        }
        const uint32_t step = (uint32_t)(bytes + at - entry);
        memcpy(entry, &step, used ? 4 : 0);
        entry = bytes + at;
        entry[5] = (uint8_t)name_size;
        entry[6] = (uint8_t)value_size;
        entry[7] = (uint8_t)(value_size >> 8);
        memcpy(entry + 8, name + 5, name_size + 1);
        if (e)
            memcpy(entry + 9 + name_size, e->value, value_size);
        used = at + 9 + name_size + value_size;
        name += next;
    } while (next);
    io->Information = used;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI set_ea(HANDLE handle, IO_STATUS_BLOCK *io, void *ea, ULONG size)
{
    (void)io;
    g_volume.ea_sets++;
    if (g_volume.no_ea)
        return g_volume.no_ea;
    if (!may(handle, FILE_WRITE_EA))
        return STATUS_ACCESS_DENIED;
    set_eas(id_of(handle), ea, size);
    return STATUS_SUCCESS;
}

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

static void assert_ea(uint64_t file, const char *name, uint32_t value)
{
    const struct ea *e = find(file, name);
    assert_non_null(e);
    assert_int_equal(e->size, 4);
    assert_memory_equal(e->value, &value, 4);
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
    uint8_t longer[VALUE_MAX] = {1};
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
    put_ea(file, "$LXGID", longer, VALUE_MAX);
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
    g_real = g_windows.nt;
    g_windows.nt.create_file = create_file;
    g_windows.nt.query_information = query_information;
    g_windows.nt.query_ea = query_ea;
    g_windows.nt.set_ea = set_ea;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
