/* SPDX-License-Identifier: MIT */
/*
 * Guest threads: entry, exceptions, and the state they must keep.  The guests
 * are the assembly below, which enters as patched code does.  They all run
 * before cmocka, which takes the host's exception handlers for itself; its tests
 * then look at what they left.
 */

#include "core/layout.h"
#include "lx/errno.h"
#include "plat/slots.h"
#include "plat/thread.h"
#include "test.h"

_Static_assert(PLAT_GS_ENTRY == 0x1640, "the guests below enter through gs:0x1640");

/* A system call, as a trampoline makes it. */
#define ENTER "leaq 9f(%rip), %rcx; jmp *%gs:0x1640; 9:\n"

#define CALL_FAST 1  /* returns 42 and touches no host */
#define CALL_HOST 2  /* reads a clock by way of the host */
#define CALL_COPY 3  /* copies from rdi 16 bytes; returns how many it could not */
#define CALL_WORD 4  /* loads and exchanges the word at rdi */
#define CALL_EXIT 60 /* ends the thread */

unsigned char guest_vectors_in[256], guest_vectors_out[256];
unsigned char guest_x87_out[16];
uint32_t guest_mxcsr_in = 0x9fc0, guest_mxcsr_out; /* flush to zero, denormals are zero */
uint64_t guest_registers_out[16];
uint64_t guest_results[8];
uint64_t guest_fs_out[4];

/* rax: what it does between filling the vectors and storing them. */
void guest_calls(void);
void guest_faults(void);
void guest_fault_site(void);
void guest_fault_after(void);
void guest_undefined_site(void);
void guest_undefined_after(void);
void guest_trap_site(void);
void guest_trap_after(void);
void guest_divide_site(void);
void guest_divide_after(void);
void guest_wild_site(void);
void guest_wild_after(void);
void guest_jump_after(void);

#define LOAD(n) "movdqu guest_vectors_in+16*" #n "(%rip), %xmm" #n "\n"
#define STORE(n) "movdqu %xmm" #n ", guest_vectors_out+16*" #n "(%rip)\n"
/* clang-format off */
#define ALL(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define FILL ALL(LOAD) "ldmxcsr guest_mxcsr_in(%rip); fninit; fldpi\n"
#define KEEP ALL(STORE) "stmxcsr guest_mxcsr_out(%rip); fstpt guest_x87_out(%rip)\n"

__asm__(".text\n"
        "guest_calls:\n" FILL
        "movq $0x11, %rbx; movq $0x12, %rbp; movq $0x13, %rsi; movq $0x14, %rdi\n"
        "movq $0x15, %rdx; movq $0x16, %r8; movq $0x17, %r9; movq $0x18, %r10\n"
        "movq $0x19, %r12; movq $0x1a, %r13; movq $0x1b, %r14; movq $0x1c, %r15\n"
        "movq $0x77, -8(%rsp)\n" /* red zone */
        "rdfsbase %rax; movq %rax, guest_fs_out(%rip)\n"
        "movl $1, %eax\n" ENTER
        "movq %rax, guest_results(%rip)\n"
        "movl $2, %eax\n" ENTER
        "movq %rax, guest_results+8(%rip)\n"
        "rdfsbase %rax; movq %rax, guest_fs_out+8(%rip)\n"
        "movq -8(%rsp), %rax; movq %rax, guest_results+16(%rip)\n"
        "movq %rbx, guest_registers_out(%rip); movq %rbp, guest_registers_out+8(%rip)\n"
        "movq %rsi, guest_registers_out+16(%rip); movq %rdi, guest_registers_out+24(%rip)\n"
        "movq %rdx, guest_registers_out+32(%rip); movq %r8, guest_registers_out+40(%rip)\n"
        "movq %r9, guest_registers_out+48(%rip); movq %r10, guest_registers_out+56(%rip)\n"
        "movq %r12, guest_registers_out+64(%rip); movq %r13, guest_registers_out+72(%rip)\n"
        "movq %r14, guest_registers_out+80(%rip); movq %r15, guest_registers_out+88(%rip)\n"
        KEEP
        "movq $0x1000, %rdi; movl $3, %eax\n" ENTER
        "movq %rax, guest_results+24(%rip)\n"
        "leaq guest_vectors_in(%rip), %rdi; movl $3, %eax\n" ENTER
        "movq %rax, guest_results+32(%rip)\n"
        "movq $0x1000, %rdi; movl $4, %eax\n" ENTER
        "movq %rax, guest_results+40(%rip)\n"
        "rdfsbase %rax; movq %rax, guest_fs_out+16(%rip)\n"
        "movl $60, %eax\n" ENTER

        "guest_faults:\n" FILL
        "movq $0x1000, %rax; movq $0x21, %rbx; movq $0x22, %rcx; movq $0x23, %r11; stc\n"
        "guest_fault_site: movb $1, 8(%rax)\n"
        "guest_fault_after:\n"
        "setc guest_results(%rip)\n"
        "movq %rcx, guest_registers_out(%rip); movq %r11, guest_registers_out+8(%rip)\n"
        "movq %rbx, guest_registers_out+16(%rip); movq %rax, guest_registers_out+24(%rip)\n"
        "rdfsbase %rax; movq %rax, guest_fs_out(%rip)\n"
        "guest_undefined_site: ud2\n"
        "guest_undefined_after:\n"
        "guest_trap_site: int3\n"
        "guest_trap_after:\n"
        "xorl %edx, %edx; xorl %ecx, %ecx; movl $1, %eax\n"
        "guest_divide_site: divl %ecx\n"
        "guest_divide_after:\n"
        "movq $0x1234567800000000, %rax\n"
        "guest_wild_site: movq (%rax), %rbx\n"
        "guest_wild_after:\n"
        "movq $0x2000, %rax; jmp *%rax\n"
        "guest_jump_after:\n" KEEP
        "rdfsbase %rax; movq %rax, guest_fs_out+8(%rip)\n"
        "movl $60, %eax\n" ENTER);
/* clang-format on */

#define STACK_SIZE 0x10000u
#define FAULT_MAX 8

struct seen_fault {
    struct plat_fault fault;
    struct plat_regs regs;
};

/* One guest thread and what became of it. */
struct run {
    void (*guest)(void);
    uint64_t tp;
    uint32_t fs_mode;
    uint32_t fault_count;
    struct plat_semaphore *done;
    char *stack;
    uint64_t now_ns;
    struct seen_fault faults[FAULT_MAX];
    /* the guest's own, copied when it has ended */
    unsigned char vectors[256], x87[16];
    uint64_t registers[16], results[8], fs[4];
    uint32_t mxcsr;
};

static uint64_t address_of(void (*code)(void))
{
    return (uint64_t)(uintptr_t)code;
}

static __attribute__((noinline)) void handle_in_host(struct plat_thread *t)
{
    struct run *r = t->owner;
    switch (t->regs.rax) {
    case CALL_HOST:
        r->now_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        t->regs.rax = 43;
        break;
    case CALL_EXIT:
        plat_semaphore_post(r->done);
        plat_thread_exit();
    default:
        t->regs.rax = (uint64_t)-LX_ENOSYS;
    }
}

static __attribute__((noinline)) uint64_t use_word(void *word)
{
    uint32_t old = 5, mine = 6;
    if (!plat_load_guest32(word, &old) || !plat_cmpxchg_guest32(word, 0, 1, &old) || old != 5)
        return 1;
    if (plat_load_guest32(&mine, &old) || old != 6)
        return 2;
    if (plat_cmpxchg_guest32(&mine, 6, 7, &old) || old != 6 || mine != 7)
        return 3;
    return 44;
}

/*
 * This file is hosted code, so all but a few lines come after plat_gate().
 */
static void on_syscall(struct plat_thread *t)
{
    if (t->regs.rax == CALL_FAST) {
        t->regs.rax = 42;
        return;
    }
    if (t->regs.rax == CALL_COPY) {
        static char buffer[16];
        t->regs.rax = plat_copy_guest(buffer, (void *)(uintptr_t)t->regs.rdi, sizeof buffer);
        return;
    }
    if (t->regs.rax == CALL_WORD) {
        t->regs.rax = use_word((void *)(uintptr_t)t->regs.rdi);
        return;
    }
    plat_gate();
    handle_in_host(t);
}

static __attribute__((noinline)) void note_fault(struct plat_thread *t)
{
    static const struct {
        void (*site)(void), (*after)(void);
    } sites[] = {
        {guest_fault_site, guest_fault_after}, {guest_undefined_site, guest_undefined_after},
        {guest_trap_after, guest_trap_after},  {guest_divide_site, guest_divide_after},
        {guest_wild_site, guest_wild_after},
    };
    struct run *r = t->owner;
    if (r->fault_count == FAULT_MAX)
        abort();
    r->faults[r->fault_count++] = (struct seen_fault){t->fault, t->regs};
    r->now_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    uint64_t rip = t->regs.rip;
    t->regs.rip = address_of(guest_jump_after);
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        if (rip == address_of(sites[i].site))
            t->regs.rip = address_of(sites[i].after);
    }
}

static void on_fault(struct plat_thread *t)
{
    plat_gate();
    note_fault(t);
}

static void start(void *arg, struct plat_thread *t)
{
    struct run *r = arg;
    t->owner = r;
    t->on_syscall = on_syscall;
    t->on_fault = on_fault;
    t->fs_mode = r->fs_mode;
    t->regs.rip = address_of(r->guest);
    t->regs.rsp = (uint64_t)(uintptr_t)r->stack + STACK_SIZE - 64;
    t->regs.rflags = 0x202;
    plat_thread_set_tp(t, r->tp, 0);
    plat_resume(t);
}

static void adopt_and_start(void *arg)
{
    struct plat_thread *t;
    if (plat_thread_adopt(&t) < 0)
        abort();
    start(arg, t);
}

static void begin(struct run *r)
{
    void *stack;
    if (plat_pages_new(STACK_SIZE, &stack) < 0 || plat_semaphore_new(0, &r->done) < 0)
        abort();
    r->stack = stack;
}

static void end(struct run *r)
{
    plat_semaphore_wait(r->done);
    plat_semaphore_free(r->done);
    plat_pages_free(r->stack, STACK_SIZE);
}

static void run_guest(struct run *r, int adopted)
{
    memset(guest_vectors_out, 0, sizeof guest_vectors_out);
    memset(guest_registers_out, 0, sizeof guest_registers_out);
    memset(guest_results, 0, sizeof guest_results);
    begin(r);
    struct plat_worker *w = NULL;
    int err = adopted ? plat_worker_start(adopt_and_start, r, &w) : plat_thread_start(start, r);
    if (err < 0)
        abort();
    end(r);
    if (w)
        plat_worker_join(w);

    memcpy(r->vectors, guest_vectors_out, sizeof r->vectors);
    memcpy(r->x87, guest_x87_out, sizeof r->x87);
    r->mxcsr = guest_mxcsr_out;
    memcpy(r->registers, guest_registers_out, sizeof r->registers);
    memcpy(r->results, guest_results, sizeof r->results);
    memcpy(r->fs, guest_fs_out, sizeof r->fs);
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define GUEST_TP 0x123456789000ull

static struct run g_calls[] = {
    {.guest = guest_calls},
    {.guest = guest_calls, .fs_mode = PLAT_FS_GUEST, .tp = GUEST_TP},
    {.guest = guest_calls, .fs_mode = PLAT_FS_ZERO, .tp = GUEST_TP},
    {.guest = guest_calls, .fs_mode = PLAT_FS_GUEST, .tp = GUEST_TP}, /* adopted */
};

static struct run g_faults[] = {
    {.guest = guest_faults},
    {.guest = guest_faults, .fs_mode = PLAT_FS_GUEST, .tp = GUEST_TP},
    {.guest = guest_faults, .fs_mode = PLAT_FS_ZERO, .tp = GUEST_TP},
    {.guest = guest_faults, .fs_mode = PLAT_FS_GUEST, .tp = GUEST_TP}, /* adopted */
};

static struct run g_many[48];

/* All at once; the guests write the same results to the same places. */
static void run_many(void)
{
    for (size_t i = 0; i < COUNT(g_many); i++) {
        g_many[i] = i % 2 ? g_calls[1] : g_faults[1];
        begin(&g_many[i]);
        if (plat_thread_start(start, &g_many[i]) < 0)
            abort();
    }
    for (size_t i = 0; i < COUNT(g_many); i++)
        end(&g_many[i]);
}

static void assert_vectors_kept(const struct run *r)
{
    static const unsigned char pi[] = {0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0, 0x40};
    assert_memory_equal(r->vectors, guest_vectors_in, sizeof r->vectors);
    assert_memory_equal(r->x87, pi, sizeof pi);
    assert_int_equal(r->mxcsr & 0xffc0, guest_mxcsr_in);
}

/* What rdfsbase gave in guest code. */
static void assert_fs_kept(const struct run *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (r->fs_mode == PLAT_FS_HOST)
            assert_int_equal(r->fs[i], r->fs[0]);
        else
            assert_int_equal(r->fs[i], r->fs_mode == PLAT_FS_GUEST ? r->tp : 0);
    }
}

static void calls_return_and_keep_all_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(g_calls); i++) {
        const struct run *r = &g_calls[i];
        assert_int_equal(r->fault_count, 0);
        assert_int_equal(r->results[0], 42);
        assert_int_equal(r->results[1], 43);
        assert_int_equal(r->results[2], 0x77); /* the red zone */
        assert_int_not_equal(r->now_ns, 0);
        for (int n = 0; n < 12; n++)
            assert_int_equal(r->registers[n], 0x11 + n);
        assert_vectors_kept(r);
        assert_fs_kept(r, 3);
    }
}

static void bad_guest_pointers_are_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(g_calls); i++) {
        assert_int_equal(g_calls[i].results[3], 16); /* nothing copied */
        assert_int_equal(g_calls[i].results[4], 0);
        assert_int_equal(g_calls[i].results[5], 44);
    }
}

static void faults_are_told_as_the_processor_does(void **state)
{
    (void)state;
    static const struct {
        void (*rip)(void); /* NULL: 0x2000 */
        uint32_t trap, error;
        uint64_t address;
    } rows[] = {
        {guest_fault_site, 14, 6, 0x1008}, /* page fault: a write from user mode */
        {guest_undefined_site, 6, 0, 0},   /* undefined opcode */
        {guest_trap_after, 3, 0, 0},       /* breakpoint: rip is after it */
        {guest_divide_site, 0, 0, 0},      /* divide error */
        {guest_wild_site, 13, 0, 0},       /* no canonical address: general protection */
        {NULL, 14, 0x14, 0x2000},          /* page fault: an instruction fetch */
    };
    for (size_t i = 0; i < COUNT(g_faults); i++) {
        const struct run *r = &g_faults[i];
        assert_int_equal(r->fault_count, COUNT(rows));
        for (size_t k = 0; k < COUNT(rows); k++) {
            const struct seen_fault *f = &r->faults[k];
            assert_int_equal(f->fault.trap, rows[k].trap);
            assert_int_equal(f->fault.error, rows[k].error);
            assert_int_equal(f->fault.address, rows[k].address);
            assert_int_equal(f->regs.rip, rows[k].rip ? address_of(rows[k].rip) : 0x2000);
            assert_int_equal(f->regs.rsp, (uint64_t)(uintptr_t)r->stack + STACK_SIZE - 64);
        }
    }
}

static void guests_go_on_after_a_fault_with_all_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(g_faults); i++) {
        const struct run *r = &g_faults[i];
        assert_int_equal(r->faults[0].regs.rbx, 0x21);
        assert_int_equal(r->results[0] & 1, 1); /* the carry flag */
        assert_int_equal(r->registers[0], 0x22);
        assert_int_equal(r->registers[1], 0x23);
        assert_int_equal(r->registers[2], 0x21);
        assert_int_equal(r->registers[3], 0x1000);
        assert_vectors_kept(r);
        assert_fs_kept(r, 2);
    }
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(g_many); i++) {
        assert_int_equal(g_many[i].fault_count, i % 2 ? 0 : 6);
        assert_int_not_equal(g_many[i].now_ns, 0);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    for (int i = 0; i < 256; i++)
        guest_vectors_in[i] = (unsigned char)(i * 7 + 1);
    run_many();
    for (size_t i = 0; i < COUNT(g_calls); i++)
        run_guest(&g_calls[i], i == COUNT(g_calls) - 1);
    for (size_t i = 0; i < COUNT(g_faults); i++)
        run_guest(&g_faults[i], i == COUNT(g_faults) - 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_return_and_keep_all_registers),
        cmocka_unit_test(bad_guest_pointers_are_survived),
        cmocka_unit_test(faults_are_told_as_the_processor_does),
        cmocka_unit_test(guests_go_on_after_a_fault_with_all_registers),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
