/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of guest threads: in guest code that makes no call, and at every moment of calls that
 * come one after the other.  The guests run before cmocka, as in test_fault.c.
 */

#include <stdatomic.h>

#include "plat/slots.h"
#include "plat/thread.h"
#include "test.h"

_Static_assert(PLAT_GS_ENTRY == 0x1640, "the guests below enter through gs:0x1640");

#define ENTER "leaq 9f(%rip), %rcx; jmp *%gs:0x1640; 9:\n"

#define CALL_FAST 1
#define CALL_HOST 2
#define CALL_EXIT 60

void guest_spins(void);
void guest_calls(void);
void guest_end(void);

/*
 * rdi: the word that ends it; rbx counts turns.  Every register that differs from what the loop
 * began with ends it with rax = 1.
 */
/* clang-format off */
#define SET \
    "movq $0x11, %rbp; movq $0x12, %rdx; movq $0x13, %r8; movq $0x14, %r9; movq $0x15, %r12\n" \
    "movq $0x16, %r15; movq $0x17, -8(%rsp); movq $0x18, -128(%rsp); xorl %ebx, %ebx\n" \
    "movq $0x19, %rsi; movq %rsi, %xmm0; movq %rsi, %xmm15\n"
#define CHECK_ALL \
    "cmpq $0x11, %rbp; jne 8f; cmpq $0x12, %rdx; jne 8f; cmpq $0x13, %r8; jne 8f\n" \
    "cmpq $0x14, %r9; jne 8f; cmpq $0x15, %r12; jne 8f; cmpq $0x16, %r15; jne 8f\n" \
    "cmpq $0x17, -8(%rsp); jne 8f; cmpq $0x18, -128(%rsp); jne 8f; cmpq $0x19, %rsi; jne 8f\n" \
    "movq %xmm0, %r13; cmpq %rsi, %r13; jne 8f; movq %xmm15, %r13; cmpq %rsi, %r13; jne 8f\n"
#define END \
    "xorl %esi, %esi; jmp 7f\n" \
    "8: movl $1, %esi\n" \
    "7: movl $60, %eax\n" ENTER

__asm__(".text\n"
        "guest_spins:\n" SET
        "movq $0x1a, %rcx; movq $0x1b, %r11; movq $0x1c, %rax\n"
        "1: incq %rbx\n" CHECK_ALL
        "cmpq $0x1a, %rcx; jne 8f; cmpq $0x1b, %r11; jne 8f; cmpq $0x1c, %rax; jne 8f\n"
        "stc; nop; nop; nop; nop; jnc 8f; cmpl $0, (%rdi); je 1b\n" END
        "guest_calls:\n" SET
        "1: incq %rbx\n"
        "movl $1, %eax\n" ENTER
        "cmpq $42, %rax; jne 8f\n" CHECK_ALL
        "testq $3, %rbx; jne 2f\n"
        "movl $2, %eax\n" ENTER
        "cmpq $43, %rax; jne 8f\n" CHECK_ALL
        "2: cmpl $0, (%rdi); je 1b\n" END
        "guest_end:\n");
/* clang-format on */

#define STACK_SIZE 0x10000u
#define INTERRUPTS 500u

struct run {
    void (*guest)(void);
    uint32_t fs_mode;
    struct plat_thread *thread;
    struct plat_semaphore *begun, *done;
    char *stack;
    _Atomic uint32_t attention, stop;
    _Atomic uint32_t attended;
    uint64_t turns, failed, sent;
};

static uint64_t address_of(void (*code)(void))
{
    return (uint64_t)(uintptr_t)code;
}

static __attribute__((noinline)) void handle_in_host(struct plat_thread *t)
{
    struct run *r = t->owner;
    if (t->regs.rax == CALL_HOST) {
        t->regs.rax = plat_clock_now(PLAT_CLOCK_MONOTONIC) ? 43 : 0;
        return;
    }
    r->turns = t->regs.rbx;
    r->failed = t->regs.rsi;
    plat_semaphore_wait(r->begun); /* nobody interrupts this thread any more */
    plat_semaphore_post(r->done);
    plat_thread_exit();
}

static void on_syscall(struct plat_thread *t)
{
    if (t->regs.rax == CALL_FAST) {
        t->regs.rax = 42;
        return;
    }
    plat_gate();
    handle_in_host(t);
}

static __attribute__((noinline)) void count(struct run *r)
{
    if (plat_clock_now(PLAT_CLOCK_MONOTONIC))
        atomic_fetch_add(&r->attended, 1);
}

/* Every other time without a host call, so that vectors stay where they are. */
static void on_interrupt(struct plat_thread *t)
{
    struct run *r = t->owner;
    r->attention = 0;
    if (r->attended % 2) {
        r->attended++;
        return;
    }
    plat_gate();
    count(r);
}

static int is_guest_code(uint64_t rip)
{
    return rip >= address_of(guest_spins) && rip < address_of(guest_end);
}

static void on_fault(struct plat_thread *t)
{
    (void)t;
    abort();
}

static void start(void *arg, struct plat_thread *t)
{
    struct run *r = arg;
    r->thread = t;
    t->owner = r;
    t->on_syscall = on_syscall;
    t->on_fault = on_fault;
    t->on_interrupt = on_interrupt;
    t->attend = &r->attention;
    t->is_guest_code = is_guest_code;
    t->fs_mode = r->fs_mode;
    t->regs.rip = address_of(r->guest);
    t->regs.rsp = (uint64_t)(uintptr_t)r->stack + STACK_SIZE - 1024;
    t->regs.rdi = (uint64_t)(uintptr_t)&r->stop;
    t->regs.rflags = 0x202;
    plat_thread_set_tp(t, r->fs_mode == PLAT_FS_GUEST ? 0x123456789000ull : 0, 0);
    plat_semaphore_post(r->begun);
    plat_resume(t);
}

/* Each when the one before was attended: one that is lost makes this wait for ever. */
static void run_guest(struct run *r)
{
    void *stack;
    if (plat_pages_new(STACK_SIZE, &stack) < 0 || plat_semaphore_new(0, &r->begun) < 0 ||
        plat_semaphore_new(0, &r->done) < 0)
        abort();
    r->stack = stack;
    if (plat_thread_start(start, r) < 0)
        abort();
    plat_semaphore_wait(r->begun);
    while (r->sent < INTERRUPTS) {
        r->sent++;
        r->attention = 1;
        plat_thread_interrupt(r->thread);
        while (r->attended < r->sent)
            plat_thread_yield(0);
    }
    plat_thread_interrupt(r->thread); /* with no attention: for nothing */
    r->stop = 1;
    plat_semaphore_post(r->begun);
    plat_semaphore_wait(r->done);
    plat_semaphore_free(r->begun);
    plat_semaphore_free(r->done);
    plat_pages_free(stack, STACK_SIZE);
}

static struct run g_runs[] = {
    {.guest = guest_spins},
    {.guest = guest_spins, .fs_mode = PLAT_FS_ZERO},
    {.guest = guest_calls},
    {.guest = guest_calls, .fs_mode = PLAT_FS_ZERO},
};

static void every_interrupt_is_attended_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof g_runs / sizeof g_runs[0]; i++)
        assert_int_equal(g_runs[i].attended, INTERRUPTS);
}

static void guests_keep_all_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof g_runs / sizeof g_runs[0]; i++) {
        assert_int_equal(g_runs[i].failed, 0);
        assert_int_not_equal(g_runs[i].turns, 0);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    for (size_t i = 0; i < sizeof g_runs / sizeof g_runs[0]; i++)
        run_guest(&g_runs[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interrupt_is_attended_once),
        cmocka_unit_test(guests_keep_all_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
