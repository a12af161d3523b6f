/* SPDX-License-Identifier: MIT */
/* The guest host: attaches to the container and becomes its first process. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/diag.h"
#include "core/layout.h"
#include "environment.h"
#include "handover.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "runner/run.h"
#include "shim/cred.h"
#include "shim/exec.h"
#include "shim/host.h"
#include "shim/memory.h"
#include "shim/patches.h"
#include "shim/proc.h"
#include "shim/process.h"
#include "shim/task.h"
#include "user.h"
#include "vfs/cred.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/image.h"
#include "vfs/mount.h"
#include "vfs/mqueue.h"
#include "vfs/proc.h"
#include "vfs/super.h"
#include "vfs/sys.h"
#include "vfs/tree.h"
#include "vfs/tty.h"

#define TEXT_MAX (1u << 20)

static struct handover *handover(void)
{
    return core_arena_root(CORE_ROOT_RUNNER);
}

/* Tell the launcher why there is no program, and end. */
static NORETURN void give_up(int code, const char *what, int err)
{
    struct handover *h = handover();
    if (err < 0)
        snprintf(h->error, sizeof h->error, "%s: %s", what, core_diag_strerror(err));
    else
        snprintf(h->error, sizeof h->error, "%s", what);
    h->code = code;
    plat_exit(code);
}

/* Map the next file of the image behind what is mapped. */
static int map_file(uint32_t n, uint64_t size, uint64_t *at, struct vfs_image_map *out)
{
    struct plat_file *file;
    const void *data;
    int err = plat_file_inherited(n, &file);
    if (err == 0)
        err = plat_file_map(file, *at, size, &data);
    if (err < 0)
        return err;
    *out = (struct vfs_image_map){data, size};
    *at += (size + PLAT_GRANULE) / PLAT_GRANULE * PLAT_GRANULE;
    return 0;
}

static int map_image(const struct handover *h)
{
    struct vfs_image image;
    struct vfs_image_map map;
    const struct vfs_image_pack *pack;
    uint64_t at = CORE_IMAGE_BASE;
    int err = map_file(HANDOVER_INDEX, h->index_size, &at, &map);
    if (err == 0)
        err = vfs_image_open(&image, map);
    uint32_t next = HANDOVER_PACKS;
    for (uint32_t i = 0; err == 0 && (pack = vfs_image_pack(&image, i)); i++) {
        err = map_file(next++, pack->size, &at, &map);
        if (err == 0)
            err = vfs_image_open_pack(&image, map);
    }
    if (err < 0)
        return err;
    image.whole_packs = h->whole_packs;
    vfs_image_attach(&image);
    /* Without its patch tables, programs are scanned again. */
    struct plat_file *memory = NULL;
    if (h->kept.images.size && plat_file_inherited(next + 1, &memory) < 0)
        memory = NULL;
    static const struct shim_images none;
    if (h->kept.patches_size && map_file(next, h->kept.patches_size, &at, &map) == 0 &&
        shim_patches_check(map.data, map.size, memory ? &h->kept.images : &none) == 0)
        shim_patches_use(map.data, memory);
    return 0;
}

/* What every container finds in /dev. */
static int make_devices(struct vfs_fs *fs)
{
    static const struct {
        const char *path;
        uint32_t device;
    } devices[] = {
        {"/dev/null", LX_MAKEDEV(1, 3)},    {"/dev/zero", LX_MAKEDEV(1, 5)},
        {"/dev/full", LX_MAKEDEV(1, 7)},    {"/dev/random", LX_MAKEDEV(1, 8)},
        {"/dev/urandom", LX_MAKEDEV(1, 9)}, {"/dev/tty", LX_MAKEDEV(5, 0)},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
        {"pts/ptmx", "/dev/ptmx"},
    };
    int err = 0;
    for (size_t i = 0; err == 0 && i < sizeof devices / sizeof devices[0]; i++)
        err = vfs_tree_mknod(fs, NULL, devices[i].path, LX_S_IFCHR | 0666, devices[i].device);
    for (size_t i = 0; err == 0 && i < sizeof links / sizeof links[0]; i++)
        err = vfs_tree_symlink(fs, NULL, links[i][1], links[i][0]);
    return err;
}

#define DEV_SIZE (64ull << 20) /* as docker's */

/* The mounts of every container, over what the image has at their places. */
static int make_mounts(struct vfs_fs *fs, uint64_t shm_size)
{
    const struct vfs_tmpfs_options dev = {.flags = VFS_MOUNT_NOSUID,
                                          .mode = 0755,
                                          .size = DEV_SIZE,
                                          .inodes = UINT64_MAX,
                                          .source = "tmpfs"};
    const struct vfs_tmpfs_options shm = {.flags =
                                              VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC,
                                          .mode = 01777,
                                          .size = shm_size,
                                          .inodes = UINT64_MAX,
                                          .source = "shm"};
    uint32_t umask = fs->umask;
    fs->umask = 0;
    int err = vfs_proc_mount(fs, "/proc");
    if (err == 0)
        err = vfs_sys_mount(fs);
    if (err == 0)
        err = vfs_mount_tmpfs(fs, "/dev", &dev);
    if (err == 0)
        err = make_devices(fs);
    if (err == 0)
        err = vfs_devpts_mount(fs);
    if (err == 0)
        err = vfs_mqueue_mount(fs, "/dev/mqueue");
    if (err == 0)
        err = vfs_mount_tmpfs(fs, "/dev/shm", &shm);
    fs->umask = umask;
    return err;
}

/*
 * docker gives each container names for its addresses.  An image that has an /etc and brings none
 * gets those of the loopback; without them nothing is lost but names.
 */
static void make_hosts(struct vfs_fs *fs, const char *hostname)
{
    static const struct vfs_open how = {LX_O_RDWR | LX_O_CREAT, 0644, 0};
    char text[256];
    struct vfs_inode *inode;
    if (vfs_tree_open(fs, NULL, "/etc/hosts", &how, &inode) < 0)
        return;
    int size = snprintf(text, sizeof text,
                        "127.0.0.1\tlocalhost\n"
                        "::1\tlocalhost ip6-localhost ip6-loopback\n"
                        "127.0.0.1\t%s\n",
                        hostname);
    int64_t n = 0;
    if (VFS_IS_REG(inode) && vfs_inode_size(inode) == 0)
        n = vfs_inode_write(inode, text, (uint64_t)size, 0);
    (void)n;
    vfs_inode_put(inode);
}

/* docker makes a working directory that is not there. */
static int enter_workdir(struct vfs_fs *fs, const char *workdir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", workdir);
    for (char *slash = path + 1; *slash; slash++) {
        if (*slash != '/')
            continue;
        *slash = 0;
        int err = vfs_tree_mkdir(fs, NULL, path, 0755);
        *slash = '/';
        if (err < 0 && err != -LX_EEXIST)
            return err;
    }
    int err = vfs_tree_mkdir(fs, NULL, path, 0755);
    if (err < 0 && err != -LX_EEXIST)
        return err;
    struct vfs_path dir;
    err = vfs_walk_path(fs, NULL, path, VFS_WALK_DIRECTORY, &dir);
    if (err == 0)
        vfs_fs_set_cwd(fs, &dir);
    vfs_path_put(&dir);
    return err;
}

static int open_streams(struct vfs_fdtable *fds)
{
    for (uint32_t n = 0; n < 3; n++) {
        struct vfs_file *file, *old;
        int err = vfs_file_open_stream(n, &file);
        if (err == -LX_EBADF) /* closed by whoever started us: it stays closed */
            continue;
        if (err == 0)
            err = vfs_fdtable_replace(fds, (int32_t)n, file, 0, &old);
        vfs_file_put(file);
        if (err < 0)
            return err;
    }
    return 0;
}

/* A small text file of the image, to be freed; empty if it is not there. */
static char *read_text(struct vfs_fs *fs, const char *path)
{
    struct vfs_inode *inode;
    char *text = calloc(1, TEXT_MAX);
    if (text && vfs_walk(fs, NULL, path, 0, &inode) == 0) {
        if (VFS_IS_REG(inode) && vfs_inode_read(inode, text, TEXT_MAX - 1, 0) < 0)
            text[0] = 0;
        vfs_inode_put(inode);
    }
    return text;
}

/* Who the program is to run as. */
static void find_user(struct shim_process *p, const struct handover *h, struct user *user)
{
    char error[512];
    char *passwd = read_text(p->fs, "/etc/passwd"), *group = read_text(p->fs, "/etc/group");
    if (!passwd || !group)
        give_up(RUNNER_EXIT_FAILED, "cannot find the user", -LX_ENOMEM);
    if (user_find(h->user, passwd, group, user, error, sizeof error) < 0)
        give_up(RUNNER_EXIT_FAILED, error, 0);
    for (const char *const *g = h->groups; *g; g++) {
        if (user_add_group(*g, group, user, error, sizeof error) < 0)
            give_up(RUNNER_EXIT_FAILED, error, 0);
    }
    free(passwd);
    free(group);
}

static void become_user(struct shim_process *p, const struct user *user)
{
    struct vfs_groups *groups;
    if (vfs_groups_new(user->groups, user->group_count, &groups) < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot set the user's groups", -LX_ENOMEM);
    shim_cred_become(p, user->uid, user->gid, groups, handover()->capabilities);
    memcpy(p->limits, handover()->limits, sizeof p->limits);
}

/* Try the directories of PATH in turn, as execvp(3) does. */
static int load_from_path(struct shim_task *t, const char *name, const char *const *argv,
                          char *const *env, struct shim_exec_error *error)
{
    const char *path = environment_get(env, "PATH");
    int result = -LX_ENOENT;
    struct shim_exec_error first = {.text = ""};
    for (const char *dir = path ? path : ENVIRONMENT_DEFAULT_PATH; dir;) {
        size_t length = strcspn(dir, ":");
        char candidate[4096];
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, length ? dir : ".", name);
        int err = shim_exec_load(t, candidate, argv, (const char *const *)env, error);
        if (err != -LX_ENOENT && err != -LX_ENOTDIR && err != -LX_EACCES)
            return err;
        if (err == -LX_EACCES && result == -LX_ENOENT) {
            result = err;
            first = *error;
        }
        dir = dir[length] ? dir + length + 1 : NULL;
    }
    if (first.text[0])
        *error = first;
    else
        snprintf(error->text, sizeof error->text, "%s: not found in the PATH of the image", name);
    return result;
}

static int load(struct shim_task *t, const struct handover *h, char *const *env,
                struct shim_exec_error *error)
{
    const char *program = h->argv[0];
    if (strchr(program, '/'))
        return shim_exec_load(t, program, h->argv, (const char *const *)env, error);
    return load_from_path(t, program, h->argv, env, error);
}

/* Let this process have the folders that are mounted. */
static void attach_folders(const struct handover *h)
{
    for (uint32_t i = 0; i < h->folder_count; i++) {
        struct plat_file *folder;
        if (plat_file_inherited(h->folder_file + i, &folder) < 0)
            give_up(RUNNER_EXIT_FAILED, "cannot open a mounted folder", 0);
        vfs_mount_attach(i, folder);
    }
}

/* Mount what the user wants; what is whose on the host shows as the user's. */
static void mount_all(struct vfs_fs *fs, const struct handover *h, const struct user *user)
{
    uint32_t folder = 0;
    for (uint32_t i = 0; i < h->mount_count; i++) {
        const struct handover_mount *m = &h->mounts[i];
        const struct vfs_folder_options options = {m->tmpfs.flags, user->uid, user->gid};
        int err = m->name ? vfs_mount_folder(fs, folder++, m->name, m->at, &options)
                          : vfs_mount_tmpfs(fs, m->at, &m->tmpfs);
        if (err < 0) {
            char what[512];
            snprintf(what, sizeof what, "cannot mount on %s", m->at);
            give_up(RUNNER_EXIT_FAILED, what, err);
        }
    }
}

static struct shim_task *make_process(void)
{
    struct shim_process *p;
    struct shim_task *t;
    int err = vfs_init();
    if (err == 0)
        err = shim_process_new(&p, &t);
    if (err == 0)
        err = vfs_fs_new(&p->fs);
    if (err == 0)
        err = make_mounts(p->fs, handover()->shm_size);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot set up the container", err);
    err = open_streams(p->fds);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot open the standard streams", err);
    return t;
}

/* The container's first process, in its first guest host. */
static NORETURN void begin_container(struct plat_thread *thread)
{
    struct handover *h = handover();
    struct shim_task *t = make_process();
    t->plat = thread;
    static struct shim_exec_error error;
    static struct user user;
    char **env;
    find_user(t->process, h, &user);
    make_hosts(t->process->fs, shim_container()->hostname);
    mount_all(t->process->fs, h, &user);
    int err = enter_workdir(t->process->fs, h->workdir);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot enter the working directory", err);
    if (h->is_read_only)
        vfs_mount_root_read_only();
    become_user(t->process, &user);
    err = environment_make(h->env, user.home, shim_container()->hostname, &env);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot make the environment", err);
    err = load(t, h, env, &error);
    if (err < 0)
        give_up(err == -LX_ENOENT || err == -LX_ENOTDIR ? RUNNER_EXIT_NOT_FOUND
                                                        : RUNNER_EXIT_NOT_EXECUTABLE,
                error.text, 0);
    environment_free(env);
    h->entered_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    shim_task_run(t);
}

/* The launcher knows whether a guest host has ended. */
static void on_stuck(void)
{
    handover()->is_stuck = 1;
    core_sleeper_wake(&shim_pool()->supervisor);
}

void runner_guest_main(const char *argument)
{
    uint32_t index = (uint32_t)strtoul(argument + strlen(RUNNER_GUEST_ARGUMENT), NULL, 10);
    if (index >= SHIM_HOST_MAX || core_arena_attach() < 0) {
        fputs("tarbox: a guest host is started by 'tarbox run' only.\n", stderr);
        plat_exit(RUNNER_EXIT_FAILED);
    }
    core_lock_watch(on_stuck);
    struct plat_thread *thread;
    int err = map_image(handover());
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot map the image", err);
    err = plat_thread_adopt(&thread);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot set up a guest thread", err);
    shim_proc_init();
    shim_mm_mappings_init();
    int is_first = shim_host_begin(index);
    attach_folders(handover());
    if (is_first)
        begin_container(thread);
    plat_thread_again(thread, shim_host_serve);
}
