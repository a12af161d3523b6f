/* SPDX-License-Identifier: MIT */
/*
 * Choosing how each site is patched, and building the table.
 *
 * A system call is two bytes long and a jump five.  In this order:
 *   padding  a short jump to dead padding nearby that holds the long one;
 *   window   the site and its neighbours, at least five bytes with nothing that
 *            jumps into their middle, move to the trampoline;
 *   room     other instructions nearby move away, and a short jump goes to a long
 *            one in the room they leave;
 *   stray    a window that something may jump into, if it then meets an opcode that
 *            does not exist: the fault handler finds where the instruction is now.
 *            This costs a fault, and on Windows the red zone.
 *   placed   the same where the target lies under the jump's own bytes: the trampoline
 *            is put where the distance to it has such an opcode there.
 * What is left over of a window is filled with such opcodes in any case, so that most
 * jumps that nobody knows of are found as well.
 */

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "rewrite/decode.h"
#include "rewrite/emit.h"
#include "shim/rewrite.h"

#define JUMP_SIZE 5u
#define WINDOW_MAX 6u    /* instructions on either side */
#define SHORT_REACH 120u /* bytes, within a jump of 8 bits */
#define FILLER 0x06      /* no instruction: what is left over of a window */
#define PREFIX 0x2e      /* without meaning before a jump */
#define PREFIX_MAX 3u
#define GAP_MAX 16384u   /* bytes given up to place a trampoline */
#define GAPS_MAX 262144u /* .. all of them */

/* The same when nothing else is left: a program with a system call that is not found is refused. */
#define LAST_GAP_MAX (2u << 20)
#define LAST_GAPS_MAX (8u << 20)

/* Which jumps into a window are borne, ascending: each includes those before. */
enum care {
    CARE_ALL,     /* none that is known; one that is not meets a filler */
    CARE_KNOWN,   /* none that is known */
    CARE_BRANCH,  /* suspected ones that meet a filler */
    CARE_COVERED, /* all that meet a filler */
    CARE_NONE     /* a known one that does not */
};

struct list {
    void *items;
    uint32_t count, capacity, item_size;
};

struct scan {
    struct code code;
    struct emitter trampolines;
    struct list edits, moves;
    struct emitter bytes; /* of the edits */
    uint8_t *done;        /* bitmap by instruction: moved or patched */
    uint8_t *padding;     /* bitmap by instruction: its padding is taken */
    uint32_t gaps;        /* bytes given up to place trampolines */
    struct shim_rewrite_table stats;
    int err;
};

static void *list_add(struct scan *s, struct list *l)
{
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? l->capacity * 2 : 1024;
        void *items = realloc(l->items, (size_t)capacity * l->item_size);
        if (!items) {
            s->err = -LX_ENOMEM;
            return NULL;
        }
        l->items = items;
        l->capacity = capacity;
    }
    return (char *)l->items + (size_t)l->item_size * l->count++;
}

static int bit(const uint8_t *map, uint32_t n)
{
    return map[n / 8] >> (n % 8) & 1;
}

static void set_bit(uint8_t *map, uint32_t n)
{
    map[n / 8] |= (uint8_t)(1u << (n % 8));
}

static void add_edit(struct scan *s, uint32_t at, const uint8_t *bytes, uint32_t size)
{
    struct shim_rewrite_edit *e = list_add(s, &s->edits);
    if (!e)
        return;
    *e = (struct shim_rewrite_edit){at, size, s->bytes.size};
    emit_bytes(&s->bytes, bytes, size);
}

static void add_move(struct scan *s, uint32_t from)
{
    struct shim_rewrite_move *m = list_add(s, &s->moves);
    if (m)
        *m = (struct shim_rewrite_move){EMIT_HERE(&s->trampolines), from};
}

/* jmp rel32 at `at` behind some prefixes, filled up to `size`. */
static void edit_jump(struct scan *s, uint32_t at, uint32_t size, uint32_t prefixes, uint32_t to)
{
    uint8_t bytes[15 * (2 * WINDOW_MAX + 1)];
    uint32_t rel = to - (at + prefixes + JUMP_SIZE);
    memset(bytes, FILLER, sizeof bytes);
    memset(bytes, PREFIX, prefixes);
    bytes[prefixes] = 0xe9;
    memcpy(bytes + prefixes + 1, &rel, sizeof rel);
    add_edit(s, at, bytes, size);
}

/* ---- Padding ---- */

/*
 * Bytes of dead padding that begin with instruction n: nops which control cannot
 * reach, neither from before nor by a jump.
 */
static uint32_t padding_at(const struct scan *s, uint32_t n)
{
    const struct code *c = &s->code;
    if (n == 0 || !(c->insns[n - 1].flags & INSN_ENDS) || bit(s->padding, n))
        return 0;
    uint32_t size = 0;
    for (; n < c->count && c->insns[n].flags & INSN_NOP; n++) {
        if (code_is_target(c, c->insns[n].at) || bit(s->done, n) ||
            c->insns[n].at != c->insns[n - 1].at + c->insns[n - 1].size)
            break;
        size += c->insns[n].size;
    }
    return size;
}

/* Put a short jump over instruction n. */
static void edit_short_jump(struct scan *s, uint32_t n, uint32_t to)
{
    const struct insn *i = &s->code.insns[n];
    uint8_t bytes[15];
    memset(bytes, FILLER, sizeof bytes);
    bytes[0] = 0xeb;
    bytes[1] = (uint8_t)(to - (i->at + 2));
    add_edit(s, i->at, bytes, i->size);
    set_bit(s->done, n);
}

/* 1 if a short jump at `at` reaches `to`. */
static int reaches(uint32_t at, uint32_t to)
{
    int64_t distance = (int64_t)to - ((int64_t)at + 2);
    return distance >= -(int64_t)SHORT_REACH && distance <= (int64_t)SHORT_REACH;
}

/* A short jump from instruction n to padding that jumps on; 0 if there is none in reach. */
static int use_padding(struct scan *s, uint32_t n, uint32_t to)
{
    const struct code *c = &s->code;
    for (uint32_t distance = 1; distance < SHORT_REACH; distance++) {
        for (int side = 0; side < 2; side++) {
            uint32_t k = side ? n + distance : n - distance;
            if ((!side && distance > n) || k >= c->count)
                continue;
            if (!reaches(c->insns[n].at, c->insns[k].at) || padding_at(s, k) < JUMP_SIZE)
                continue;
            set_bit(s->padding, k);
            edit_jump(s, c->insns[k].at, JUMP_SIZE, 0, to);
            edit_short_jump(s, n, c->insns[k].at);
            return 1;
        }
    }
    return 0;
}

/* ---- Windows ---- */

/* The care with which instruction n can be inside a window, a filler in its place or not. */
static enum care care_of(const struct code *c, uint32_t n, int is_covered)
{
    uint32_t at = c->insns[n].at;
    if (!code_is_target(c, at))
        return is_covered ? CARE_ALL : CARE_KNOWN;
    if (!is_covered)
        return CARE_NONE;
    return code_is_branch_target(c, at) ? CARE_COVERED : CARE_BRANCH;
}

/*
 * May instructions first..last be moved together?
 *   size  of what replaces them; fillers follow.
 */
static int is_window(const struct scan *s, uint32_t first, uint32_t last, uint32_t size,
                     enum care care)
{
    const struct code *c = &s->code;
    uint32_t ended = 0;
    for (uint32_t n = first; n <= last; n++) {
        const struct insn *i = &c->insns[n];
        if (i->flags & INSN_FIXED || bit(s->done, n) || bit(s->padding, n))
            return 0;
        if (n < last && i->flags & INSN_CALL)
            return 0;
        if (n == first)
            continue;
        /*
         * Behind a jump or return there may only be padding, which nobody misses, and which has no
         * new place for a jump to be sent to.
         */
        ended |= i[-1].flags & INSN_ENDS;
        if (i->at != i[-1].at + i[-1].size || (ended && !(i->flags & INSN_NOP)) ||
            care_of(c, n, i->at - c->insns[first].at >= size) > (ended ? CARE_KNOWN : care))
            return 0;
    }
    return 1;
}

static uint32_t span_of(const struct code *c, uint32_t first, uint32_t last)
{
    return c->insns[last].at + c->insns[last].size - c->insns[first].at;
}

/* Emit the window's instructions; on failure nothing has happened. */
static int move_window(struct scan *s, uint32_t first, uint32_t last, uint32_t prefixes)
{
    const struct code *c = &s->code;
    struct emitter *e = &s->trampolines;
    uint32_t start = e->size, moves = s->moves.count;
    uint32_t end = c->insns[last].at + c->insns[last].size;
    int ended = 0;
    for (uint32_t n = first; n <= last; n++) {
        const struct insn *i = &c->insns[n];
        if (ended) /* padding */
            continue;
        add_move(s, i->at);
        if (i->flags & INSN_SYSCALL) {
            /* Behind it comes the next instruction here, or the text behind the window. */
            uint32_t size = 3 + 4 + 4 + 4;
            emit_syscall(e, n == last ? end : EMIT_HERE(e) + size);
            ended = n == last;
            continue;
        }
        if (emit_instruction(e, i) < 0) {
            e->size = start;
            s->moves.count = moves;
            return -LX_EOPNOTSUPP;
        }
        ended = (i->flags & (INSN_ENDS | INSN_CALL)) != 0;
    }
    if (!ended)
        emit_jump(e, end);
    edit_jump(s, c->insns[first].at, end - c->insns[first].at, prefixes, e->base + start);
    for (uint32_t n = first; n <= last; n++)
        set_bit(s->done, n);
    return 0;
}

/*
 * Call `try` for the windows around instruction n, the smallest first and of these the one that
 * ends with it, until one can be used.
 */
static int each_window(struct scan *s, uint32_t n, enum care care,
                       int (*try)(struct scan *, uint32_t first, uint32_t last, enum care))
{
    for (uint32_t total = 0; total <= 2 * WINDOW_MAX; total++) {
        for (uint32_t after = 0; after <= total; after++) {
            uint32_t before = total - after;
            if (before > WINDOW_MAX || after > WINDOW_MAX || before > n ||
                n + after >= s->code.count)
                continue;
            if (span_of(&s->code, n - before, n + after) >= JUMP_SIZE &&
                try(s, n - before, n + after, care))
                return 1;
        }
    }
    return 0;
}

static int try_window(struct scan *s, uint32_t first, uint32_t last, enum care care)
{
    return is_window(s, first, last, JUMP_SIZE, care) && move_window(s, first, last, 0) == 0;
}

static int use_window(struct scan *s, uint32_t n)
{
    return each_window(s, n, CARE_ALL, try_window) || each_window(s, n, CARE_KNOWN, try_window);
}

static int use_stray(struct scan *s, uint32_t n, enum care care)
{
    return !code_uses_red_zone(&s->code, n) && each_window(s, n, care, try_window);
}

/* ---- Room ---- */

/*
 * Where a second jump fits behind the one that replaces first..last; 0 if nowhere.  Not where an
 * instruction was: an address there means the instruction, which has moved.
 */
static uint32_t hop_in(const struct code *c, uint32_t first, uint32_t last)
{
    uint32_t hop = c->insns[first].at + JUMP_SIZE, n = first;
    for (; hop + JUMP_SIZE <= c->insns[last].at + c->insns[last].size; hop++) {
        while (n < last && c->insns[n].at < hop)
            n++;
        if (c->insns[n].at != hop)
            return hop;
    }
    return 0;
}

/* Move other instructions in reach away, and jump on from the room they leave. */
static int use_room(struct scan *s, uint32_t n, uint32_t to, enum care care)
{
    const struct code *c = &s->code;
    uint32_t low = n > SHORT_REACH ? n - SHORT_REACH : 0;
    for (uint32_t first = low; first < n + SHORT_REACH && first < c->count; first++) {
        for (uint32_t last = first; last < first + WINDOW_MAX && last < c->count; last++) {
            if (n >= first && n <= last)
                break;
            uint32_t hop = hop_in(c, first, last);
            if (!hop || !reaches(c->insns[n].at, hop) ||
                !is_window(s, first, last, hop + JUMP_SIZE - c->insns[first].at, care))
                continue;
            if (move_window(s, first, last, 0) < 0)
                break;
            edit_jump(s, hop, JUMP_SIZE, 0, to);
            edit_short_jump(s, n, hop);
            return 1;
        }
    }
    return 0;
}

/* ---- Placed trampolines ---- */

/*
 * Opcodes without operands that do not exist in 64-bit mode (Intel SDM volume 2, appendix A) and
 * are no prefix of newer ones, as 0x62, 0xc4, 0xc5 and 0xd5 are.
 */
static int is_invalid_opcode(uint8_t byte)
{
    static const uint8_t invalid[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27,
                                      0x2f, 0x37, 0x3f, 0x60, 0x61, 0xce, 0xd6};
    return memchr(invalid, byte, sizeof invalid) != NULL;
}

/*
 * The least gap before the trampoline at `to` with which all jumps to what lies under the window's
 * own jump meet an opcode that does not exist; `most` or more if there is none.
 */
static uint32_t gap_for(const struct code *c, uint32_t first, uint32_t last, uint32_t prefixes,
                        uint32_t to, uint32_t most)
{
    uint32_t begin = c->insns[first].at, gap = 0, step = 1;
    while (step && gap < most) {
        uint32_t distance = to + gap - (begin + prefixes + JUMP_SIZE);
        step = 0;
        for (uint32_t n = first + 1; n <= last; n++) {
            uint32_t offset = c->insns[n].at - begin;
            if (offset >= prefixes + JUMP_SIZE)
                break; /* a filler */
            if (!code_is_target(c, c->insns[n].at))
                continue;
            if (offset <= prefixes)
                return most;
            uint32_t shift = 8 * (offset - prefixes - 1);
            if (!is_invalid_opcode((uint8_t)(distance >> shift)))
                step = (1u << shift) - (distance & ((1u << shift) - 1)); /* to the next value */
        }
        gap += step;
    }
    return gap;
}

static int place(struct scan *s, uint32_t first, uint32_t last, enum care care, uint32_t most,
                 uint32_t all)
{
    struct emitter *e = &s->trampolines;
    if (!is_window(s, first, last, 0, care))
        return 0;
    for (uint32_t prefixes = 0; prefixes <= PREFIX_MAX; prefixes++) {
        if (span_of(&s->code, first, last) < JUMP_SIZE + prefixes)
            return 0;
        uint32_t start = e->size,
                 gap = gap_for(&s->code, first, last, prefixes, EMIT_HERE(e), most);
        if (gap >= most || s->gaps + gap > all)
            continue;
        emit_fill(e, FILLER, gap);
        if (move_window(s, first, last, prefixes) == 0) {
            s->gaps += gap;
            return 1;
        }
        e->size = start;
        return 0;
    }
    return 0;
}

static int try_placed(struct scan *s, uint32_t first, uint32_t last, enum care care)
{
    return place(s, first, last, care, GAP_MAX, GAPS_MAX);
}

static int try_placed_far(struct scan *s, uint32_t first, uint32_t last, enum care care)
{
    return place(s, first, last, care, LAST_GAP_MAX, LAST_GAPS_MAX);
}

static int use_placed(struct scan *s, uint32_t n)
{
    return !code_uses_red_zone(&s->code, n) && (each_window(s, n, CARE_COVERED, try_placed) ||
                                                each_window(s, n, CARE_COVERED, try_placed_far));
}

/* ---- Sites ---- */

/* Take back what was emitted since. */
static void rewind_to(struct scan *s, uint32_t to, uint32_t moves)
{
    s->trampolines.size = to - s->trampolines.base;
    s->moves.count = moves;
}

static void patch_syscall(struct scan *s, uint32_t n)
{
    const struct insn *i = &s->code.insns[n];
    uint32_t to = EMIT_HERE(&s->trampolines), moves = s->moves.count;
    add_move(s, i->at);
    emit_syscall(&s->trampolines, i->at + i->size);
    if (use_padding(s, n, to))
        return;
    rewind_to(s, to, moves);
    if (use_window(s, n))
        return;
    add_move(s, i->at);
    emit_syscall(&s->trampolines, i->at + i->size);
    if (use_room(s, n, to, CARE_ALL) || use_room(s, n, to, CARE_KNOWN))
        return;
    rewind_to(s, to, moves);
    if (use_stray(s, n, CARE_BRANCH) || use_stray(s, n, CARE_COVERED) || use_placed(s, n))
        return;
    if (!s->stats.syscall_unpatched++)
        s->stats.first_unpatched = i->at;
}

static void patch_tls(struct scan *s, uint32_t n)
{
    const struct insn *i = &s->code.insns[n];
    uint8_t bytes[15];
    if (i->flags & INSN_SPLIT) {
        s->stats.tls_unpatched++;
        return;
    }
    if (emit_tls_in_place(&s->code, i, bytes)) {
        add_edit(s, i->at, bytes, i->size);
        set_bit(s->done, n);
        return;
    }
    if (use_window(s, n))
        return;
    uint32_t to = EMIT_HERE(&s->trampolines), moves = s->moves.count;
    add_move(s, i->at);
    if (emit_tls(&s->trampolines, i) == 0) {
        emit_jump(&s->trampolines, i->at + i->size);
        if (use_padding(s, n, to) || use_room(s, n, to, CARE_ALL) || use_room(s, n, to, CARE_KNOWN))
            return;
    }
    rewind_to(s, to, moves);
    /* With jumps that do happen, FS base costs less than their faults. */
    if (use_stray(s, n, CARE_BRANCH))
        return;
    s->stats.tls_unpatched++;
}

static int compare_origins(const void *a, const void *b)
{
    const struct shim_rewrite_move *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static struct shim_rewrite_table *build(struct scan *s)
{
    uint32_t edits = s->edits.count * (uint32_t)sizeof(struct shim_rewrite_edit);
    uint32_t moves = s->moves.count * (uint32_t)sizeof(struct shim_rewrite_move);
    struct shim_rewrite_table t = s->stats;
    t.magic = SHIM_REWRITE_MAGIC;
    t.span = s->code.in->size;
    t.trampolines = s->code.in->trampolines;
    t.trampoline_size = s->trampolines.size;
    t.edit_count = s->edits.count;
    t.edits = sizeof t;
    t.move_count = s->moves.count;
    t.moves = t.edits + edits;
    t.origins = t.moves + moves;
    t.bytes = t.origins + moves;
    t.trampoline_bytes = t.bytes + s->bytes.size;
    t.size = t.trampoline_bytes + s->trampolines.size;
    uint8_t *out = malloc(t.size);
    if (!out)
        return NULL;
    memcpy(out, &t, sizeof t);
    if (edits)
        memcpy(out + t.edits, s->edits.items, edits);
    if (moves) {
        memcpy(out + t.moves, s->moves.items, moves);
        qsort(s->moves.items, s->moves.count, sizeof(struct shim_rewrite_move), compare_origins);
        memcpy(out + t.origins, s->moves.items, moves);
    }
    if (s->bytes.size)
        memcpy(out + t.bytes, s->bytes.bytes, s->bytes.size);
    if (s->trampolines.size)
        memcpy(out + t.trampoline_bytes, s->trampolines.bytes, s->trampolines.size);
    return (struct shim_rewrite_table *)out;
}

int shim_rewrite_scan(const struct shim_rewrite_input *in, struct shim_rewrite_table **out)
{
    struct scan s;
    memset(&s, 0, sizeof s);
    *out = NULL;
    s.edits.item_size = sizeof(struct shim_rewrite_edit);
    s.moves.item_size = sizeof(struct shim_rewrite_move);
    int err = code_decode(&s.code, in);
    s.done = calloc(s.code.count / 8 + 1, 1);
    s.padding = calloc(s.code.count / 8 + 1, 1);
    if (err == 0 && (!s.done || !s.padding))
        err = -LX_ENOMEM;
    s.trampolines.code = s.bytes.code = &s.code;
    s.trampolines.base = in->trampolines;

    /* System calls first: they have fewer ways. */
    for (uint32_t n = 0; err == 0 && n < s.code.count; n++) {
        uint32_t flags = s.code.insns[n].flags;
        s.stats.syscall_sites += (flags & INSN_SYSCALL) != 0;
        s.stats.tls_sites += (flags & INSN_TLS) != 0;
        if (flags & INSN_SYSCALL && !bit(s.done, n))
            patch_syscall(&s, n);
    }
    for (uint32_t n = 0; err == 0 && n < s.code.count; n++) {
        if (s.code.insns[n].flags & INSN_TLS && !bit(s.done, n))
            patch_tls(&s, n);
    }
    if (err == 0)
        err = s.err ? s.err : s.trampolines.err ? s.trampolines.err : s.bytes.err;
    if (err == 0) {
        *out = build(&s);
        err = *out ? 0 : -LX_ENOMEM;
    }
    free(s.done);
    free(s.padding);
    free(s.edits.items);
    free(s.moves.items);
    free(s.trampolines.bytes);
    free(s.bytes.bytes);
    code_free(&s.code);
    return err;
}

void shim_rewrite_free(struct shim_rewrite_table *table)
{
    free(table);
}
