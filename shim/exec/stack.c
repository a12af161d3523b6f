/* SPDX-License-Identifier: MIT */
/* The first stack of a program. */

#include "exec/stack.h"

#include <cpuid.h>

#include "core/layout.h"
#include "core/mem.h"
#include "exec/elf.h"
#include "lx/auxv.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/memory.h"
#include "shim/task.h"
#include "shim/user.h"

#define GUARD_SIZE (1ull << 20) /* below the stack: running over it is SIGSEGV */
#define STACK_MIN (1ull << 20)
#define STACK_MAX (256ull << 20) /* an unlimited RLIMIT_STACK */
#define CLOCK_TICKS 100
#define SIGFRAME_SIZE 1024u /* struct rt_sigframe and alignment, above the XSAVE area */

struct builder {
    lx_uptr sp, low;
    int err;
};

static void put(struct builder *b, const void *data, uint64_t size)
{
    if (b->err < 0)
        return;
    if (b->sp - b->low < size) {
        b->err = -LX_E2BIG;
        return;
    }
    b->sp -= size;
    b->err = shim_copy_out(b->sp, data, size);
}

static lx_uptr put_string(struct builder *b, const char *s)
{
    put(b, s, core_str_length(s) + 1);
    return b->sp;
}

static void put_word(struct builder *b, uint64_t word)
{
    put(b, &word, sizeof word);
}

static void put_aux(struct builder *b, uint64_t type, uint64_t value)
{
    put_word(b, value);
    put_word(b, type);
}

/* AT_HWCAP: the feature bits of CPUID 1, edx. */
static uint32_t hwcap(void)
{
    uint32_t a, c, d, e;
    return __get_cpuid(1, &a, &c, &d, &e) ? e : 0;
}

static int map_stack(struct shim_task *t, uint64_t *low, uint64_t *high, uint32_t prot)
{
    uint64_t size = t->process->limits[LX_RLIMIT_STACK].rlim_cur;
    size = size < STACK_MIN ? STACK_MIN : size > STACK_MAX ? STACK_MAX : size;
    size &= ~(uint64_t)(CORE_PAGE_SIZE - 1);
    *high = CORE_STACK_END - PLAT_GRANULE;
    *low = *high - size;
    uint32_t flags = LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED;
    int64_t at = shim_mm_map(t->process->mm, *low, size, prot, flags, NULL, 0);
    if (at >= 0)
        at = shim_mm_map(t->process->mm, *low - GUARD_SIZE, GUARD_SIZE, 0, flags, NULL, 0);
    return at < 0 ? (int)at : 0;
}

static uint32_t count_of(const char *const *list)
{
    uint32_t count = 0;
    while (list[count])
        count++;
    return count;
}

/*
 * Strings go first, from the top down, last to first; their addresses follow from
 * their lengths when the vectors are written below them.
 */
static lx_uptr put_strings(struct builder *b, const char *const *list, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;)
        put_string(b, list[i]);
    return b->sp;
}

static void put_vector(struct builder *b, const char *const *list, uint32_t count, lx_uptr strings)
{
    lx_uptr end = strings;
    for (uint32_t i = 0; i < count; i++)
        end += core_str_length(list[i]) + 1;
    put_word(b, 0);
    for (uint32_t i = count; i-- > 0;) {
        end -= core_str_length(list[i]) + 1;
        put_word(b, end);
    }
}

int stack_build(struct shim_task *t, const struct stack_input *in, lx_uptr *sp)
{
    const struct shim_process *p = t->process;
    const struct elf_plan *plan = in->plan;
    uint64_t low, high;
    *sp = 0;
    int err = map_stack(t, &low, &high,
                        LX_PROT_READ | LX_PROT_WRITE | (plan->executable_stack ? LX_PROT_EXEC : 0));
    if (err < 0)
        return err;

    struct builder b = {.sp = high - 8, .low = high - (high - low) / 4}; /* execve(2) */
    uint32_t argc = count_of(in->argv), envc = count_of(in->envp);
    uint8_t random[16];
    plat_random(random, sizeof random);

    lx_uptr execfn_at = put_string(&b, in->execfn);
    lx_uptr env_strings = put_strings(&b, in->envp, envc);
    lx_uptr arg_strings = put_strings(&b, in->argv, argc);
    lx_uptr platform = put_string(&b, "x86_64");
    put(&b, random, sizeof random);
    lx_uptr random_at = b.sp;

    enum { AUX_COUNT = 23 };
    b.sp &= ~15ull;
    if ((1 + argc + 1 + envc + 1 + 2 * AUX_COUNT) & 1)
        b.sp -= 8; /* argc's address is a multiple of 16 */
    put_aux(&b, LX_AT_NULL, 0);
    put_aux(&b, LX_AT_RSEQ_ALIGN, 32);
    put_aux(&b, LX_AT_RSEQ_FEATURE_SIZE, 28);
    put_aux(&b, LX_AT_SYSINFO_EHDR, in->vdso);
    put_aux(&b, LX_AT_MINSIGSTKSZ, t->plat->xsave_size + SIGFRAME_SIZE);
    put_aux(&b, LX_AT_HWCAP, hwcap());
    put_aux(&b, LX_AT_HWCAP2, 0); /* no FSGSBASE: wrfsbase would take the thread pointer from us */
    put_aux(&b, LX_AT_PAGESZ, CORE_PAGE_SIZE);
    put_aux(&b, LX_AT_CLKTCK, CLOCK_TICKS);
    put_aux(&b, LX_AT_PHDR, plan->phdrs ? plan->phdrs + plan->bias : 0);
    put_aux(&b, LX_AT_PHENT, plan->phdr_size);
    put_aux(&b, LX_AT_PHNUM, plan->phdr_count);
    put_aux(&b, LX_AT_BASE, in->loader_base);
    put_aux(&b, LX_AT_FLAGS, 0);
    put_aux(&b, LX_AT_ENTRY, plan->entry + plan->bias);
    put_aux(&b, LX_AT_UID, p->cred.uid);
    put_aux(&b, LX_AT_EUID, p->cred.euid);
    put_aux(&b, LX_AT_GID, p->cred.gid);
    put_aux(&b, LX_AT_EGID, p->cred.egid);
    put_aux(&b, LX_AT_SECURE, p->cred.secure);
    put_aux(&b, LX_AT_RANDOM, random_at);
    put_aux(&b, LX_AT_EXECFN, execfn_at);
    put_aux(&b, LX_AT_PLATFORM, platform);
    put_vector(&b, in->envp, envc, env_strings);
    put_vector(&b, in->argv, argc, arg_strings);
    put_word(&b, argc);
    *sp = b.sp;
    return b.err;
}
