/* SPDX-License-Identifier: MIT */
/* From a path to a program ready to run: ELF files and #! scripts. */

#include "shim/exec.h"

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "exec/elf.h"
#include "exec/stack.h"
#include "exec/vdso.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/mman.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/cred.h"
#include "shim/memory.h"
#include "shim/program.h"
#include "shim/rewrite.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/file.h"
#include "vfs/image_format.h"
#include "vfs/inode.h"

#define SCRIPT_LINE 256 /* execve(2): the rest of a longer line is cut */
#define SCRIPT_DEPTH 4  /* interpreters that are scripts themselves */
#define RFLAGS_START 0x202u
#define LOADER_BASE CORE_MMAP_BASE /* before all that it loads */

static int fail(struct shim_exec_error *e, int err, const char *text, const char *path)
{
    size_t length = core_str_copy(e->text, sizeof e->text, path);
    if (length < sizeof e->text)
        core_str_copy(e->text + length, sizeof e->text - length, text);
    return err;
}

/* A growing argument list, for the words that #! lines put before it. */
struct arguments {
    const char **words;
    uint32_t count, capacity;
};

static int arguments_prepend(struct arguments *a, const char *word)
{
    if (a->count == a->capacity)
        return -LX_E2BIG;
    memmove(a->words + 1, a->words, a->count * sizeof *a->words);
    a->words[0] = word;
    a->count++;
    return 0;
}

/* Open a program for execution, with execve(2)'s errors. */
static int open_program(struct shim_task *t, const char *path, struct vfs_file **out,
                        struct shim_exec_error *e)
{
    int err = vfs_file_open_exec(t->process->fs, path, out);
    switch (err) {
    case 0:
        return 0;
    case -LX_ENOENT:
    case -LX_ENOTDIR:
        return fail(e, err, ": no such file in the image", path);
    case -LX_EACCES:
        return fail(e, err, ": permission denied: not an executable file", path);
    case -LX_ELOOP:
        return fail(e, err, ": too many symbolic links", path);
    default:
        return fail(e, err, ": cannot be opened", path);
    }
}

/*
 * Split "#! interpreter argument" in place.
 *   argument  everything after the interpreter, as one word, or NULL.
 */
static int parse_script(char *line, uint64_t size, char **interpreter, char **argument)
{
    uint64_t end = 2;
    while (end < size && line[end] != '\n' && line[end])
        end++;
    line[end < size ? end : size - 1] = 0;
    while (end > 2 && (line[end - 1] == ' ' || line[end - 1] == '\t' || line[end - 1] == '\r'))
        line[--end] = 0;
    char *p = line + 2;
    while (*p == ' ' || *p == '\t')
        p++;
    *interpreter = p;
    *argument = NULL;
    while (*p && *p != ' ' && *p != '\t')
        p++;
    if (*p) {
        *p++ = 0;
        while (*p == ' ' || *p == '\t')
            p++;
        if (*p)
            *argument = p;
    }
    return **interpreter ? 0 : -LX_ENOEXEC;
}

/* Map one segment, writable, with its contents. */
static int load_segment(struct shim_task *t, struct vfs_file *file, const struct elf_plan *plan,
                        const struct elf_segment *s)
{
    uint64_t at = s->vaddr + plan->bias, page = at & ~(uint64_t)(CORE_PAGE_SIZE - 1);
    uint64_t end = at + s->memory_size;
    int64_t mapped =
        shim_mm_map(t->process->mm, page, end - page, LX_PROT_READ | LX_PROT_WRITE,
                    LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED_NOREPLACE, NULL, 0);
    if (mapped < 0)
        return -LX_ENOMEM;
    /* As mmap(2) would: the file's bytes from the page's start on. */
    uint64_t skip = at - page, offset = s->file_offset - skip, size = s->file_size + skip;
    if (s->file_offset < skip) {
        offset = s->file_offset;
        size = s->file_size;
        page = at;
    }
    if (size > CORE_PAGE_SIZE)
        plat_mem_populate(page & ~(uint64_t)(CORE_PAGE_SIZE - 1),
                          size & ~(uint64_t)(CORE_PAGE_SIZE - 1), PLAT_WRITE);
    while (size) {
        int64_t n = vfs_file_pread(file, (void *)page, size, offset);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -LX_ENOEXEC; /* shorter than its headers say */
        page += (uint64_t)n;
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

/* The pages of a segment. */
static uint64_t first_page(const struct elf_plan *plan, const struct elf_segment *s)
{
    return (s->vaddr + plan->bias) & ~(uint64_t)(CORE_PAGE_SIZE - 1);
}

static uint64_t end_page(const struct elf_plan *plan, const struct elf_segment *s)
{
    uint64_t end = s->vaddr + plan->bias + s->memory_size;
    return (end + CORE_PAGE_SIZE - 1) & ~(uint64_t)(CORE_PAGE_SIZE - 1);
}

/* The number by which a guest host knows a program's text again; 0: it is not the image's. */
static uint64_t text_id(struct vfs_file *file, const struct elf_plan *plan,
                        struct vfs_image_key *key)
{
    if (!vfs_file_image_key(file, key))
        return 0;
    uint64_t id = core_hash_u64(key->low ^ core_hash_u64(key->high ^ (plan->low + plan->bias)));
    return id > VDSO_TEXT ? id : 0;
}

/* Has this guest host kept all the program's code, and the trampolines that it jumps to? */
static int has_code(const struct elf_plan *plan, const struct vfs_image_key *key, uint64_t id)
{
    uint64_t end = plan->high + plan->bias, span;
    if (!id || !shim_mm_trampolines(key, plan->low + plan->bias, &span) ||
        (span && !shim_mm_has_text(end, end + span, id)))
        return 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        if (s->prot & PLAT_EXEC &&
            (s->prot & PLAT_WRITE || !shim_mm_has_text(first_page(plan, s), end_page(plan, s), id)))
            return 0;
    }
    return 1;
}

/* Load the segments, but for those that are here still from an earlier process. */
static int load_segments(struct shim_task *t, struct vfs_file *file, const struct elf_plan *plan,
                         uint64_t id, int code_is_here)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        err = -LX_ENOENT;
        if (!(s->prot & PLAT_WRITE) && (code_is_here || !(s->prot & PLAT_EXEC)))
            err = shim_mm_map_text(t->process->mm, first_page(plan, s), end_page(plan, s), s->prot,
                                   id);
        if (err == -LX_ENOENT)
            err = load_segment(t, file, plan, s);
    }
    return err;
}

static int protect_segments(struct shim_task *t, const struct elf_plan *plan, uint64_t id)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        uint64_t page = first_page(plan, s);
        err = shim_mm_protect_patched(t->process->mm, page, end_page(plan, s) - page, s->prot, id);
    }
    return err;
}

/*
 * Load a program or its interpreter, patched.
 *   plan  its bias changes if it is mapped from its memory image.
 *   end   of all that it takes; 0: of nothing in the window that it was to lie in.
 */
static int load_elf(struct shim_task *t, struct vfs_file *file, struct elf_plan *plan,
                    const char *path, uint64_t *end, struct shim_exec_error *e)
{
    struct shim_mm *mm = t->process->mm;
    struct vfs_image_key key;
    lx_uptr at;
    uint64_t id = text_id(file, plan, &key);
    if (id && shim_mm_map_program(mm, &key, plan->low + plan->bias, plan, &at) == 0) {
        plan->bias = at - plan->low;
        *end = 0;
        return 0;
    }
    int code_is_here = has_code(plan, &key, id);
    int err = load_segments(t, file, plan, id, code_is_here);
    if (err < 0)
        return fail(e, err, ": cannot be loaded: the file is damaged or memory is short", path);
    struct shim_rewrite_range text[ELF_TEXT_MAX], data[ELF_SEGMENT_MAX];
    const struct shim_rewrite_input in = elf_plan_input(
        plan, (const void *)(plan->low + plan->bias), plan->low + plan->bias, text, data);
    err = shim_mm_patch_program(mm, id ? &key : NULL, &in, id, code_is_here, end, e);
    if (err < 0)
        return err;
    err = protect_segments(t, plan, id);
    return err < 0 ? fail(e, err, ": cannot be loaded: no memory", path) : 0;
}

/* Read the first bytes; the rest of a shorter file is zero. */
static int64_t read_head(struct vfs_file *file, char *head)
{
    memset(head, 0, ELF_HEAD_SIZE);
    if (file->kind != VFS_FILE_REGULAR)
        return -LX_EACCES;
    return vfs_inode_read_head(file->inode, head, ELF_HEAD_SIZE);
}

static void set_start(struct shim_task *t, uint64_t entry, lx_uptr sp)
{
    struct plat_thread *p = t->plat;
    memset(&p->regs, 0, sizeof p->regs);
    p->regs.rip = entry;
    p->regs.rsp = sp;
    p->regs.rflags = RFLAGS_START;
    plat_thread_clear_vectors(p);
}

static void set_names(struct shim_task *t, const char *path)
{
    const char *base = path;
    for (const char *c = path; *c; c++) {
        if (*c == '/' && c[1])
            base = c + 1;
    }
    memset(t->comm, 0, sizeof t->comm);
    core_str_copy(t->comm, sizeof t->comm, base);
    core_str_copy(t->process->exe, sizeof t->process->exe, path);
}

/* ---- In two steps ---- */

struct shim_exec {
    struct vfs_file *file; /* of the program; a reference */
    struct elf_plan plan;
    struct vfs_file
        *loader; /* PT_INTERP: what runs first, and loads the rest; a reference, or NULL */
    struct elf_plan loader_plan;
    char loader_path[ELF_INTERPRETER_MAX];
    struct shim_cred_exec cred;
    const char *execfn, *path; /* as asked for; what an interpreter was found at, for messages */
    struct arguments args;
    const char *const *envp;
    uint64_t words_size;
    char head[ELF_HEAD_SIZE];
    char scripts[(SCRIPT_DEPTH + 1) * SCRIPT_LINE];
    void *block; /* that holds the strings, if they are ours */
    uint64_t block_size;
};

/* Follow #! lines until an ELF file is found; x->scripts keeps their text. */
static int find_program(struct shim_task *t, struct shim_exec *x, struct shim_exec_error *e)
{
    for (uint32_t depth = 0;; depth++) {
        int err = x->file ? 0 : open_program(t, x->path, &x->file, e);
        if (err < 0)
            return err;
        int64_t n = read_head(x->file, x->head);
        if (n < 2 || x->head[0] != '#' || x->head[1] != '!')
            return n < 0 ? fail(e, (int)n, ": cannot be read", x->path) : 0;
        char *line = x->scripts + depth * SCRIPT_LINE, *interpreter, *argument;
        vfs_file_put(x->file);
        x->file = NULL;
        if (depth == SCRIPT_DEPTH)
            return fail(e, -LX_ELOOP, ": too many interpreters", x->path);
        memcpy(line, x->head, SCRIPT_LINE);
        err = parse_script(line, SCRIPT_LINE, &interpreter, &argument);
        if (err < 0)
            return fail(e, err, ": names no interpreter after #!", x->path);
        x->args.words[0] = x->path; /* the script's own path replaces argv[0] */
        if (argument)
            err = arguments_prepend(&x->args, argument);
        if (err == 0)
            err = arguments_prepend(&x->args, interpreter);
        if (err < 0)
            return fail(e, err, ": argument list too long", x->path);
        x->path = interpreter;
    }
}

static int plan_of(struct vfs_file *file, const char *head, struct elf_plan *plan)
{
    uint64_t size = vfs_file_size(file);
    return elf_plan_make((const uint8_t *)head, size < ELF_HEAD_SIZE ? size : ELF_HEAD_SIZE, size,
                         plan);
}

/* What keeps a program from being loaded, as far as its file says. */
static int make_plan(struct shim_exec *x, struct shim_exec_error *e)
{
    int err = plan_of(x->file, x->head, &x->plan);
    if (err == -LX_ENOMEM)
        return fail(e, err, ": is linked at addresses that are not available", x->path);
    if (err < 0)
        return fail(e, err, ": exec format error: not an x86-64 Linux program", x->path);
    return 0;
}

/* The dynamic loader of a program that names one. */
static int find_loader(struct shim_task *t, struct shim_exec *x, struct shim_exec_error *e)
{
    const struct elf_plan *plan = &x->plan;
    if (!plan->interpreter_size)
        return 0;
    int64_t n =
        vfs_file_pread(x->file, x->loader_path, plan->interpreter_size, plan->interpreter_offset);
    if (n != (int64_t)plan->interpreter_size || x->loader_path[n - 1])
        return fail(e, n < 0 ? (int)n : -LX_ENOEXEC, ": exec format error: it names no loader",
                    x->path);
    int err = open_program(t, x->loader_path, &x->loader, e);
    if (err < 0)
        return err;
    n = read_head(x->loader, x->head);
    err = n < 0 ? (int)n : plan_of(x->loader, x->head, &x->loader_plan);
    if (err == 0 && x->loader_plan.is_fixed)
        err = -LX_ENOMEM; /* Differs from Linux: it must be position-independent */
    if (err < 0)
        return fail(e, -LX_ELIBBAD, ": is no loader for x86-64 Linux programs", x->loader_path);
    x->loader_plan.bias = LOADER_BASE - x->loader_plan.low;
    return 0;
}

int shim_exec_prepare(struct shim_task *t, struct vfs_file *file, const char *path,
                      const char *const *argv, const char *const *envp, struct shim_exec **out,
                      struct shim_exec_error *error)
{
    uint32_t argc = 0;
    while (argv[argc])
        argc++;
    *out = NULL;
    if (!argc)
        return fail(error, -LX_EINVAL, ": no arguments", path);
    struct shim_exec *x = core_arena_alloc(sizeof *x);
    if (!x)
        return fail(error, -LX_ENOMEM, ": no memory", path);
    x->args = (struct arguments){.count = argc, .capacity = argc + 2 * SCRIPT_DEPTH};
    x->words_size = (x->args.capacity + 1) * sizeof *x->args.words;
    x->args.words = core_arena_alloc(x->words_size); /* zeroed: the list stays terminated */
    x->execfn = x->path = path;
    x->envp = envp;
    x->file = file ? vfs_file_get(file) : NULL;
    int err = x->args.words ? 0 : fail(error, -LX_ENOMEM, ": no memory", path);
    if (err == 0) {
        memcpy(x->args.words, argv, argc * sizeof *argv);
        err = find_program(t, x, error);
    }
    if (err == 0) {
        const struct vfs_path exe = vfs_file_where(x->file);
        if (shim_cred_exec(t, &exe, &x->cred) < 0)
            err = fail(error, -LX_EPERM, ": its file capabilities cannot be given", x->path);
    }
    if (err == 0)
        err = make_plan(x, error);
    if (err == 0)
        err = find_loader(t, x, error);
    if (err < 0) {
        shim_exec_free(x);
        return err;
    }
    *out = x;
    return 0;
}

uint64_t shim_exec_program(const struct shim_exec *x)
{
    struct vfs_image_key key;
    return text_id(x->file, &x->plan, &key);
}

void shim_exec_own(struct shim_exec *x, void *block, uint64_t size)
{
    x->block = block;
    x->block_size = size;
}

void shim_exec_free(struct shim_exec *x)
{
    vfs_file_put(x->file);
    vfs_file_put(x->loader);
    core_arena_free(x->args.words, x->words_size);
    core_arena_free(x->block, x->block_size);
    core_arena_free(x, sizeof *x);
}

static struct shim_program_part part_of(struct vfs_file *file, const struct elf_plan *plan)
{
    return (struct shim_program_part){file, plan->low + plan->bias, plan->high + plan->bias};
}

int shim_exec_commit(struct shim_task *t, struct shim_exec *x, struct shim_exec_error *e)
{
    struct shim_mm *mm = t->process->mm;
    const struct elf_plan *first = x->loader ? &x->loader_plan : &x->plan;
    lx_uptr vdso, sp;
    uint64_t end = 0;
    shim_cred_exec_commit(t, &x->cred);
    shim_mm_set_program(mm, shim_exec_program(x));
    int err = load_elf(t, x->file, &x->plan, x->path, &end, e);
    if (err == 0)
        shim_mm_set_brk(mm, end ? end : CORE_PIE_BASE);
    if (err == 0 && x->loader)
        err = load_elf(t, x->loader, &x->loader_plan, x->loader_path, &end, e);
    t->plat->fs_mode = shim_mm_needs_fs(mm) ? PLAT_FS_GUEST : PLAT_FS_HOST;
    if (err == 0 && vdso_map(mm, &vdso) < 0)
        err = fail(e, -LX_ENOMEM, ": no memory for the vDSO", x->path);
    if (err == 0) {
        const struct stack_input in = {
            .plan = &x->plan,
            .loader_base = x->loader ? first->bias : 0,
            .execfn = x->execfn,
            .argv = x->args.words,
            .envp = x->envp,
            .vdso = vdso,
        };
        err = stack_build(t, &in, &sp);
        if (err < 0)
            fail(e, err, ": arguments and environment are too long", x->path);
    }
    shim_mm_begin();
    const struct shim_program_part program = part_of(x->file, &x->plan),
                                   loader = part_of(x->loader, &x->loader_plan);
    if (err == 0 && shim_program_set(t->process, &program, &loader, x->args.words, x->envp, sp) < 0)
        err = fail(e, -LX_ENOMEM, ": no memory", x->path);
    if (err == 0) {
        set_start(t, first->entry + first->bias, sp);
        set_names(t, x->execfn);
    }
    return err;
}

int shim_exec_load(struct shim_task *t, const char *path, const char *const *argv,
                   const char *const *envp, struct shim_exec_error *error)
{
    struct shim_exec *x;
    int err = shim_exec_prepare(t, NULL, path, argv, envp, &x, error);
    if (err < 0)
        return err;
    err = shim_exec_commit(t, x, error);
    shim_exec_free(x);
    return err;
}
