/* SPDX-License-Identifier: MIT */
/*
 * Files of /sys: processors, memory, and the loopback.
 *
 * Differs from Linux: each processor is a core of its own, of one package and one node, as
 * proc_cpuinfo(5) says here, too; caches, frequencies and weaknesses are not told.
 *
 * Source  Documentation/ABI/{stable,testing}/sysfs-* of Linux 6.12.
 */

#include "core/layout.h"
#include "core/mem.h"
#include "core/segment.h"
#include "lx/errno.h"
#include "lx/inet.h"
#include "plat/plat.h"
#include "proc/proc.h"
#include "vfs/socket.h"

typedef unsigned long long ull;

/* ---- Processors ---- */

/* As Linux writes a bitmap: words of 32 bits, the first with no more digits than it has bits. */
void proc_put_cpu_mask(struct vfs_text *t, uint32_t first, uint32_t last)
{
    uint32_t count = plat_cpu_count(), words = (count + 31) / 32;
    for (uint32_t word = words; word-- > 0;) {
        uint32_t bits = 0, size = word + 1 == words ? count - word * 32 : 32;
        for (uint32_t i = 0; i < size; i++) {
            uint32_t cpu = word * 32 + i;
            bits |= (uint32_t)(cpu >= first && cpu <= last) << i;
        }
        char digits[9];
        core_str_hex(digits, bits);
        for (uint64_t n = core_str_length(digits); n < (size + 3) / 4; n++)
            vfs_text_f(t, "0");
        vfs_text_f(t, word ? "%s," : "%s", digits);
    }
}

void proc_put_cpu_list(struct vfs_text *t, uint32_t first, uint32_t last)
{
    vfs_text_f(t, first < last ? "%u-%u" : "%u", first, last);
}

static int mask_of_one(uint32_t cpu, struct vfs_text *t)
{
    proc_put_cpu_mask(t, cpu, cpu);
    vfs_text_f(t, "\n");
    return 0;
}

static int list_of_one(uint32_t cpu, struct vfs_text *t)
{
    vfs_text_f(t, "%u\n", cpu);
    return 0;
}

static int mask_of_all(uint32_t cpu, struct vfs_text *t)
{
    (void)cpu;
    proc_put_cpu_mask(t, 0, plat_cpu_count() - 1);
    vfs_text_f(t, "\n");
    return 0;
}

static int list_of_all(uint32_t cpu, struct vfs_text *t)
{
    (void)cpu;
    proc_put_cpu_list(t, 0, plat_cpu_count() - 1);
    vfs_text_f(t, "\n");
    return 0;
}

static int kernel_max(uint32_t cpu, struct vfs_text *t)
{
    (void)cpu;
    vfs_text_f(t, "%u\n", SHIM_CPU_WORDS * 64 - 1);
    return 0;
}

/* ---- Memory ---- */

static int node_meminfo(uint32_t cpu, struct vfs_text *t)
{
    uint64_t total, available;
    (void)cpu;
    plat_memory_info(&total, &available);
    const struct {
        const char *name;
        uint64_t size;
    } rows[] = {
        {"MemTotal:", total},
        {"MemFree:", available},
        {"MemUsed:", total - available},
        {"Active:", 0},
        {"Inactive:", 0},
        {"Dirty:", 0},
        {"Writeback:", 0},
        {"Shmem:", core_page_used() * CORE_PAGE_SIZE},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        vfs_text_f(t, "Node 0 %-15s %8llu kB\n", rows[i].name, (ull)rows[i].size / 1024);
    vfs_text_f(t,
               "Node 0 HugePages_Total: %5u\nNode 0 HugePages_Free:  %5u\n"
               "Node 0 HugePages_Surp:  %5u\n",
               0u, 0u, 0u);
    return 0;
}

/* ---- The loopback: vfs/netlink.c says the same ---- */

#define DIGITS_OF(n) #n
#define DIGITS(n) DIGITS_OF(n)
_Static_assert((LX_IFF_UP | LX_IFF_LOOPBACK) == 0x9, "as its flags say");

/* ---- Which is which ---- */

/* What goes through the loopback is not counted. */
static const struct proc_sys_file *file(enum vfs_sys_what what)
{
    static const struct proc_sys_file table[VFS_SYS_COUNT] = {
        [VFS_SYS_CLOCKSOURCE_AVAILABLE] = {.text = "tsc \n"},
        [VFS_SYS_CLOCKSOURCE_CURRENT] = {.text = "tsc\n"},
        [VFS_SYS_CPUS_ISOLATED] = {.text = "\n"},
        [VFS_SYS_CPUS_KERNEL_MAX] = {.make = kernel_max},
        [VFS_SYS_CPUS_OFFLINE] = {.text = "\n"},
        [VFS_SYS_CPUS_ONLINE] = {.make = list_of_all},
        [VFS_SYS_CPUS_POSSIBLE] = {.make = list_of_all},
        [VFS_SYS_CPUS_PRESENT] = {.make = list_of_all},
        [VFS_SYS_SMT_ACTIVE] = {.text = "0\n"},
        [VFS_SYS_SMT_CONTROL] = {.text = "notsupported\n"},
        [VFS_SYS_CPU_ONLINE] = {.text = "1\n"},
        [VFS_SYS_CLUSTER_CPUS] = {.make = mask_of_one},
        [VFS_SYS_CLUSTER_CPUS_LIST] = {.make = list_of_one},
        [VFS_SYS_CLUSTER_ID] = {.make = list_of_one},
        [VFS_SYS_CORE_CPUS] = {.make = mask_of_one},
        [VFS_SYS_CORE_CPUS_LIST] = {.make = list_of_one},
        [VFS_SYS_CORE_ID] = {.make = list_of_one},
        [VFS_SYS_CORE_SIBLINGS] = {.make = mask_of_all},
        [VFS_SYS_CORE_SIBLINGS_LIST] = {.make = list_of_all},
        [VFS_SYS_DIE_CPUS] = {.make = mask_of_all},
        [VFS_SYS_DIE_CPUS_LIST] = {.make = list_of_all},
        [VFS_SYS_DIE_ID] = {.text = "0\n"},
        [VFS_SYS_PACKAGE_CPUS] = {.make = mask_of_all},
        [VFS_SYS_PACKAGE_CPUS_LIST] = {.make = list_of_all},
        [VFS_SYS_PACKAGE_ID] = {.text = "0\n"},
        [VFS_SYS_THREAD_SIBLINGS] = {.make = mask_of_one},
        [VFS_SYS_THREAD_SIBLINGS_LIST] = {.make = list_of_one},
        [VFS_SYS_NODES_HAS_CPU] = {.text = "0\n"},
        [VFS_SYS_NODES_HAS_MEMORY] = {.text = "0\n"},
        [VFS_SYS_NODES_HAS_NORMAL_MEMORY] = {.text = "0\n"},
        [VFS_SYS_NODES_ONLINE] = {.text = "0\n"},
        [VFS_SYS_NODES_POSSIBLE] = {.text = "0\n"},
        [VFS_SYS_NODE_CPULIST] = {.make = list_of_all},
        [VFS_SYS_NODE_CPUMAP] = {.make = mask_of_all},
        [VFS_SYS_NODE_DISTANCE] = {.text = "10\n"},
        [VFS_SYS_NODE_MEMINFO] = {.make = node_meminfo},
        [VFS_SYS_LO_ADDR_ASSIGN_TYPE] = {.text = "0\n"},
        [VFS_SYS_LO_ADDR_LEN] = {.text = "6\n"},
        [VFS_SYS_LO_ADDRESS] = {.text = "00:00:00:00:00:00\n"},
        [VFS_SYS_LO_BROADCAST] = {.text = "00:00:00:00:00:00\n"},
        [VFS_SYS_LO_CARRIER] = {.text = "1\n"},
        [VFS_SYS_LO_CARRIER_CHANGES] = {.text = "0\n"},
        [VFS_SYS_LO_CARRIER_DOWN_COUNT] = {.text = "0\n"},
        [VFS_SYS_LO_CARRIER_UP_COUNT] = {.text = "0\n"},
        [VFS_SYS_LO_DEV_ID] = {.text = "0x0\n"},
        [VFS_SYS_LO_DEV_PORT] = {.text = "0\n"},
        [VFS_SYS_LO_DORMANT] = {.text = "0\n"},
        [VFS_SYS_LO_FLAGS] = {.text = "0x9\n"},
        [VFS_SYS_LO_IFALIAS] = {.text = ""},
        [VFS_SYS_LO_IFINDEX] = {.text = DIGITS(VFS_LOOPBACK_INDEX) "\n"},
        [VFS_SYS_LO_IFLINK] = {.text = DIGITS(VFS_LOOPBACK_INDEX) "\n"},
        [VFS_SYS_LO_LINK_MODE] = {.text = "0\n"},
        [VFS_SYS_LO_MTU] = {.text = DIGITS(VFS_LOOPBACK_MTU) "\n"},
        [VFS_SYS_LO_NETDEV_GROUP] = {.text = "0\n"},
        [VFS_SYS_LO_OPERSTATE] = {.text = "unknown\n"},
        [VFS_SYS_LO_PROTO_DOWN] = {.text = "0\n"},
        [VFS_SYS_LO_TX_QUEUE_LEN] = {.text = DIGITS(VFS_LOOPBACK_QUEUE) "\n"},
        [VFS_SYS_LO_TYPE] = {.text = DIGITS(LX_ARPHRD_LOOPBACK) "\n"},
        [VFS_SYS_LO_UEVENT] = {.text = "INTERFACE=" VFS_LOOPBACK_NAME
                                       "\nIFINDEX=" DIGITS(VFS_LOOPBACK_INDEX) "\n"},
        [VFS_SYS_LO_COLLISIONS] = {.text = "0\n"},
        [VFS_SYS_LO_MULTICAST] = {.text = "0\n"},
        [VFS_SYS_LO_RX_BYTES] = {.text = "0\n"},
        [VFS_SYS_LO_RX_COMPRESSED] = {.text = "0\n"},
        [VFS_SYS_LO_RX_CRC_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_DROPPED] = {.text = "0\n"},
        [VFS_SYS_LO_RX_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_FIFO_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_FRAME_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_LENGTH_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_MISSED_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_NOHANDLER] = {.text = "0\n"},
        [VFS_SYS_LO_RX_OVER_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_RX_PACKETS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_ABORTED_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_BYTES] = {.text = "0\n"},
        [VFS_SYS_LO_TX_CARRIER_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_COMPRESSED] = {.text = "0\n"},
        [VFS_SYS_LO_TX_DROPPED] = {.text = "0\n"},
        [VFS_SYS_LO_TX_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_FIFO_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_HEARTBEAT_ERRORS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_PACKETS] = {.text = "0\n"},
        [VFS_SYS_LO_TX_WINDOW_ERRORS] = {.text = "0\n"},
        [VFS_SYS_ADDRESS_BITS] = {.text = "64\n"},
        [VFS_SYS_CPU_BYTEORDER] = {.text = "little\n"},
        [VFS_SYS_THP_DEFRAG] = {.text = "always defer defer+madvise madvise [never]\n"},
        [VFS_SYS_THP_ENABLED] = {.text = "always madvise [never]\n"},
        [VFS_SYS_THP_SIZE] = {.text = "2097152\n"},
        [VFS_SYS_THP_SHMEM] = {.text = "always within_size advise [never] deny force\n"},
        [VFS_SYS_CPUSET_CPUS_EFFECTIVE] = {.make = list_of_all},
    };
    const struct proc_sys_file *f = &table[what];
    return f->text || f->make ? f : proc_cgroup_file(what);
}

/* The loopback has neither speed nor duplex. */
int proc_sys_render(enum vfs_sys_what what, uint32_t cpu, struct vfs_text *t)
{
    const struct proc_sys_file *f = file(what);
    if (f->make)
        return f->make(cpu, t);
    if (f->text)
        vfs_text_f(t, "%s", f->text);
    return f->text ? 0 : -LX_EINVAL;
}
