/* SPDX-License-Identifier: MIT */
#ifndef SHIM_PROC_PROC_H
#define SHIM_PROC_PROC_H

/*
 * Private to shim/proc: processes as /proc sees them, and /sys.
 *
 * Threads  any.  Errors  -LX_ESRCH: the process is gone; -LX_ENOMEM.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "shim/cred.h"
#include "shim/program.h"
#include "shim/task.h"
#include "vfs/proc.h"
#include "vfs/sys.h"
#include "vfs/text.h"

#define PROC_RELEASE "6.12.0"
#define PROC_OSVERSION "#1 SMP Tarbox"

/*
 * The process or thread of a node; the container's lock is held.  A process that has ended
 * may have no thread, and no memory, descriptors or file-system state.
 */
struct proc_found {
    struct shim_process *process; /* NULL: it is gone */
    struct shim_task *task;
};
struct proc_found proc_find_locked(const struct vfs_proc_id *id);

/* What is looked at of a process, copied at one moment. */
struct proc_facts {
    char comm[SHIM_COMM_SIZE];
    char state; /* proc_pid_stat(5) */
    int32_t pid, tid, ppid, pgid, sid, nice, dumpable;
    uint32_t tty;          /* its device number, or 0 */
    int32_t tty_group;     /* in its foreground; -1: there is no terminal */
    struct shim_cred cred; /* without its groups */
    uint32_t threads, umask, no_new_privs, personality;
    uint64_t pending, shared_pending, blocked, ignored, caught; /* signals */
    uint64_t start_ns;
    uint64_t mapped, committed; /* bytes */
    struct lx_rlimit64 limits[SHIM_RLIMIT_COUNT];
};

MUST_USE int proc_facts(const struct vfs_proc_id *id, struct proc_facts *out);

/* Processor time of a process, or of a thread; and of the children it has waited for. */
struct proc_times {
    uint64_t user_ns, system_ns, children_user_ns, children_system_ns;
};

MUST_USE int proc_times(const struct vfs_proc_id *id, struct proc_times *out);

/* Its supplementary groups: a reference, or NULL. */
struct vfs_groups *proc_groups(const struct vfs_proc_id *id);

/* What the process was started with: a reference, or NULL. */
struct shim_program *proc_program(const struct vfs_proc_id *id);

/* Render one file (text.c, memory.c, system.c). */
typedef int (*proc_render)(const struct vfs_proc_id *id, struct vfs_text *t);
proc_render proc_process_render(enum vfs_proc_what what);
proc_render proc_system_render(enum vfs_proc_what what);
proc_render proc_net_render(enum vfs_proc_what what); /* NULL: it is none of /proc/net */
int proc_maps(const struct vfs_proc_id *id, struct vfs_text *t);
int proc_smaps(const struct vfs_proc_id *id, struct vfs_text *t);
int proc_smaps_rollup(const struct vfs_proc_id *id, struct vfs_text *t);
int proc_fdinfo(const struct vfs_proc_id *id, struct vfs_text *t);

/* A file of /sys: its text, if that is always the same, or who makes it; neither: -LX_EINVAL. */
struct proc_sys_file {
    const char *text;
    int (*make)(uint32_t cpu, struct vfs_text *t);
};
const struct proc_sys_file *proc_cgroup_file(enum vfs_sys_what what);
int proc_sys_render(enum vfs_sys_what what, uint32_t cpu, struct vfs_text *t);

/* Processors `first` to `last`, as a mask of all that there are and as a list. */
void proc_put_cpu_mask(struct vfs_text *t, uint32_t first, uint32_t last);
void proc_put_cpu_list(struct vfs_text *t, uint32_t first, uint32_t last);

#endif
