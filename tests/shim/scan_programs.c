/* SPDX-License-Identifier: MIT */
/*
 * Scan programs as they are scanned when they are loaded, and check what becomes of them.
 *
 *   scan_programs [-s SEED]... PROGRAM...
 *
 * Each is scanned as it is, and for each seed once more with a table of pointers to randomly chosen
 * places in its code added to its data, so that half of all instructions may be jumped to.  Which
 * places a linker happens to make suspicious must not matter.
 *
 * Exits 0 if no system call is left and, for each patch table,
 *   - a known jump into the middle of a patch faults, and the instruction is found;
 *   - no instruction is a system call any more;
 *   - moved instructions go to the same addresses as before.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/layout.h"
#include "exec/elf.h"
#include "plat/plat.h"
#include "rewrite/decode.h"
#include "shim/rewrite.h"

#define SEEDS_MAX 64

struct program {
    const char *name;
    uint8_t *memory; /* the image, then the added table, then trampolines */
    struct shim_rewrite_range text[ELF_TEXT_MAX], data[ELF_SEGMENT_MAX + 1];
    struct shim_rewrite_input in;
    uint32_t image_size, segments, failures;
};

static void failed(struct program *p, uint32_t at, const char *what)
{
    if (p->failures++ < 10)
        printf("%s: %#llx: %s\n", p->name, (unsigned long long)(p->in.addr + at), what);
}

static uint8_t *read_file(const char *name, uint64_t *size)
{
    FILE *f = fopen(name, "rb");
    if (!f)
        return NULL;
    uint8_t *bytes = NULL;
    long length = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (length > 0 && fseek(f, 0, SEEK_SET) == 0)
        bytes = malloc((size_t)length);
    if (bytes && fread(bytes, 1, (size_t)length, f) != (size_t)length) {
        free(bytes);
        bytes = NULL;
    }
    fclose(f);
    *size = (uint64_t)length;
    return bytes;
}

/* Lay the program out as exec does. */
static int load(struct program *p)
{
    struct elf_plan plan;
    uint64_t size;
    uint8_t *file = read_file(p->name, &size);
    if (!file || elf_plan_make(file, size, size, &plan) < 0) {
        free(file);
        return -1;
    }
    p->image_size = (uint32_t)(plan.high - plan.low);
    p->memory = calloc(1, p->image_size);
    for (uint32_t i = 0; p->memory && i < plan.count; i++) {
        const struct elf_segment *s = &plan.segments[i];
        uint32_t at = (uint32_t)(s->vaddr - plan.low);
        memcpy(p->memory + at, file + s->file_offset, s->file_size);
    }
    free(file);
    p->segments = plan.count;
    p->in = elf_plan_input(&plan, p->memory, plan.low + plan.bias, p->text, p->data);
    return p->memory ? 0 : -1;
}

/* A program of which every other byte of code has a pointer to it, if `seed` is not 0. */
static int suspect(struct program *p, uint32_t seed)
{
    uint32_t code = 0;
    for (uint32_t i = 0; i < p->in.text_count; i++)
        code += p->text[i].end - p->text[i].begin;
    uint64_t size = p->image_size + (seed ? 8ull * code : 0) + CORE_PAGE_SIZE;
    uint8_t *grown = realloc(p->memory, size);
    if (!grown)
        return -1;
    p->memory = grown;
    memset(grown + p->image_size, 0, size - p->image_size);
    uint32_t end = p->image_size;
    uint64_t random = seed;
    for (uint32_t i = 0; seed && i < p->in.text_count; i++) {
        for (uint32_t at = p->text[i].begin; at < p->text[i].end; at++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            if (!(random >> 63))
                continue;
            uint64_t pointer = p->in.addr + at;
            memcpy(grown + end, &pointer, sizeof pointer);
            end += 8;
        }
    }
    p->data[p->segments] = (struct shim_rewrite_range){p->image_size, end};
    p->in.data_count = p->segments + 1;
    p->in.code = grown;
    p->in.size = p->in.trampolines = (end + CORE_PAGE_SIZE - 1) & ~(CORE_PAGE_SIZE - 1);
    return 0;
}

/* Where an instruction's branch or %rip-relative operand leads; 0 if it has none. */
static uint64_t destination(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *operands,
                            uint32_t at)
{
    uint64_t address = 0;
    for (uint32_t n = 0; n < i->operand_count_visible; n++) {
        if ((operands[n].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[n].imm.is_relative) ||
            (operands[n].type == ZYDIS_OPERAND_TYPE_MEMORY &&
             operands[n].mem.base == ZYDIS_REGISTER_RIP))
            (void)ZydisCalcAbsoluteAddress(i, &operands[n], at, &address);
    }
    return address;
}

struct decoded {
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static int decode(const struct code *c, const uint8_t *bytes, struct decoded *d)
{
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&c->decoder, bytes, 15, &d->i, d->operands));
}

/* An instruction that was moved does the same as before. */
static void check_moved(struct program *p, const struct code *c, const struct insn *insn,
                        const uint8_t *patched, uint32_t to)
{
    struct decoded before, after;
    if (insn->flags & (INSN_SYSCALL | INSN_TLS | INSN_CALL))
        return; /* replaced */
    if (!decode(c, p->in.code + insn->at, &before) || !decode(c, patched + to, &after) ||
        before.i.mnemonic != after.i.mnemonic ||
        destination(&before.i, before.operands, insn->at) !=
            destination(&after.i, after.operands, to))
        failed(p, insn->at, "is not what it was");
}

/* Which edit an instruction lies in, for each instruction: 0, or 1 + its offset in the edit. */
static void check_patches(struct program *p, const struct shim_rewrite_table *t,
                          const uint8_t *patched)
{
    const struct shim_rewrite_edit *edits = (const void *)((const char *)t + t->edits);
    struct code c;
    struct decoded d;
    uint8_t *inside = calloc(1, p->in.size + 15); /* bytes that are behind an edit's first */
    if (!inside || code_decode(&c, &p->in) < 0) {
        failed(p, 0, "no memory");
        free(inside);
        return;
    }
    for (uint32_t i = 0; i < t->edit_count; i++)
        memset(inside + edits[i].at + 1, 1, edits[i].size - 1);
    for (uint32_t n = 0; n < c.count; n++) {
        const struct insn *insn = &c.insns[n];
        uint32_t moved = shim_rewrite_moved(t, insn->at);
        if (moved)
            check_moved(p, &c, insn, patched, moved);
        if (moved && shim_rewrite_origin(t, moved) != insn->at)
            failed(p, insn->at, "is not found from its new place");
        int is_code = decode(&c, patched + insn->at, &d);
        if (inside[insn->at] && code_is_target(&c, insn->at) && (is_code || !moved))
            failed(p, insn->at, "may be jumped to and is gone");
        if (insn->flags & INSN_SYSCALL && is_code && d.i.mnemonic == ZYDIS_MNEMONIC_SYSCALL &&
            !t->syscall_unpatched)
            failed(p, insn->at, "is a system call still");
    }
    free(inside);
    code_free(&c);
}

static void scan(struct program *p, uint32_t seed)
{
    struct shim_rewrite_table *t;
    if (suspect(p, seed) < 0 || shim_rewrite_scan(&p->in, &t) < 0) {
        failed(p, 0, "cannot be scanned");
        return;
    }
    uint8_t *patched = calloc(1, t->trampolines + t->trampoline_size + 15);
    if (patched) {
        memcpy(patched, p->in.code, p->in.size);
        if (shim_rewrite_apply(t, patched) < 0)
            failed(p, 0, "the table is damaged");
        check_patches(p, t, patched);
    }
    printf("%s:", p->name);
    if (seed)
        printf(" seed %u:", seed);
    printf(" %u of %u system calls and %u of %u thread-local accesses, %u bytes\n",
           t->syscall_sites - t->syscall_unpatched, t->syscall_sites,
           t->tls_sites - t->tls_unpatched, t->tls_sites, t->trampoline_size);
    if (t->syscall_unpatched)
        failed(p, t->first_unpatched, "a system call is left");
    free(patched);
    shim_rewrite_free(t);
}

int main(int argc, char **argv)
{
    uint32_t seeds[SEEDS_MAX], seed_count = 0, failures = 0;
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "-s") == 0 && seed_count < SEEDS_MAX; i += 2)
        seeds[seed_count++] = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    if (i == argc) {
        fputs("usage: scan_programs [-s SEED]... PROGRAM...\n", stderr);
        return 2;
    }
    for (; i < argc; i++) {
        struct program p = {.name = argv[i]};
        if (load(&p) < 0) {
            failed(&p, 0, "cannot be loaded");
        } else {
            scan(&p, 0);
            for (uint32_t k = 0; k < seed_count; k++)
                scan(&p, seeds[k]);
        }
        failures += p.failures;
        free(p.memory);
    }
    return failures ? 1 : 0;
}
