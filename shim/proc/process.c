/* SPDX-License-Identifier: MIT */
/* Files of /proc/PID, as Linux 6.12 writes them: proc_pid_stat(5), proc_pid_status(5) .. */

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "plat/plat.h"
#include "proc/proc.h"
#include "shim/memory.h"
#include "vfs/cred.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/mount.h"
#include "vfs/super.h"

#define NS_PER_TICK 10000000ull

typedef unsigned long long ull; /* what %llu takes */

static int stat(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct proc_facts f;
    struct proc_times times;
    int err = proc_facts(id, &f);
    if (err == 0)
        err = proc_times(id, &times);
    if (err < 0)
        return err;
    struct shim_program *m = proc_program(id);
    vfs_text_f(t, "%d (%s) %c %d %d %d %d %d 4194304 0 0 0 0 ", f.tid, f.comm, f.state, f.ppid,
               f.pgid, f.sid, (int32_t)f.tty, f.tty_group);
    vfs_text_f(t, "%llu %llu %llu %llu ", (ull)(times.user_ns / NS_PER_TICK),
               (ull)(times.system_ns / NS_PER_TICK), (ull)(times.children_user_ns / NS_PER_TICK),
               (ull)(times.children_system_ns / NS_PER_TICK));
    vfs_text_f(t, "%d %d %u 0 %llu %llu %llu %llu ", 20 + f.nice, f.nice, f.threads,
               (ull)(f.start_ns / NS_PER_TICK), (ull)f.mapped, (ull)(f.committed / 4096),
               (ull)f.limits[LX_RLIMIT_RSS].rlim_cur);
    if (m)
        vfs_text_f(t, "%llu %llu %llu 0 0 ", (ull)m->exe.begin, (ull)m->exe.end, (ull)m->stack);
    else
        vfs_text_f(t, "0 0 0 0 0 ");
    vfs_text_f(t, "%llu %llu %llu %llu 0 0 0 17 0 0 0 0 0 0 ", (ull)(f.pending & 0x7fffffff),
               (ull)(f.blocked & 0x7fffffff), (ull)(f.ignored & 0x7fffffff),
               (ull)(f.caught & 0x7fffffff));
    if (m)
        vfs_text_f(t, "%llu %llu %llu %llu %llu %llu %llu 0\n", (ull)m->exe.begin, (ull)m->exe.end,
                   (ull)m->exe.end, (ull)m->args_at, (ull)m->args_end, (ull)m->env_at,
                   (ull)m->env_end);
    else
        vfs_text_f(t, "0 0 0 0 0 0 0 0\n");
    shim_program_put(m);
    return 0;
}

static int statm(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err < 0)
        return err;
    struct shim_program *m = proc_program(id);
    vfs_text_f(t, "%llu %llu 0 %llu 0 %llu 0\n", (ull)(f.mapped / 4096), (ull)(f.committed / 4096),
               m ? (ull)((m->exe.end - m->exe.begin) / 4096) : 0, (ull)(f.committed / 4096));
    shim_program_put(m);
    return 0;
}

static const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "R (running)";
    case 'T':
        return "T (stopped)";
    case 'Z':
        return "Z (zombie)";
    default:
        return "S (sleeping)";
    }
}

/* A name in a line of its own: proc_task_name() in Linux. */
static void put_escaped(struct vfs_text *t, const char *name)
{
    for (; *name; name++) {
        if (*name == '\n')
            vfs_text_f(t, "\\n");
        else if (*name == '\\')
            vfs_text_f(t, "\\\\");
        else
            vfs_text_add(t, name, 1);
    }
}

static int status(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err < 0)
        return err;
    vfs_text_f(t, "Name:\t");
    put_escaped(t, f.comm);
    vfs_text_f(t, "\nUmask:\t%04o\nState:\t%s\n", f.umask, state_name(f.state));
    vfs_text_f(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", f.pid, f.tid,
               f.ppid);
    const struct shim_cred *c = &f.cred;
    vfs_text_f(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid,
               c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    vfs_text_f(t, "FDSize:\t256\nGroups:\t");
    struct vfs_groups *groups = proc_groups(id);
    for (uint32_t i = 0; groups && i < groups->count; i++)
        vfs_text_f(t, "%u ", groups->ids[i]);
    vfs_text_f(t, "%s\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n",
               groups ? "" : " ", f.pid, f.tid, f.pgid, f.sid);
    vfs_groups_put(groups);
    if (f.state != 'Z') { /* which has no memory */
        ull size = f.mapped / 1024, rss = f.committed / 1024;
        vfs_text_f(t, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t       0 kB\n", size, size);
        vfs_text_f(t, "VmPin:\t       0 kB\nVmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\n", rss, rss);
        vfs_text_f(t, "RssAnon:\t%8llu kB\nRssFile:\t       0 kB\nRssShmem:\t       0 kB\n", rss);
        vfs_text_f(t, "VmData:\t%8llu kB\nVmStk:\t%8llu kB\nVmExe:\t       0 kB\n", rss,
                   (ull)(f.limits[LX_RLIMIT_STACK].rlim_cur / 1024));
        vfs_text_f(t, "VmLib:\t       0 kB\nVmPTE:\t       0 kB\nVmSwap:\t       0 kB\n");
        vfs_text_f(t, "HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t0\n"
                      "untag_mask:\t0xffffffffffffffff\n");
    }
    vfs_text_f(t, "Threads:\t%u\nSigQ:\t0/%llu\n", f.threads,
               (ull)f.limits[LX_RLIMIT_SIGPENDING].rlim_cur);
    vfs_text_f(t, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n", (ull)f.pending,
               (ull)f.shared_pending, (ull)f.blocked);
    vfs_text_f(t, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (ull)f.ignored, (ull)f.caught);
    vfs_text_f(t, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n", (ull)c->inheritable,
               (ull)c->permitted, (ull)c->effective);
    vfs_text_f(t, "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%u\n", (ull)c->bounding,
               (ull)c->ambient, f.no_new_privs);
    vfs_text_f(t, "Seccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tunknown\n"
                  "SpeculationIndirectBranch:\tunknown\n");
    uint32_t cpus = plat_cpu_count();
    vfs_text_f(t, "Cpus_allowed:\t");
    proc_put_cpu_mask(t, 0, cpus - 1);
    vfs_text_f(t, "\nCpus_allowed_list:\t");
    proc_put_cpu_list(t, 0, cpus - 1);
    vfs_text_f(t, "\n");
    vfs_text_f(t, "Mems_allowed:\t00000001\nMems_allowed_list:\t0\n"
                  "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
    return 0;
}

static int comm(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err == 0)
        vfs_text_f(t, "%s\n", f.comm);
    return err;
}

/* One part of what the process was started with; a process that is gone shows nothing. */
#define PART(name, bytes, size)                                       \
    static int name(const struct vfs_proc_id *id, struct vfs_text *t) \
    {                                                                 \
        struct shim_program *m = proc_program(id);                    \
        if (m)                                                        \
            vfs_text_add(t, m->bytes, m->size);                       \
        shim_program_put(m);                                          \
        return 0;                                                     \
    }
PART(cmdline, args, args_size)
PART(environ, env, env_size)
PART(auxv, aux, aux_size)
#undef PART

static void put_limit(struct vfs_text *t, uint64_t limit)
{
    if (limit == LX_RLIM64_INFINITY)
        vfs_text_f(t, "%-20s ", "unlimited");
    else
        vfs_text_f(t, "%-20llu ", (ull)limit);
}

static int limits(const struct vfs_proc_id *id, struct vfs_text *t)
{
    static const struct {
        const char *name, *unit;
    } rows[SHIM_RLIMIT_COUNT] = {
        [LX_RLIMIT_CPU] = {"Max cpu time", "seconds"},
        [LX_RLIMIT_FSIZE] = {"Max file size", "bytes"},
        [LX_RLIMIT_DATA] = {"Max data size", "bytes"},
        [LX_RLIMIT_STACK] = {"Max stack size", "bytes"},
        [LX_RLIMIT_CORE] = {"Max core file size", "bytes"},
        [LX_RLIMIT_RSS] = {"Max resident set", "bytes"},
        [LX_RLIMIT_NPROC] = {"Max processes", "processes"},
        [LX_RLIMIT_NOFILE] = {"Max open files", "files"},
        [LX_RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
        [LX_RLIMIT_AS] = {"Max address space", "bytes"},
        [LX_RLIMIT_LOCKS] = {"Max file locks", "locks"},
        [LX_RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
        [LX_RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
        [LX_RLIMIT_NICE] = {"Max nice priority", ""},
        [LX_RLIMIT_RTPRIO] = {"Max realtime priority", ""},
        [LX_RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
    };
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err < 0)
        return err;
    vfs_text_f(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (uint32_t i = 0; i < SHIM_RLIMIT_COUNT; i++) {
        vfs_text_f(t, "%-25s ", rows[i].name);
        put_limit(t, f.limits[i].rlim_cur);
        put_limit(t, f.limits[i].rlim_max);
        vfs_text_f(t, rows[i].unit[0] ? "%-10s\n" : "%s\n", rows[i].unit);
    }
    return 0;
}

int proc_fdinfo(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    struct vfs_file *file = NULL;
    struct lx_stat st;
    uint32_t fd_flags = 0;
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct vfs_fdtable *fds = p ? p->fds : NULL;
    int err = fds ? vfs_fdtable_get(fds, id->fd, &file) : -LX_EBADF;
    if (err == 0)
        err = vfs_fdtable_flags(fds, id->fd, &fd_flags);
    shim_container_release(c);
    if (err == 0)
        err = vfs_file_stat(file, &st);
    if (err == 0)
        vfs_text_f(t, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
                   (ull)__atomic_load_n(&file->position, __ATOMIC_RELAXED),
                   file->flags | (fd_flags & VFS_FD_CLOEXEC ? LX_O_CLOEXEC : 0u),
                   vfs_mount_id(file->mount), (ull)st.st_ino);
    vfs_file_put(file);
    return err < 0 ? -LX_ENOENT : 0;
}

/* ---- Mounts ---- */

/* As the process itself sees them: from its root. */
static int show_mounts(const struct vfs_proc_id *id, enum vfs_mounts_form form, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct vfs_fs *fs = p && p->fs ? vfs_fs_get(p->fs) : NULL;
    shim_container_release(c);
    int err = fs ? vfs_mounts_show(fs, form, t) : -LX_EINVAL;
    vfs_fs_put(fs);
    return err;
}

static int mounts(const struct vfs_proc_id *id, struct vfs_text *t)
{
    return show_mounts(id, VFS_MOUNTS, t);
}

static int mountinfo(const struct vfs_proc_id *id, struct vfs_text *t)
{
    return show_mounts(id, VFS_MOUNTINFO, t);
}

static int mountstats(const struct vfs_proc_id *id, struct vfs_text *t)
{
    return show_mounts(id, VFS_MOUNTSTATS, t);
}

/* ---- Small ones ---- */

static int cgroup(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "0::/\n");
    return 0;
}

static int wchan(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "0");
    return 0;
}

static int oom_score(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "666\n"); /* what Linux shows of a process without a score of its own */
    return 0;
}

static int oom_score_adj(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    const struct shim_process *p = proc_find_locked(id).process;
    if (p)
        vfs_text_f(t, "%d\n", p->oom_score_adj);
    shim_container_release(c);
    return p ? 0 : -LX_ESRCH;
}

static int no_login(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "4294967295");
    return 0;
}

static int personality(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err == 0)
        vfs_text_f(t, "%08x\n", f.personality);
    return err;
}

/* Differs from Linux: nothing is counted. */
static int io(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
                  "cancelled_write_bytes: 0\n");
    return 0;
}

proc_render proc_process_render(enum vfs_proc_what what)
{
    static const proc_render table[VFS_PROC_COUNT] = {
        [VFS_PROC_STAT] = stat,
        [VFS_PROC_STATM] = statm,
        [VFS_PROC_STATUS] = status,
        [VFS_PROC_COMM] = comm,
        [VFS_PROC_CMDLINE] = cmdline,
        [VFS_PROC_ENVIRON] = environ,
        [VFS_PROC_AUXV] = auxv,
        [VFS_PROC_LIMITS] = limits,
        [VFS_PROC_MAPS] = proc_maps,
        [VFS_PROC_SMAPS] = proc_smaps,
        [VFS_PROC_SMAPS_ROLLUP] = proc_smaps_rollup,
        [VFS_PROC_FDINFO_FILE] = proc_fdinfo,
        [VFS_PROC_MOUNTS] = mounts,
        [VFS_PROC_MOUNTINFO] = mountinfo,
        [VFS_PROC_MOUNTSTATS] = mountstats,
        [VFS_PROC_CGROUP] = cgroup,
        [VFS_PROC_WCHAN] = wchan,
        [VFS_PROC_OOM_SCORE] = oom_score,
        [VFS_PROC_OOM_SCORE_ADJ] = oom_score_adj,
        [VFS_PROC_LOGINUID] = no_login,
        [VFS_PROC_SESSIONID] = no_login,
        [VFS_PROC_PERSONALITY] = personality,
        [VFS_PROC_IO] = io,
    };
    return table[what];
}
