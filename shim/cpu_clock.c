/* SPDX-License-Identifier: MIT */
/* Processor time: the host's, less what it had counted before the guest began. */

#include "shim/cpu_clock.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/process.h"
#include "shim/task.h"

#define LOOK_MIN_NS 1000000ull   /* between two looks at a clock */
#define LOOK_IDLE_NS 50000000ull /* the same, when nothing runs */
#define BUSY_PART 32             /* using less than this part of a processor is idling */

static uint64_t since(uint64_t now, uint64_t base)
{
    return now > base ? now - base : 0;
}

static void clock_of_process(const struct shim_process *p, struct shim_cpu_clock *out)
{
    out->host_id = p->host_id;
    out->base_user_ns = p->cpu_base_user_ns;
    out->base_system_ns = p->cpu_base_system_ns;
}

static void clock_of_task(const struct shim_task *t, struct shim_cpu_clock *out)
{
    out->tid = t->tid;
    out->host_id = t->host_id;
    out->base_user_ns = t->cpu_base_user_ns;
    out->base_system_ns = t->cpu_base_system_ns;
}

int shim_cpu_clock_find(struct shim_task *t, int32_t clock, struct shim_cpu_clock *out)
{
    memset(out, 0, sizeof *out);
    int32_t id = clock < 0 ? LX_CPUCLOCK_PID(clock) : 0;
    int thread = clock < 0 ? clock & LX_CPUCLOCK_PERTHREAD : clock == LX_CLOCK_THREAD_CPUTIME_ID;
    out->which = clock < 0 ? (uint32_t)LX_CPUCLOCK_WHICH(clock) : LX_CPUCLOCK_SCHED;
    if (out->which == LX_CPUCLOCK_MAX)
        return -LX_EINVAL;
    if (!id) {
        if (thread)
            clock_of_task(t, out);
        else
            clock_of_process(t->process, out);
        return 0;
    }
    struct shim_container *c = shim_container();
    int err = -LX_EINVAL;
    core_lock_acquire(&c->lock);
    struct shim_task *other = thread ? shim_task_find_locked(id) : NULL;
    struct shim_process *p = thread ? NULL : shim_process_find_locked(id);
    if (other && other->process == t->process) {
        clock_of_task(other, out);
        err = 0;
    } else if (p && !p->is_zombie) {
        clock_of_process(p, out);
        err = 0;
    }
    shim_container_release(c);
    return err;
}

int shim_cpu_clock_now(const struct shim_cpu_clock *c, uint64_t *ns)
{
    uint64_t user, system;
    int err = 0;
    *ns = 0;
    if (!c->host_id)
        return 0; /* it had not run when it was found */
    if (c->tid) {
        if (c->which != LX_CPUCLOCK_VIRT && c->host_id == plat_thread_id()) {
            *ns = since(plat_clock_now(PLAT_CLOCK_CPU_THREAD), c->base_user_ns + c->base_system_ns);
            return 0;
        }
        err = plat_thread_times(c->host_id, &user, &system);
    } else if (c->host_id == plat_process_id()) {
        if (c->which != LX_CPUCLOCK_VIRT) {
            *ns =
                since(plat_clock_now(PLAT_CLOCK_CPU_PROCESS), c->base_user_ns + c->base_system_ns);
            return 0;
        }
        plat_process_times(&user, &system);
    } else {
        err = plat_process_times_of(c->host_id, &user, &system);
    }
    if (err == 0)
        *ns = c->which == LX_CPUCLOCK_VIRT
                  ? since(user, c->base_user_ns)
                  : since(user + system, c->base_user_ns + c->base_system_ns);
    return err;
}

void shim_cpu_times(const struct shim_process *p, uint64_t *user_ns, uint64_t *system_ns)
{
    if (p->host_id == plat_process_id())
        plat_process_times(user_ns, system_ns);
    else if (plat_process_times_of(p->host_id, user_ns, system_ns) < 0)
        *user_ns = *system_ns = 0;
    *user_ns = since(*user_ns, p->cpu_base_user_ns);
    *system_ns = since(*system_ns, p->cpu_base_system_ns);
}

void shim_cpu_times_of_task(const struct shim_task *t, uint64_t *user_ns, uint64_t *system_ns)
{
    int err = plat_thread_times(t->host_id, user_ns, system_ns);
    (void)err; /* then both are 0 */
    *user_ns = since(*user_ns, t->cpu_base_user_ns);
    *system_ns = since(*system_ns, t->cpu_base_system_ns);
}

void shim_cpu_pace(struct shim_cpu_pace *pace, uint64_t now_ns)
{
    uint64_t cpu = plat_clock_now(PLAT_CLOCK_CPU_PROCESS), passed = now_ns - pace->now_ns;
    if (passed < LOOK_MIN_NS / 2)
        return;
    int idle = (cpu - pace->cpu_ns) * BUSY_PART < passed;
    uint64_t more = pace->idle_ns ? 2 * pace->idle_ns : LOOK_MIN_NS;
    pace->idle_ns = !idle ? 0 : more < LOOK_IDLE_NS ? more : LOOK_IDLE_NS;
    pace->now_ns = now_ns;
    pace->cpu_ns = cpu;
}

uint64_t shim_cpu_wait(const struct shim_cpu_pace *pace, uint64_t left_ns, uint32_t threads)
{
    uint64_t wait = left_ns / (threads ? threads : 1);
    uint64_t least = pace->idle_ns > LOOK_MIN_NS ? pace->idle_ns : LOOK_MIN_NS;
    return wait > least ? wait : least;
}
