/* SPDX-License-Identifier: MIT */
/* The rewriter: what it makes of short pieces of code. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plat/slots.h"
#include "plat/thread.h"
#include "rewrite/decode.h"
#include "shim/rewrite.h"

#define PAGE 4096u
#define ADDR 0x400000u
#define PIE_ADDR 0x200000000000u /* where pointers may be unrelocated: from 0 on */

struct piece {
    uint8_t memory[8 * PAGE];
    struct shim_rewrite_range text, data;
    struct shim_rewrite_input in;
    struct shim_rewrite_table *table;
};

static struct piece g_piece;

/* Scan and apply `size` bytes of code. */
static struct piece *rewrite(const void *code, uint32_t size)
{
    struct piece *p = &g_piece;
    if (p->table)
        shim_rewrite_free(p->table);
    memset(p, 0, sizeof *p);
    memcpy(p->memory, code, size);
    p->text = (struct shim_rewrite_range){0, size};
    p->in = (struct shim_rewrite_input){
        .code = p->memory,
        .size = PAGE,
        .addr = ADDR,
        .linked = ADDR,
        .text = &p->text,
        .text_count = 1,
        .trampolines = PAGE,
    };
    assert_int_equal(shim_rewrite_scan(&p->in, &p->table), 0);
    assert_int_equal(shim_rewrite_apply(p->table, p->memory), 0);
    return p;
}

/* Code in the second page, and in the third numbers that may be pointers to it. */
static struct piece *rewrite_with_data(const void *code, uint32_t size, const uint64_t *data,
                                       uint32_t data_count, uint64_t addr)
{
    struct piece *p = &g_piece;
    if (p->table)
        shim_rewrite_free(p->table);
    memset(p, 0, sizeof *p);
    memcpy(p->memory + PAGE, code, size);
    memcpy(p->memory + 2 * PAGE, data, data_count * sizeof *data);
    p->text = (struct shim_rewrite_range){PAGE, PAGE + size};
    p->data = (struct shim_rewrite_range){2 * PAGE, 3 * PAGE};
    p->in = (struct shim_rewrite_input){
        .code = p->memory,
        .size = 3 * PAGE,
        .addr = addr,
        .linked = addr,
        .text = &p->text,
        .text_count = 1,
        .data = &p->data,
        .data_count = 1,
        .trampolines = 3 * PAGE,
    };
    assert_int_equal(shim_rewrite_scan(&p->in, &p->table), 0);
    assert_true(p->table->trampoline_size <= sizeof p->memory - 3 * PAGE);
    assert_int_equal(shim_rewrite_apply(p->table, p->memory), 0);
    return p;
}

/* No instruction begins at `at`: a jump there faults. */
static void assert_faults(const struct piece *p, uint32_t at)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction i;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    assert_false(ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, p->memory + at,
                                                            ZYDIS_MAX_INSTRUCTION_LENGTH, &i)));
}

/* Where the jump at `at` goes: short or long, or with prefixes. */
static uint32_t jump_target(const struct piece *p, uint32_t at)
{
    int32_t rel;
    while (p->memory[at] == 0x2e)
        at++;
    if (p->memory[at] == 0xeb)
        return at + 2 + (uint32_t)(int32_t)(int8_t)p->memory[at + 1];
    assert_int_equal(p->memory[at], 0xe9);
    memcpy(&rel, p->memory + at + 1, sizeof rel);
    return at + 5 + (uint32_t)rel;
}

/* lea back(%rip), %rcx; jmp *%gs:ENTRY; returns `back`. */
static uint32_t syscall_return(const struct piece *p, uint32_t at)
{
    static const uint8_t lea[] = {0x48, 0x8d, 0x0d}, jmp[] = {0x65, 0xff, 0x24, 0x25};
    int32_t rel, slot;
    assert_memory_equal(p->memory + at, lea, sizeof lea);
    memcpy(&rel, p->memory + at + 3, sizeof rel);
    assert_memory_equal(p->memory + at + 7, jmp, sizeof jmp);
    memcpy(&slot, p->memory + at + 11, sizeof slot);
    assert_int_equal(slot, PLAT_GS_ENTRY);
    return at + 7 + (uint32_t)rel;
}

static void a_system_call_jumps_to_padding(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x0f, 0x05, 0xc3,                                     /* syscall; ret */
        0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, /* nop */
    };
    struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->syscall_sites, 1);
    assert_int_equal(p->table->syscall_unpatched, 0);
    assert_int_equal(p->memory[0], 0xeb);
    uint32_t hop = jump_target(p, 0);
    assert_int_equal(hop, 3);
    uint32_t trampoline = jump_target(p, hop);
    assert_int_equal(trampoline, PAGE);
    assert_int_equal(syscall_return(p, trampoline), 2);
    assert_int_equal(shim_rewrite_origin(p->table, trampoline), 0);
    assert_int_equal(shim_rewrite_moved(p->table, 0), trampoline);
}

static void a_window_takes_the_instruction_before(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0xb8, 0x27, 0x00, 0x00, 0x00, /* mov $39, %eax */
        0x0f, 0x05,                   /* syscall */
        0x48, 0x89, 0xc7,             /* mov %rax, %rdi */
        0xe9, 0xf1, 0xff, 0xff, 0xff, /* jmp to the start */
    };
    struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->syscall_unpatched, 0);
    uint32_t trampoline = jump_target(p, 0);
    assert_memory_equal(p->memory + trampoline, code, 5);
    assert_int_equal(syscall_return(p, trampoline + 5), 7);
    assert_memory_equal(p->memory + 7, code + 7, sizeof code - 7);
    assert_int_equal(shim_rewrite_moved(p->table, 5), trampoline + 5);
}

/* Something jumps to the system call itself: the window may only begin there. */
static void a_branch_target_is_not_moved_into(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0xb8, 0x27, 0x00, 0x00, 0x00, /* mov $39, %eax */
        0x0f, 0x05,                   /* syscall */
        0x48, 0x89, 0xc7,             /* mov %rax, %rdi */
        0xeb, 0xf9,                   /* jmp to the syscall */
    };
    struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->syscall_unpatched, 0);
    assert_memory_equal(p->memory, code, 5);
    uint32_t trampoline = jump_target(p, 5);
    assert_int_equal(syscall_return(p, trampoline), trampoline + 15);
    assert_memory_equal(p->memory + trampoline + 15, code + 7, 3);
    assert_int_equal(jump_target(p, trampoline + 18), 10);
}

static void a_call_that_cannot_be_patched_is_named(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x90, 0x0f, 0x05, 0xff, 0xd0}; /* nop; syscall; call *%rax */
    struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->syscall_unpatched, 1);
    assert_int_equal(p->table->first_unpatched, 1);
    assert_memory_equal(p->memory, code, sizeof code);
}

/* From glibc's __pthread_kill_implementation, with a jump to behind the system call. */
static const uint8_t g_kill[] = {
    0xeb, 0x07,                               /* jmp to the instruction behind the syscall */
    0xb8, 0x0e, 0x00, 0x00, 0x00,             /* mov $14, %eax */
    0x0f, 0x05,                               /* syscall */
    0x48, 0x8b, 0x44, 0x24, 0x08,             /* mov 8(%rsp), %rax */
    0x64, 0x48, 0x2b, 0x04, 0x25, 0x28, 0, 0, /* sub %fs:0x28, %rax */
    0,    0xff, 0xd0,                         /* call *%rax */
};
#define KILL_FIRST (PAGE + 2)
#define KILL_SYSCALL (PAGE + 7)

/* From glibc's ___pthread_rwlock_wrlock. */
static const uint8_t g_wrlock[] = {
    0x40, 0x80, 0xf6, 0x81,             /* xor $0x81, %sil */
    0xb8, 0xca, 0x00, 0x00, 0x00,       /* mov $202, %eax */
    0x0f, 0x05,                         /* syscall */
    0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff, /* cmp $-4096, %rax */
    0xff, 0xd0,                         /* call *%rax */
};
#define WRLOCK_FIRST (PAGE + 4)
#define WRLOCK_SYSCALL (PAGE + 9)

static const uint8_t g_red_zone[] = {
    0xb8, 0x0e, 0x00, 0x00, 0x00, /* mov $14, %eax */
    0x0f, 0x05,                   /* syscall */
    0x48, 0x89, 0x44, 0x24, 0xf8, /* mov %rax, -8(%rsp) */
    0xff, 0xd0,                   /* call *%rax */
};

/* A table of ascending numbers, as there are for characters: pointers to every byte. */
#define DATA_COUNT 64u
static void ascending(uint64_t *data, uint64_t first)
{
    for (uint32_t i = 0; i < DATA_COUNT; i++)
        data[i] = first + i;
}

/* In a program that runs where it was linked, small numbers are no pointers. */
static void numbers_are_not_taken_for_pointers(void **state)
{
    (void)state;
    uint64_t data[DATA_COUNT];
    ascending(data, PAGE);
    struct piece *p = rewrite_with_data(g_kill, sizeof g_kill, data, DATA_COUNT, ADDR);
    assert_int_equal(p->table->syscall_unpatched, 0);
    assert_int_equal(p->table->tls_unpatched, 0);
    uint32_t trampoline = jump_target(p, KILL_FIRST);
    assert_memory_equal(p->memory + trampoline, g_kill + 2, 5);
    assert_int_equal(syscall_return(p, trampoline + 5), KILL_SYSCALL + 2);
    /* The access to the canary has a patch of its own. */
    assert_int_equal(p->memory[KILL_SYSCALL + 2 + 5], 0xe9);

    p = rewrite_with_data(g_red_zone, sizeof g_red_zone, data, DATA_COUNT, ADDR);
    assert_int_equal(p->table->syscall_unpatched, 0);
}

/* Something may jump anywhere, so to the system call: it faults and finds it moved. */
static void stray_jumps_into_a_window_fault(void **state)
{
    (void)state;
    uint64_t data[DATA_COUNT];
    for (uint32_t pie = 0; pie < 2; pie++) {
        uint64_t addr = pie ? PIE_ADDR : ADDR;
        ascending(data, pie ? PAGE : ADDR + PAGE);
        struct piece *p = rewrite_with_data(g_kill, sizeof g_kill, data, DATA_COUNT, addr);
        assert_int_equal(p->table->syscall_sites, 1);
        assert_int_equal(p->table->syscall_unpatched, 0);
        assert_int_equal(p->table->tls_unpatched, 0);
        uint32_t trampoline = jump_target(p, KILL_FIRST);
        assert_faults(p, KILL_SYSCALL);
        assert_int_equal(shim_rewrite_moved(p->table, KILL_SYSCALL), trampoline + 5);
        assert_int_equal(shim_rewrite_origin(p->table, trampoline + 5), KILL_SYSCALL);
        assert_int_equal(shim_rewrite_moved(p->table, KILL_SYSCALL + 2), 0);

        p = rewrite_with_data(g_wrlock, sizeof g_wrlock, data, DATA_COUNT, addr);
        assert_int_equal(p->table->syscall_unpatched, 0);
        trampoline = jump_target(p, WRLOCK_FIRST);
        assert_faults(p, WRLOCK_SYSCALL);
        assert_int_equal(shim_rewrite_moved(p->table, WRLOCK_SYSCALL), trampoline + 5);
        assert_memory_equal(p->memory + PAGE, g_wrlock, 4);
    }
}

/* Whatever a jump that nobody knows of meets behind the patch is no instruction. */
static void what_is_left_of_a_window_faults(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x89, 0xf8,                   /* mov %edi, %eax */
        0x89, 0xf7,                   /* mov %esi, %edi */
        0xb8, 0x27, 0x00, 0x00, 0x00, /* mov $39, %eax */
        0x0f, 0x05,                   /* syscall */
        0xff, 0xd0,                   /* call *%rax */
    };
    struct piece *p = rewrite(code, sizeof code);
    assert_memory_equal(p->memory, code, 4);
    assert_int_equal(shim_rewrite_moved(p->table, 9), jump_target(p, 4) + 5);
    assert_faults(p, 9);
}

/*
 * Jumps to what lies under the patch's own bytes: the distance to the trampoline is such that they
 * fault.  Before the system call comes what cannot be moved.
 */
static void trampolines_are_placed_for_stray_jumps(void **state)
{
    (void)state;
    static const uint8_t codes[][12] = {
        {0xff, 0xd0, 0x0f, 0x05, 0x48, 0x89, 0xc2, 0x48, 0x89, 0xd0, 0xff,
         0xd0}, /* 2 and 3 bytes */
        {0xff, 0xd0, 0x89, 0xf8, 0x0f, 0x05, 0x89, 0xc2, 0x89, 0xd0, 0xff, 0xd0}, /* 2 and 2 */
        {0xff, 0xd0, 0x90, 0x0f, 0x05, 0x89, 0xc2, 0x89, 0xc1, 0x90, 0xff, 0xd0},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        /* The system call and what follows it. */
        uint32_t at = i == 0 ? PAGE + 2 : i == 1 ? PAGE + 4 : PAGE + 3;
        const uint64_t data[] = {ADDR + at, ADDR + at + 2};
        struct piece *p = rewrite_with_data(codes[i], sizeof codes[i], data, 2, ADDR);
        assert_int_equal(p->table->syscall_unpatched, 0);
        assert_true(shim_rewrite_moved(p->table, at) >= 3 * PAGE);
        for (uint32_t n = 0; n < 2; n++) {
            uint32_t target = at + 2 * n, moved = shim_rewrite_moved(p->table, target);
            if (!moved) { /* it is where it was, or the patch begins there */
                assert_memory_equal(p->memory + target, codes[i] + target - PAGE, 2);
            } else if (p->memory[target] == 0xe9 || p->memory[target] == 0x2e) {
                assert_int_equal(jump_target(p, target), moved);
            } else {
                assert_faults(p, target);
            }
        }
    }
}

/* On Windows a fault overwrites the red zone. */
static void stray_jumps_spare_the_red_zone(void **state)
{
    (void)state;
    uint64_t data[DATA_COUNT];
    for (uint32_t pie = 0; pie < 2; pie++) {
        uint64_t addr = pie ? PIE_ADDR : ADDR;
        ascending(data, pie ? PAGE : ADDR + PAGE);
        struct piece *p = rewrite_with_data(g_red_zone, sizeof g_red_zone, data, DATA_COUNT, addr);
        assert_int_equal(p->table->syscall_unpatched, 1);
        assert_int_equal(p->table->first_unpatched, PAGE + 5);
        assert_memory_equal(p->memory + PAGE, g_red_zone, sizeof g_red_zone);
    }
}

static void the_thread_pointer_is_read_in_place(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3};
    static const uint8_t want[] = {0x65, 0x48, 0x8b, 0x04, 0x25};
    struct piece *p = rewrite(code, sizeof code);
    uint32_t slot;
    assert_int_equal(p->table->tls_sites, 1);
    assert_int_equal(p->table->tls_unpatched, 0);
    assert_int_equal(p->table->trampoline_size, 0);
    assert_memory_equal(p->memory, want, sizeof want);
    memcpy(&slot, p->memory + 5, sizeof slot);
    assert_int_equal(slot, PLAT_GS_TP);
}

/* The canary is mirrored only in programs that store it through %fs. */
static void the_canary_is_read_where_it_is_kept(void **state)
{
    (void)state;
    static const uint8_t load[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, 0xc3};
    static const uint8_t both[] = {
        0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, /* mov %fs:0x28, %rax */
        0x64, 0x48, 0x89, 0x04, 0x25, 0x28, 0, 0, 0, /* mov %rax, %fs:0x28 */
        0xc3,
    };
    struct piece *p = rewrite(load, sizeof load);
    assert_int_equal(p->table->tls_unpatched, 0);
    assert_int_equal(p->memory[0], 0xe9);
    p = rewrite(both, sizeof both);
    assert_int_equal(p->table->tls_unpatched, 0);
    assert_int_equal(p->memory[0], 0x65);
    assert_int_equal(p->memory[9], 0xe9);
}

static void short_accesses_find_room(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x64, 0x89, 0x02,                               /* mov %eax, %fs:(%rdx) */
        0xeb, 0xfb,                                     /* jmp to it */
        0xe8, 0x00, 0x00, 0x00, 0x00,                   /* call */
        0x48, 0xc7, 0xc0, 0x01, 0x00, 0x00, 0x00,       /* mov $1, %rax */
        0x48, 0xc7, 0xc1, 0x01, 0x00, 0x00, 0x00, 0xc3, /* mov $1, %rcx; ret */
    };
    struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->tls_sites, 1);
    assert_int_equal(p->table->tls_unpatched, 0);
}

/* What a faulting access would hit without FS base. */
static void accesses_tell_their_offset(void **state)
{
    (void)state;
    static const struct plat_regs regs = {
        .rax = 0x1000, .rcx = 3, .rdx = (uint64_t)-8, .r13 = 0x100000005, .rsp = 0x7000};
    static const struct {
        uint8_t code[15];
        uint32_t size;
        int found;
        uint64_t offset;
    } rows[] = {
        {{0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}, 9, 1, 0x28}, /* mov %fs:0x28,%rax */
        {{0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff}, 9, 1, (uint64_t)-8},
        {{0x64, 0x89, 0x02}, 3, 1, (uint64_t)-8},            /* mov %eax,%fs:(%rdx) */
        {{0x64, 0x8b, 0x44, 0x88, 0x10}, 5, 1, 0x101c},      /* 16(%rax,%rcx,4) */
        {{0x64, 0x41, 0x8b, 0x45, 0x00}, 5, 1, 0x100000005}, /* 0(%r13) */
        {{0x64, 0x67, 0x41, 0x8b, 0x45, 0x00}, 6, 1, 5},     /* 0(%r13d) */
        {{0x64, 0x8b, 0x04, 0x24}, 4, 1, 0x7000},            /* (%rsp) */
        {{0x8b, 0x02}, 2, 0, 0},                             /* no %fs */
        {{0x64, 0x90}, 2, 0, 0},                             /* a prefix without use */
        {{0x64, 0x89}, 2, 0, 0},                             /* cut off */
        {{0x06}, 1, 0, 0},                                   /* no instruction */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t offset = 0;
        assert_int_equal(shim_rewrite_fs_offset(rows[i].code, rows[i].size, &regs, &offset),
                         rows[i].found);
        assert_true(offset == rows[i].offset);
    }
}

static void damaged_tables_are_refused(void **state)
{
    (void)state;
    static const uint8_t code[] = {0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3};
    struct piece *p = rewrite(code, sizeof code);
    uint8_t target[4 * PAGE];
    struct shim_rewrite_table good = *p->table;
    assert_int_equal(good.edit_count, 1);

    p->table->magic++;
    assert_true(shim_rewrite_apply(p->table, target) < 0);
    *p->table = good;
    p->table->edit_count = 1000000;
    assert_true(shim_rewrite_apply(p->table, target) < 0);
    *p->table = good;
    p->table->trampoline_size = 1000000;
    assert_true(shim_rewrite_apply(p->table, target) < 0);
    *p->table = good;
    struct shim_rewrite_edit *edit = (struct shim_rewrite_edit *)((char *)p->table + good.edits);
    edit->at = good.span;
    assert_true(shim_rewrite_apply(p->table, target) < 0);
}

/* ---- Data in the text ---- */

#define TABLE_SIZE 1024u

/* Bytes as of a cipher's tables; the same in each run. */
static void fill_table(uint8_t *table)
{
    uint32_t x = 12345;
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        table[i] = (uint8_t)(x >> 8);
    }
}

static const uint8_t caller[] = {
    0xe8, 0x02, 0x04, 0x00, 0x00, /* call to behind the table */
    0xc3, 0x90,                   /* ret; nop */
};
static const uint8_t called[] = {
    0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00,       /* mov %fs:0x28, %rax */
    0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05,                   /* mov $39, %eax; syscall */
    0x64, 0x48, 0x8b, 0x14, 0x25, 0x28, 0x00, 0x00, 0x00, 0xc3, /* mov %fs:0x28, %rdx; ret */
};

/*
 * A table between two functions, with what looks like sites in it and at its end: nothing of it
 * changes, and the function behind it, which the last bytes would hide, is patched.
 */
static void a_table_is_left_alone(void **state)
{
    (void)state;
    static const uint8_t access[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00};
    uint8_t code[sizeof caller + TABLE_SIZE + sizeof called];
    uint8_t *table = code + sizeof caller;
    for (uint32_t cut = 1; cut < sizeof access; cut++) {
        memcpy(code, caller, sizeof caller);
        fill_table(table);
        memcpy(table + 400, access, sizeof access);
        memcpy(table + 500, "\x0f\x05", 2);
        memcpy(table + TABLE_SIZE - cut, access,
               cut); /* an instruction that goes on in the function */
        memcpy(table + TABLE_SIZE, called, sizeof called);
        const struct piece *p = rewrite(code, sizeof code);
        assert_int_equal(p->table->syscall_sites, 1);
        assert_int_equal(p->table->syscall_unpatched, 0);
        assert_int_equal(p->table->tls_sites, 2);
        assert_int_equal(p->table->tls_unpatched, 0);
        assert_memory_equal(p->memory, code, sizeof caller + TABLE_SIZE);
        assert_memory_not_equal(p->memory + sizeof caller + TABLE_SIZE, called, sizeof access);
    }
}

/* What is jumped into behind its prefix stays where it is. */
static void a_split_instruction_is_not_moved(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x74, 0x01,                   /* je over the prefix */
        0xf0, 0x48, 0x0f, 0xb1, 0x17, /* lock cmpxchg %rdx, (%rdi) */
        0x0f, 0x05, 0x89, 0xc3,       /* syscall; mov %eax, %ebx */
        0x31, 0xc0, 0x31, 0xd2, 0xc3, /* xor %eax, %eax; xor %edx, %edx; ret */
    };
    const struct piece *p = rewrite(code, sizeof code);
    assert_int_equal(p->table->syscall_unpatched, 0);
    assert_memory_equal(p->memory, code, 7);
    assert_int_not_equal(p->memory[7], 0x0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_call_jumps_to_padding),
        cmocka_unit_test(a_window_takes_the_instruction_before),
        cmocka_unit_test(a_branch_target_is_not_moved_into),
        cmocka_unit_test(a_call_that_cannot_be_patched_is_named),
        cmocka_unit_test(numbers_are_not_taken_for_pointers),
        cmocka_unit_test(stray_jumps_into_a_window_fault),
        cmocka_unit_test(what_is_left_of_a_window_faults),
        cmocka_unit_test(trampolines_are_placed_for_stray_jumps),
        cmocka_unit_test(stray_jumps_spare_the_red_zone),
        cmocka_unit_test(the_thread_pointer_is_read_in_place),
        cmocka_unit_test(the_canary_is_read_where_it_is_kept),
        cmocka_unit_test(short_accesses_find_room),
        cmocka_unit_test(accesses_tell_their_offset),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(a_table_is_left_alone),
        cmocka_unit_test(a_split_instruction_is_not_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
