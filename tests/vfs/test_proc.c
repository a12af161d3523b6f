/* SPDX-License-Identifier: MIT */
/* /proc over a provider of three processes: names, cookies, links, rights, and texts. */

#include "sleeper.h"
#include "test.h"
#include "vfs/file.h"
#include "vfs/pipe.h"
#include "vfs/proc.h"
#include "vfs/text.h"

#define OTHER_UID 1000u

static const struct mkimage_row rows[] = {
    {MKIMAGE_FILE("/file", 0644, "text")},
    {MKIMAGE_DIR("/proc", 0755)},
};

/* What the provider knows. */
static struct {
    struct vfs_fs *fs;
    int32_t pids[3];
    struct vfs_file *file, *pipe; /* descriptors 3 and 5 of process 1 */
    int may_look;                 /* what it says of the others */
    const char *text;
    char written[16];
} g;

static int exists(int32_t pid)
{
    return pid == g.pids[0] || pid == g.pids[1] || pid == g.pids[2];
}

static int self(struct vfs_proc_id *id, struct vfs_fs **fs)
{
    *id = (struct vfs_proc_id){1, 1, 0};
    *fs = g.fs;
    return 0;
}

static int32_t next(int32_t pid, int32_t from)
{
    if (pid)
        return from <= pid ? pid : from <= pid + 1 ? pid + 1 : 0; /* two threads each */
    int32_t best = 0;
    for (int i = 0; i < 3; i++) {
        if (g.pids[i] && g.pids[i] >= from && (!best || g.pids[i] < best))
            best = g.pids[i];
    }
    return best;
}

static int32_t next_fd(const struct vfs_proc_id *id, int32_t from)
{
    return id->pid != 1 ? -1 : from <= 3 ? 3 : from <= 5 ? 5 : -1;
}

static int owner(const struct vfs_proc_id *id, uint32_t *uid, uint32_t *gid)
{
    *uid = *gid = id->pid == 7 ? OTHER_UID : 0;
    return exists(id->pid) && (!id->tid || id->tid == id->pid || id->tid == id->pid + 1)
               ? 0
               : -LX_ENOENT;
}

static int may_look(const struct vfs_proc_id *id)
{
    return id->pid == 1 ? 0 : g.may_look;
}

static int file(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_file **out)
{
    *out = NULL;
    if (what == VFS_PROC_FD_LINK && id->fd == 5)
        *out = vfs_file_get(g.pipe);
    else if (what == VFS_PROC_EXE || id->fd == 3)
        *out = vfs_file_get(g.file);
    return *out ? 0 : -LX_ENOENT;
}

static int directory(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_path *out)
{
    (void)what;
    (void)id;
    vfs_fs_current(g.fs, &g.fs->root, out);
    return 0;
}

static int render(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_text *t)
{
    if (id->pid && !exists(id->pid))
        return -LX_ESRCH;
    vfs_text_f(t, "%d:%d %s", (int)(what == VFS_PROC_STAT), id->pid, g.text);
    return 0;
}

static int64_t write_file(enum vfs_proc_what what, const struct vfs_proc_id *id, const char *text,
                          uint64_t size)
{
    (void)id;
    if (what != VFS_PROC_COMM || size >= sizeof g.written)
        return -LX_EINVAL;
    memcpy(g.written, text, size);
    g.written[size] = 0;
    return 0;
}

static const struct vfs_proc_provider provider = {self, next,      next_fd, owner,     may_look,
                                                  file, directory, render,  write_file};

static int set_up(void **state)
{
    struct vfs_file *writer;
    g.fs = mount_rows(rows, COUNT(rows));
    memcpy(g.pids, (int32_t[]){1, 7, 40}, sizeof g.pids);
    g.may_look = 0;
    g.text = "first";
    vfs_proc_set_provider(&provider);
    const struct vfs_open how = {.flags = LX_O_RDONLY};
    *state = g.fs;
    if (vfs_file_open_path(g.fs, NULL, "/file", &how, NULL, &g.file) < 0 ||
        vfs_pipe_new(0, &g.pipe, &writer) < 0)
        return -1;
    vfs_file_put(writer);
    return vfs_proc_mount(g.fs, "/proc");
}

static int tear_down(void **state)
{
    vfs_file_put(g.file);
    vfs_file_put(g.pipe);
    vfs_fs_put(*state);
    return 0;
}

static struct vfs_file *open_file(const char *path, uint32_t flags)
{
    struct vfs_file *f;
    assert_int_equal(
        vfs_file_open_path(g.fs, NULL, path, &(struct vfs_open){.flags = flags}, NULL, &f), 0);
    return f;
}

static void assert_link(const char *path, const char *target)
{
    char buf[128];
    struct vfs_inode *inode;
    assert_int_equal(vfs_walk(g.fs, NULL, path, VFS_WALK_NOFOLLOW, &inode), 0);
    int64_t n = vfs_inode_readlink(inode, buf, sizeof buf);
    assert_int_equal(n, (int64_t)strlen(target));
    assert_memory_equal(buf, target, (size_t)n);
    vfs_inode_put(inode);
}

static void names(void **state)
{
    static const struct {
        const char *path;
        int want;
        uint32_t mode, uid;
    } cases[] = {
        {"/proc", 0, DIR | 0555, 0},
        {"/proc/1", 0, DIR | 0555, 0},
        {"/proc/7/stat", 0, REG | 0444, OTHER_UID},
        {"/proc/7/task/8/status", 0, REG | 0444, OTHER_UID},
        {"/proc/7/task/8/fd", 0, DIR | 0500, OTHER_UID},
        {"/proc/self/fd/3", 0, REG | 0644, 0}, /* followed */
        {"/proc/sys/kernel/random/uuid", 0, REG | 0444, 0},
        {"/proc/self/cwd/proc/self/cwd/file", 0, REG | 0644, 0},
        {"/proc/7/task/8/task", -LX_ENOENT, 0, 0},
        {"/proc/7/task/9", -LX_ENOENT, 0, 0},
        {"/proc/8", -LX_ENOENT, 0, 0},
        {"/proc/01", -LX_ENOENT, 0, 0},
        {"/proc/4294967297", -LX_ENOENT, 0, 0},
        {"/proc/99999999999999999999", -LX_ENOENT, 0, 0},
        {"/proc/self/fd/4", -LX_ENOENT, 0, 0},
        {"/proc/self/fd/3/x", -LX_ENOTDIR, 0, 0},
        {"/proc/fd", -LX_ENOENT, 0, 0},
    };
    (void)state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        struct vfs_inode *inode;
        assert_int_equal(vfs_walk(g.fs, NULL, cases[i].path, 0, &inode), cases[i].want);
        if (!inode)
            continue;
        struct lx_stat st;
        vfs_inode_stat(inode, &st);
        assert_int_equal(st.st_mode, cases[i].mode);
        assert_int_equal(st.st_uid, cases[i].uid);
        vfs_inode_put(inode);
    }
}

static void links(void **state)
{
    char pipe[64];
    struct lx_stat st;
    (void)state;
    assert_link("/proc/self", "1");
    assert_link("/proc/thread-self", "1/task/1");
    assert_link("/proc/self/exe", "/file");
    assert_link("/proc/self/cwd", "/");
    assert_link("/proc/self/fd/3", "/file");
    assert_int_equal(vfs_file_stat(g.pipe, &st), 0);
    snprintf(pipe, sizeof pipe, "pipe:[%llu]", (unsigned long long)st.st_ino);
    assert_link("/proc/self/fd/5", pipe);

    struct vfs_inode *inode, *whole;
    assert_int_equal(vfs_walk(g.fs, NULL, "/file", 0, &whole), 0);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/self/fd/3", 0, &inode), 0);
    assert_ptr_equal(inode, whole);
    vfs_inode_put(inode);
    vfs_inode_put(whole);
    uint32_t magic = LX_RESOLVE_NO_MAGICLINKS << VFS_WALK_RESOLVE_SHIFT;
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/self/fd/3", magic, &inode), -LX_ELOOP);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/self/stat", magic, &inode), 0);
    vfs_inode_put(inode);
}

/* Who may not look at a process is told so by its links, not by what anyone may read. */
static void rights(void **state)
{
    char buf[64];
    struct vfs_inode *inode;
    (void)state;
    g.may_look = -LX_EACCES;
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/7/exe", 0, &inode), -LX_EACCES);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/7/cwd/file", 0, &inode), -LX_EACCES);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/7/exe", VFS_WALK_NOFOLLOW, &inode), 0);
    assert_int_equal(vfs_inode_readlink(inode, buf, sizeof buf), -LX_EACCES);
    vfs_inode_put(inode);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/7/stat", 0, &inode), 0);
    vfs_inode_put(inode);
    const struct vfs_cred root = g.fs->cred;
    g.fs->cred.uid = OTHER_UID;
    g.fs->cred.capabilities = 0; /* the mode of /proc/40/fd is for its owner */
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/40/fd/3", 0, &inode), -LX_EACCES);
    assert_int_equal(vfs_walk(g.fs, NULL, "/proc/self/fd/3", 0, &inode), 0); /* its own */
    vfs_inode_put(inode);
    g.fs->cred = root;
}

/* A listing that stops after each name and goes on at its cookie. */
struct listed {
    char names[512];
    uint64_t cookie;
    int count;
};

static int emit_one(void *arg, const char *name, uint32_t size, uint64_t ino, uint32_t type,
                    uint64_t next_cookie)
{
    struct listed *l = arg;
    (void)type;
    if (l->count++)
        return 0;
    assert_true(ino != 0);
    strncat(l->names, name, size);
    strcat(l->names, " ");
    l->cookie = next_cookie;
    return 1;
}

static void listing_while_processes_go(void **state)
{
    struct listed l = {.cookie = 0};
    struct vfs_file *dir = open_file("/proc", LX_O_RDONLY);
    (void)state;
    do {
        l.count = 0;
        assert_int_equal(vfs_file_list(dir, l.cookie, emit_one, &l), 0);
        size_t length = strlen(l.names);
        if (length > 3 && strcmp(l.names + length - 3, " 1 ") == 0) {
            g.pids[0] = 90; /* what was shown goes, and another comes behind the others */
            g.pids[1] = 0;
        }
    } while (l.count);
    assert_non_null(strstr(l.names, ". .. cgroups cmdline cpuinfo "));
    assert_non_null(strstr(l.names, " vmstat 1 40 90 "));
    vfs_file_put(dir);

    memset(&l, 0, sizeof l);
    memcpy(g.pids, (int32_t[]){1, 7, 40}, sizeof g.pids);
    dir = open_file("/proc/self/fd", LX_O_RDONLY);
    do {
        l.count = 0;
        assert_int_equal(vfs_file_list(dir, l.cookie, emit_one, &l), 0);
    } while (l.count);
    assert_string_equal(l.names, ". .. 3 5 ");
    vfs_file_put(dir);
}

/* A text is made at the start of a file and stays for the reads behind it. */
static void texts(void **state)
{
    char buf[64];
    struct vfs_file *f = open_file("/proc/7/stat", LX_O_RDONLY);
    (void)state;
    assert_int_equal(vfs_file_read(f, buf, 4, NULL), 4);
    g.text = "second, longer";
    assert_int_equal(vfs_file_read(f, buf + 4, sizeof buf - 4, NULL), 5);
    assert_memory_equal(buf, "1:7 first", 9);
    assert_int_equal(vfs_file_read(f, buf, sizeof buf, NULL), 0);
    assert_int_equal(vfs_file_pread(f, buf, sizeof buf, 0), 18);
    assert_memory_equal(buf, "1:7 second, longer", 18);
    g.pids[1] = 0;
    assert_int_equal(vfs_file_pread(f, buf, sizeof buf, 0), -LX_ESRCH);
    vfs_file_put(f);

    f = open_file("/proc/self/comm", LX_O_RDWR);
    assert_int_equal(vfs_file_write(f, "name\n", 5, NULL), 5);
    assert_string_equal(g.written, "name\n");
    vfs_file_put(f);
    f = open_file("/proc/self/stat", LX_O_WRONLY);
    assert_int_equal(vfs_file_write(f, "name\n", 5, NULL), -LX_EINVAL);
    vfs_file_put(f);
}

static void nothing_is_made_or_removed(void **state)
{
    (void)state;
    assert_int_equal(vfs_tree_mkdir(g.fs, NULL, "/proc/x", 0777), -LX_ENOENT);
    assert_int_equal(make_file(g.fs, "/proc/1/x"), -LX_ENOENT);
    assert_int_equal(vfs_tree_unlink(g.fs, NULL, "/proc/uptime"), -LX_EPERM);
    assert_int_equal(vfs_tree_rmdir(g.fs, NULL, "/proc/1"), -LX_EPERM);
    assert_int_equal(vfs_tree_rmdir(g.fs, NULL, "/proc"), -LX_EBUSY);
    assert_int_equal(vfs_tree_rename(g.fs, NULL, "/file", NULL, "/proc/x", 0), -LX_EXDEV);
    assert_int_equal(vfs_tree_rename(g.fs, NULL, "/proc/stat", NULL, "/x", 0), -LX_EXDEV);
    assert_int_equal(vfs_tree_rename(g.fs, NULL, "/proc/stat", NULL, "/proc/uptime", 0), -LX_EPERM);
}

/* Inodes of /proc, texts and pipes opened again all go with their last use. */
static void nothing_is_left(void **state)
{
    char buf[64];
    (void)state;
    uint64_t before = 0;
    for (int i = 0; i < 3; i++) { /* the first round fills caches */
        if (i == 1)
            before = core_arena_used();
        struct vfs_file *f = open_file("/proc/7/task/8/stat", LX_O_RDONLY);
        assert_true(vfs_file_read(f, buf, sizeof buf, NULL) > 0);
        vfs_file_put(f);
        f = open_file("/proc/self/fd/5", LX_O_RDWR);
        assert_int_equal(vfs_file_write(f, "x", 1, sleeper(0)), 1);
        vfs_file_put(f);
        f = open_file("/proc/self/fd/3", LX_O_RDONLY);
        vfs_file_put(f);
        assert_link("/proc/self/fd/3", "/file");
    }
    assert_int_equal(core_arena_used(), before);
}

static void text_formats(void **state)
{
    struct vfs_text t = {.data = NULL};
    (void)state;
    vfs_text_f(&t, "[%d|%5u|%-5u|%05x|%c|%s|%.2s|%8s|%-4s|%*s|%%]", -7, 42u, 42u, 0xbeefu, 'c',
               "str", "cut", "right", "l", 3, "");
    vfs_text_f(&t, "%llu %lld %016llx %o", 18446744073709551615ull, (long long)INT64_MIN, 1ull, 8u);
    vfs_text_path(&t, "a b\\c\n", 6);
    vfs_text_add(&t, "", 1);
    assert_string_equal(t.data, "[-7|   42|42   |0beef|c|str|cu|   right|l   |   |%]"
                                "18446744073709551615 -9223372036854775808 0000000000000001 10"
                                "a\\040b\\134c\\012");
    for (int i = 0; i < 10000; i++)
        vfs_text_f(&t, "%d\n", i);
    assert_false(t.failed);
    assert_memory_equal(t.data + t.size - 5, "9999\n", 5);
    vfs_text_free(&t);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listing_while_processes_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_made_or_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left, set_up, tear_down),
        cmocka_unit_test(text_formats),
    };
    return cmocka_run_group_tests_name("vfs.proc", tests, NULL, NULL);
}
