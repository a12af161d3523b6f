/* SPDX-License-Identifier: MIT */
/*
 * Files of /sys/fs/cgroup: the container is a group of cgroup 2, and the root of all that it
 * sees.  Of the limits there is that of processes; no other is set, and nothing is counted that
 * only limits would count.
 *
 * Source  Documentation/admin-guide/cgroup-v2.rst of Linux 6.12.
 */

#include "core/layout.h"
#include "core/mem.h"
#include "core/segment.h"
#include "proc/proc.h"
#include "shim/cpu_clock.h"
#include "shim/memory.h"

#define NS_PER_US 1000u

typedef unsigned long long ull;

/* What is there of the whole container. */
struct totals {
    uint64_t user_ns, system_ns;
    uint64_t memory; /* bytes that processes have committed, shared ones in each */
};

/* Differs from Linux: the time of processes that nobody waited for is lost. */
static void add_up(struct totals *sum)
{
    struct shim_container *c = shim_container();
    memset(sum, 0, sizeof *sum);
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        struct shim_mm *mm = p->mm; /* it goes at the process's end, with the lock taken */
        uint64_t user_ns = 0, system_ns = 0, mapped, committed = 0;
        if (p->is_zombie) {
            user_ns = p->usage.user_ns;
            system_ns = p->usage.system_ns;
        } else if (p->host_id) {
            shim_cpu_times(p, &user_ns, &system_ns);
        }
        if (mm)
            shim_mm_usage(mm, &mapped, &committed);
        sum->user_ns += user_ns + p->children_user_ns;
        sum->system_ns += system_ns + p->children_system_ns;
        sum->memory += committed;
    }
    shim_container_release(c);
}

/* ---- cgroup ---- */

static int procs(uint32_t cpu, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    (void)cpu;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (!p->is_zombie)
            vfs_text_f(t, "%d\n", p->pid);
    }
    shim_container_release(c);
    return 0;
}

static int threads(uint32_t cpu, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    (void)cpu;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        vfs_text_f(t, "%d\n", CORE_LIST_ENTRY(node, struct shim_task, in_table)->tid);
    }
    shim_container_release(c);
    return 0;
}

/* ---- cpu ---- */

static int cpu_stat(uint32_t cpu, struct vfs_text *t)
{
    struct totals sum;
    (void)cpu;
    add_up(&sum);
    vfs_text_f(t, "usage_usec %llu\nuser_usec %llu\nsystem_usec %llu\n",
               (ull)(sum.user_ns + sum.system_ns) / NS_PER_US, (ull)sum.user_ns / NS_PER_US,
               (ull)sum.system_ns / NS_PER_US);
    vfs_text_f(t, "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n");
    return 0;
}

/* ---- memory ---- */

static uint64_t file_memory(void)
{
    return core_page_used() * CORE_PAGE_SIZE;
}

static int memory_current(uint32_t cpu, struct vfs_text *t)
{
    struct totals sum;
    (void)cpu;
    add_up(&sum);
    vfs_text_f(t, "%llu\n", (ull)(sum.memory + file_memory()));
    return 0;
}

static int memory_stat(uint32_t cpu, struct vfs_text *t)
{
    static const char *const zeros[] = {"inactive_file", "active_file", "unevictable", "pgfault",
                                        "pgmajfault"};
    struct totals sum;
    (void)cpu;
    add_up(&sum);
    ull files = file_memory();
    vfs_text_f(t, "anon %llu\nfile %llu\nkernel 0\nshmem %llu\n", (ull)sum.memory, files, files);
    vfs_text_f(t, "inactive_anon 0\nactive_anon %llu\n", (ull)sum.memory + files);
    for (uint32_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        vfs_text_f(t, "%s 0\n", zeros[i]);
    return 0;
}

/* ---- pids ---- */

static int pids_current(uint32_t cpu, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    (void)cpu;
    core_lock_acquire(&c->lock);
    uint32_t count = c->task_count;
    shim_container_release(c);
    vfs_text_f(t, "%u\n", count);
    return 0;
}

static int pids_max(uint32_t cpu, struct vfs_text *t)
{
    uint32_t limit = shim_container()->pids_limit;
    (void)cpu;
    vfs_text_f(t, limit ? "%u\n" : "max\n", limit);
    return 0;
}

/* ---- Which is which ---- */

const struct proc_sys_file *proc_cgroup_file(enum vfs_sys_what what)
{
    static const struct proc_sys_file table[VFS_SYS_COUNT] = {
        [VFS_SYS_CGROUP_CONTROLLERS] = {.text = "cpuset cpu memory pids\n"},
        [VFS_SYS_CGROUP_EVENTS] = {.text = "populated 1\nfrozen 0\n"},
        [VFS_SYS_CGROUP_FREEZE] = {.text = "0\n"},
        [VFS_SYS_CGROUP_MAX_DEPTH] = {.text = "max\n"},
        [VFS_SYS_CGROUP_MAX_DESCENDANTS] = {.text = "max\n"},
        [VFS_SYS_CGROUP_PROCS] = {.make = procs},
        [VFS_SYS_CGROUP_STAT] = {.text = "nr_descendants 0\nnr_dying_descendants 0\n"},
        [VFS_SYS_CGROUP_SUBTREE_CONTROL] = {.text = ""},
        [VFS_SYS_CGROUP_THREADS] = {.make = threads},
        [VFS_SYS_CGROUP_TYPE] = {.text = "domain\n"},
        [VFS_SYS_CPU_IDLE] = {.text = "0\n"},
        [VFS_SYS_CPU_MAX] = {.text = "max 100000\n"},
        [VFS_SYS_CPU_MAX_BURST] = {.text = "0\n"},
        [VFS_SYS_CPU_STAT] = {.make = cpu_stat},
        [VFS_SYS_CPU_WEIGHT] = {.text = "100\n"},
        [VFS_SYS_CPU_WEIGHT_NICE] = {.text = "0\n"},
        [VFS_SYS_CPUSET_CPUS] = {.text = "\n"},
        [VFS_SYS_CPUSET_CPUS_PARTITION] = {.text = "member\n"},
        [VFS_SYS_CPUSET_MEMS] = {.text = "\n"},
        [VFS_SYS_CPUSET_MEMS_EFFECTIVE] = {.text = "0\n"},
        [VFS_SYS_MEMORY_CURRENT] = {.make = memory_current},
        [VFS_SYS_MEMORY_EVENTS] =
            {.text = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"},
        [VFS_SYS_MEMORY_HIGH] = {.text = "max\n"},
        [VFS_SYS_MEMORY_LOW] = {.text = "0\n"},
        [VFS_SYS_MEMORY_MAX] = {.text = "max\n"},
        [VFS_SYS_MEMORY_MIN] = {.text = "0\n"},
        [VFS_SYS_MEMORY_OOM_GROUP] = {.text = "0\n"},
        [VFS_SYS_MEMORY_STAT] = {.make = memory_stat},
        [VFS_SYS_MEMORY_SWAP_CURRENT] = {.text = "0\n"},
        [VFS_SYS_MEMORY_SWAP_EVENTS] = {.text = "high 0\nmax 0\nfail 0\n"},
        [VFS_SYS_MEMORY_SWAP_HIGH] = {.text = "max\n"},
        [VFS_SYS_MEMORY_SWAP_MAX] = {.text = "max\n"},
        [VFS_SYS_PIDS_CURRENT] = {.make = pids_current},
        [VFS_SYS_PIDS_MAX] = {.make = pids_max},
    };
    return &table[what];
}
