/* SPDX-License-Identifier: MIT */
/* shim/cred.c: what programs run as, and who may signal whom. */

#include "shim/cred.h"

#include "lx/personality.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "shim/host.h"
#include "shim/process.h"
#include "shim/task.h"
#include "test.h"

#define BIT(cap) LX_CAP_BIT(LX_CAP_##cap)
#define ALL 0xa80425fbull

static struct shim_process *p;
static struct shim_task *t;

static int setup(void **state)
{
    *state = mount_rows(NULL, 0);
    int host = shim_container_init() == 0 ? shim_pool_add() : -1;
    if (host < 0 || !shim_host_begin((uint32_t)host) || shim_process_new(&p, &t) < 0)
        return -1;
    p->fs = *state;
    return 0;
}

/* A file of root's. */
static struct vfs_inode *program(uint32_t mode, const struct lx_vfs_cap_data *caps)
{
    struct vfs_inode *inode;
    assert_int_equal(vfs_inode_new(vfs_root()->super, LX_S_IFREG | mode, 0, 0, 0, NULL, &inode), 0);
    if (caps)
        assert_int_equal(vfs_inode_setxattr(inode, LX_XATTR_NAME_CAPS, caps, 20, 0), 0);
    return inode;
}

static void become(uint32_t uid)
{
    shim_cred_become(p, uid, uid, NULL, SHIM_CAPABILITIES);
    p->no_new_privs = 0;
}

/* Run a program of this mode and capabilities. */
static void run(uint32_t mode, const struct lx_vfs_cap_data *caps)
{
    struct shim_cred_exec next;
    struct vfs_inode *inode = program(mode, caps);
    assert_int_equal(shim_cred_exec(t, &(struct vfs_path){NULL, inode}, &next), 0);
    shim_cred_exec_commit(t, &next);
    vfs_inode_put(inode);
}

static const struct lx_vfs_cap_data net_raw = {
    .magic_etc = LX_VFS_CAP_REVISION_2 | LX_VFS_CAP_FLAGS_EFFECTIVE,
    .data = {{.permitted = (uint32_t)BIT(NET_RAW)}},
};
static const struct lx_vfs_cap_data kill_inheritable = {
    .magic_etc = LX_VFS_CAP_REVISION_2 | LX_VFS_CAP_FLAGS_EFFECTIVE,
    .data = {{.inheritable = (uint32_t)(BIT(KILL) | BIT(CHOWN))}},
};

static void root_is_what_the_owner_makes(void **state)
{
    (void)state;
    become(1000);
    run(04755, NULL);
    assert_int_equal(p->cred.euid, 0);
    assert_int_equal(p->cred.fsuid, 0);
    assert_int_equal(p->cred.effective, ALL);
    assert_int_equal(p->cred.secure, 1);
    assert_int_equal(p->fs->cred.capabilities, ALL & VFS_CAPABILITIES);
    run(0755, NULL); /* euid 0 still */
    assert_int_equal(p->cred.effective, ALL);
    assert_int_equal(p->cred.secure, 1);
}

static void no_new_privileges_means_none(void **state)
{
    (void)state;
    become(1000);
    p->no_new_privs = 1;
    run(04755, NULL);
    assert_int_equal(p->cred.euid, 1000);
    assert_int_equal(p->cred.permitted, 0);
    assert_int_equal(p->cred.secure, 0);
    run(0755, &net_raw);
    assert_int_equal(p->cred.permitted, 0);
    become(0);
    p->no_new_privs = 1;
    run(0755, NULL); /* what it had it keeps */
    assert_int_equal(p->cred.effective, ALL);
}

static void without_root_user_zero_is_nobody(void **state)
{
    (void)state;
    become(0);
    p->cred.securebits = LX_SECBIT_NOROOT | LX_SECBIT_KEEP_CAPS;
    run(0755, NULL);
    assert_int_equal(p->cred.permitted, 0);
    assert_int_equal(p->cred.securebits, LX_SECBIT_NOROOT); /* keepcaps ends */
    run(0755, &net_raw);
    assert_int_equal(p->cred.effective, BIT(NET_RAW));
}

static void capabilities_are_handed_on(void **state)
{
    (void)state;
    become(1000);
    p->cred.permitted = p->cred.inheritable = BIT(KILL) | BIT(MKNOD);
    p->cred.ambient = BIT(KILL);
    run(0755, NULL);
    assert_int_equal(p->cred.permitted, BIT(KILL));
    assert_int_equal(p->cred.effective, BIT(KILL));
    assert_int_equal(p->cred.secure, 0);
    run(0755, &kill_inheritable); /* and ends the ambient ones */
    assert_int_equal(p->cred.permitted, BIT(KILL));
    assert_int_equal(p->cred.ambient, 0);
    assert_int_equal(p->cred.secure, 1);
    run(0755, NULL);
    assert_int_equal(p->cred.permitted, 0);
    assert_int_equal(p->cred.inheritable, BIT(KILL) | BIT(MKNOD));
}

static void the_bounding_set_bounds(void **state)
{
    (void)state;
    struct shim_cred_exec next;
    become(0);
    p->cred.bounding = BIT(KILL);
    run(0755, NULL);
    assert_int_equal(p->cred.permitted, BIT(KILL));
    struct vfs_inode *inode = program(0755, &net_raw);
    assert_int_equal(shim_cred_exec(t, &(struct vfs_path){NULL, inode}, &next), -LX_EPERM);
    vfs_inode_put(inode);
}

static void attributes_are_reset(void **state)
{
    (void)state;
    become(1000);
    p->personality = LX_ADDR_NO_RANDOMIZE | LX_PER_LINUX32;
    p->death_signal = LX_SIGTERM;
    p->dumpable = 0;
    p->limits[LX_RLIMIT_STACK].rlim_cur = 64u << 20;
    run(0755, NULL);
    assert_int_equal(p->dumpable, 1);
    assert_int_equal(p->death_signal, LX_SIGTERM);
    assert_int_equal(p->personality, LX_ADDR_NO_RANDOMIZE | LX_PER_LINUX32);
    assert_int_equal(p->limits[LX_RLIMIT_STACK].rlim_cur, 64u << 20);
    run(04755, NULL);
    assert_int_equal(p->dumpable, 0);
    assert_int_equal(p->death_signal, 0);
    assert_int_equal(p->personality, LX_PER_LINUX32);
    assert_int_equal(p->limits[LX_RLIMIT_STACK].rlim_cur, 8u << 20);
    become(1000);
    run(0711, NULL); /* nor what its user may not read */
    assert_int_equal(p->dumpable, 0);
}

static void children_have_their_own(void **state)
{
    (void)state;
    struct shim_process *child;
    struct shim_task *task;
    static const uint32_t ids[] = {7, 3};
    struct vfs_groups *groups;
    assert_int_equal(vfs_groups_new(ids, COUNT(ids), &groups), 0);
    shim_cred_become(p, 5, 6, groups, SHIM_CAPABILITIES);
    p->no_new_privs = 1;
    p->limits[LX_RLIMIT_CORE].rlim_cur = 77;
    assert_int_equal(shim_process_new(&child, &task), 0);
    assert_int_equal(vfs_fs_new(&child->fs), 0);
    shim_cred_copy(child, p);
    become(0);
    assert_int_equal(child->cred.uid, 5);
    assert_int_equal(child->no_new_privs, 1);
    assert_int_equal(child->limits[LX_RLIMIT_CORE].rlim_cur, 77);
    assert_true(vfs_in_group(&child->fs->cred, 6));
    assert_true(vfs_in_group(&child->fs->cred, 3));
    assert_true(vfs_in_group(&child->fs->cred, 7));
    assert_false(vfs_in_group(&child->fs->cred, 5));
    assert_false(vfs_in_group(&p->fs->cred, 3));
    uint64_t used = core_arena_used();
    shim_cred_free(child);
    assert_int_equal(core_arena_used(), used); /* the file system looks at them yet */
    vfs_fs_put(child->fs);
    assert_true(core_arena_used() < used);
}

static void signals_between_users(void **state)
{
    (void)state;
    static const struct {
        uint32_t uid, euid, to_uid, to_suid, to_sid;
        int32_t sig;
        int want;
    } rows[] = {
        {5, 5, 5, 5, 9, LX_SIGTERM, 0},
        {5, 5, 6, 6, 1, LX_SIGTERM, -LX_EPERM},
        {5, 5, 6, 6, 1, 0, -LX_EPERM},
        {5, 6, 6, 7, 9, LX_SIGTERM, 0}, /* the effective user */
        {5, 6, 7, 5, 9, LX_SIGTERM, 0}, /* the real one, and the other's saved one */
        {5, 5, 6, 6, 1, LX_SIGCONT, 0}, /* in the same session */
        {5, 5, 6, 6, 9, LX_SIGCONT, -LX_EPERM},
    };
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct shim_process from = {.sid = 1}, to = {.sid = (int32_t)rows[i].to_sid};
        from.cred.uid = rows[i].uid, from.cred.euid = rows[i].euid;
        to.cred.uid = to.cred.euid = rows[i].to_uid, to.cred.suid = rows[i].to_suid;
        if (shim_cred_may_signal(&from, &to, rows[i].sig) != rows[i].want)
            fail_msg("row %u", i);
        from.cred.effective = BIT(KILL);
        assert_int_equal(shim_cred_may_signal(&from, &to, rows[i].sig), 0);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_what_the_owner_makes),
        cmocka_unit_test(no_new_privileges_means_none),
        cmocka_unit_test(without_root_user_zero_is_nobody),
        cmocka_unit_test(capabilities_are_handed_on),
        cmocka_unit_test(the_bounding_set_bounds),
        cmocka_unit_test(attributes_are_reset),
        cmocka_unit_test(children_have_their_own),
        cmocka_unit_test(signals_between_users),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
