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
#include "lx/stat.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "runner/run.h"
#include "shim/exec.h"
#include "shim/task.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/image.h"
#include "vfs/tree.h"

#define PASSWD_MAX 65536

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

/* The image's two files, mapped one behind the other. */
static int map_image(const struct handover *h)
{
    struct plat_file *index_file, *pack_file;
    const void *index = NULL, *pack = NULL;
    uint64_t pack_at =
        CORE_IMAGE_BASE + (h->index_size + PLAT_GRANULE) / PLAT_GRANULE * PLAT_GRANULE;
    int err = plat_file_inherited(HANDOVER_INDEX, &index_file);
    if (err == 0)
        err = plat_file_map(index_file, CORE_IMAGE_BASE, h->index_size, &index);
    if (err == 0)
        err = plat_file_inherited(HANDOVER_PACK, &pack_file);
    if (err == 0 && h->pack_size)
        err = plat_file_map(pack_file, pack_at, h->pack_size, &pack);
    if (err == 0)
        err = vfs_image_check(index, h->index_size);
    return err < 0 ? err : vfs_image_attach(index, h->index_size, pack, h->pack_size);
}

/* What every container finds in /dev, if the image has not brought it. */
static int make_devices(struct vfs_fs *fs)
{
    static const struct {
        const char *path;
        uint32_t minor;
    } devices[] = {
        {"/dev/null", 3},   {"/dev/zero", 5},    {"/dev/full", 7},
        {"/dev/random", 8}, {"/dev/urandom", 9},
    };
    uint32_t umask = fs->umask;
    fs->umask = 0;
    int err = vfs_tree_mkdir(fs, NULL, "/dev", 0755);
    for (size_t i = 0; (err == 0 || err == -LX_EEXIST) && i < sizeof devices / sizeof devices[0];
         i++)
        err = vfs_tree_mknod(fs, NULL, devices[i].path, LX_S_IFCHR | 0666,
                             (uint32_t)LX_MAKEDEV(1, devices[i].minor));
    fs->umask = umask;
    return err == -LX_EEXIST ? 0 : err;
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
    struct vfs_inode *dir;
    err = vfs_walk(fs, NULL, path, VFS_WALK_DIRECTORY, &dir);
    if (err == 0)
        vfs_fs_set_cwd(fs, dir);
    vfs_inode_put(dir);
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

/* The home directory of uid 0 by the image's /etc/passwd. */
static const char *find_home(struct vfs_fs *fs, char *buf, unsigned size)
{
    struct vfs_inode *inode;
    char *text = calloc(1, PASSWD_MAX);
    const char *home = "/root";
    if (text && vfs_walk(fs, NULL, "/etc/passwd", 0, &inode) == 0) {
        if (VFS_IS_REG(inode) && vfs_inode_read(inode, text, PASSWD_MAX - 1, 0) > 0)
            home = environment_home(text, 0, buf, size);
        vfs_inode_put(inode);
    }
    free(text);
    return home;
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

static struct shim_task *make_process(const struct handover *h)
{
    struct shim_process *p;
    struct shim_task *t;
    int err = vfs_init();
    if (err == 0)
        err = shim_process_new(&p, &t);
    if (err == 0)
        err = vfs_fs_new(&p->fs);
    if (err == 0)
        err = make_devices(p->fs);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot set up the container", err);
    err = enter_workdir(p->fs, h->workdir);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot enter the working directory", err);
    err = open_streams(p->fds);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot open the standard streams", err);
    return t;
}

void runner_guest_main(void)
{
    if (core_arena_attach() < 0) {
        fputs("tarbox: a guest host is started by 'tarbox run' only.\n", stderr);
        plat_exit(RUNNER_EXIT_FAILED);
    }
    struct handover *h = handover();
    int err = map_image(h);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot map the image", err);
    struct plat_thread *thread;
    err = plat_thread_adopt(&thread);
    if (err < 0)
        give_up(RUNNER_EXIT_FAILED, "cannot set up a guest thread", err);

    struct shim_task *t = make_process(h);
    t->plat = thread;
    static struct shim_exec_error error;
    char home[1024], **env;
    const char *where = find_home(t->process->fs, home, sizeof home);
    err = environment_make(h->env, where, shim_container()->hostname, &env);
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
