/* SPDX-License-Identifier: MIT */
#ifndef PLAT_PLAT_H
#define PLAT_PLAT_H

/*
 * The host, behind one header: all that the rest of Tarbox asks of Windows or
 * Linux.  Nothing outside platform/ includes a host header.
 *
 * Source  the man pages and Microsoft documentation cited where a call is
 *         implemented (platform/linux, platform/windows).
 * Threads any function, any thread, unless it says otherwise.
 * Errors  0 or an amount on success, else -LX_E* converted where the host call
 *         failed; out-parameters are then NULL or 0.
 *
 * Text is UTF-8.  Host paths are in the host's own form ("C:\\x", "/x").
 * Times are nanoseconds; deadlines are absolute on PLAT_CLOCK_MONOTONIC and
 * PLAT_FOREVER never comes.  Every function may be called from a system-call
 * handler: platform/gate.c makes the host callable first.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"

#define PLAT_FOREVER INT64_MAX

/* ---- Start and end ------------------------------------------------------- */

/*
 * Initialise the process; call first, once, from main().  Sets the standard
 * streams to binary and the console to UTF-8 with VT sequences.
 *   argc, argv  as main() got them; replaced by UTF-8 ones that live for ever.
 *   returns     -LX_ENOSYS if the processor or host lacks something needed;
 *               plat_start_error() then says what, in one sentence.
 */
MUST_USE int plat_start(int *argc, char ***argv);
const char *plat_start_error(void);

/* The environment as UTF-8 "K=V" strings, NULL-terminated; lives for ever. */
char **plat_environment(void);

/* End this process at once, without running any exit handler. */
NORETURN void plat_exit(int code);

/* ---- Memory -------------------------------------------------------------- */

#define PLAT_READ 1u
#define PLAT_WRITE 2u
#define PLAT_EXEC 4u

/* Allocation granularity of reservations and views, in bytes, on every host. */
#define PLAT_GRANULE 0x10000u

/*
 * Reserve address space, inaccessible and free of charge.
 *   addr     multiple of PLAT_GRANULE, as is size.
 *   returns  -LX_EEXIST: something is there already; -LX_ENOMEM.
 */
MUST_USE int plat_mem_reserve(uint64_t addr, uint64_t size);

/* Give back a whole reservation. */
void plat_mem_release(uint64_t addr, uint64_t size);

/*
 * Back pages inside one reservation with zeroed memory.  Pages that have memory
 * keep it and its contents, and get the new protection.
 *   addr, size  multiples of 4096.
 *   returns     -LX_ENOMEM.
 */
MUST_USE int plat_mem_commit(uint64_t addr, uint64_t size, uint32_t prot);

/* Take the memory of pages inside one reservation; they stay reserved. */
void plat_mem_decommit(uint64_t addr, uint64_t size);

/*
 * Change the protection of committed pages inside one reservation or view.
 *   returns  -LX_EACCES: of a file that is not open for that.
 */
MUST_USE int plat_mem_protect(uint64_t addr, uint64_t size, uint32_t prot);

/* Make committed pages zero, and give their memory back; they keep `prot`. */
MUST_USE int plat_mem_clean(uint64_t addr, uint64_t size, uint32_t prot);

/*
 * Which pages of committed memory may hold anything but zeros: bit n for the n-th, set also where the
 * host does not know.
 *   size     bytes, a multiple of 4096; `bits` has room for as many pages, in words.
 */
void plat_mem_touched(uint64_t addr, uint64_t size, uint64_t *bits);

/* Which of these committed pages are in memory now: bit n for the n-th. */
#define PLAT_RESIDENT_MAX 64u
uint64_t plat_mem_resident(const uint64_t *pages, uint32_t count);

/*
 * Committed pages, or such of a segment, are about to be read or written: the host may provide them
 * all at once, which saves a page fault for each.  Nothing changes otherwise.
 *   access   PLAT_READ or PLAT_WRITE.
 */
void plat_mem_populate(uint64_t addr, uint64_t size, uint32_t access);

/* Tell the processor that code was written.  A no-op on x86 but for the contract. */
void plat_mem_flush_code(uint64_t addr, uint64_t size);

/* Allocate or free private pages anywhere outside the guest's windows. */
MUST_USE int plat_pages_new(uint64_t size, void **out);
void plat_pages_free(void *pages, uint64_t size);

/* ---- Arena and segments -------------------------------------------------- */

/*
 * Create the container's shared region and map it at `addr`.
 *   size     address space to reserve; nothing is committed.
 *   returns  -LX_EEXIST: the addresses are taken; -LX_ENOMEM.
 */
MUST_USE int plat_arena_create(uint64_t addr, uint64_t size);

/* Map the region of the launcher that started this guest host, at the same address. */
MUST_USE int plat_arena_attach(uint64_t addr, uint64_t size);

/* Commit the region's pages [addr, addr + size) in all processes, zeroed. */
MUST_USE int plat_arena_commit(uint64_t addr, uint64_t size);

/* Bytes per segment, and how many there may be. */
#define PLAT_SEGMENT_SIZE (16u << 20)
#define PLAT_SEGMENT_MAX 65536u

/*
 * Map segment `index` into this process, read-write, creating it, zeroed, if no
 * process has it.  The view stays until plat_segment_unmap().
 *   keeper   the process, by its plat_process_id(), that keeps the segment as long as it lives; a
 *            segment is gone with the last process that has it.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int plat_segment_map(uint32_t index, uint32_t keeper, void **out);
void plat_segment_unmap(uint32_t index, void *view);

/* Make the first `size` bytes usable.  Grows only, in all processes. */
MUST_USE int plat_segment_commit(uint32_t index, void *view, uint64_t size);

/* Give the memory of the pages [offset, offset + size) back if the host can. */
void plat_segment_discard(uint32_t index, void *view, uint64_t offset, uint64_t size);

/* ---- Shared memory ------------------------------------------------------- */

/*
 * Memory that processes of the container map where they like; it lives, with what is in
 * it, until plat_shared_free().
 *   keeper   plat_process_id() of the launcher, which outlives all others: on Windows its
 *            handle keeps a section alive while no one maps it.
 */

/*
 * New shared memory, of zeros.
 *   place    a number of the caller's: no other memory ever has one in [place, place + size).
 *   size     multiple of PLAT_GRANULE, as is `place`; nothing is committed.
 *   key      names it, in all processes of the container; never 0.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int plat_shared_new(uint32_t keeper, uint64_t place, uint64_t size, uint64_t *key);

/* Its memory goes back when the last view is gone. */
void plat_shared_free(uint32_t keeper, uint64_t key, uint64_t size);

/*
 * Commit and map [offset, offset + size) of it at `addr` or (0) anywhere outside the guest's
 * windows.  The view takes plat_mem_protect(), for any part of it, and is unmapped as a whole.
 *   offset   multiple of PLAT_GRANULE, as are `addr` and `size`.
 *   returns  -LX_EEXIST: something is there already; -LX_ENOMEM.
 */
MUST_USE int plat_shared_map(uint32_t keeper, uint64_t key, uint64_t offset, uint64_t addr,
                             uint64_t size, uint32_t prot, void **out);
void plat_shared_unmap(void *view, uint64_t size);

/*
 * A file of the host in the place of such memory: what it is shows in the view, and what is written
 * there is in the file, for all who read or map it.  As plat_shared_map() otherwise, without
 * access so far.
 *   f         open for reading, and if `writable` for writing.
 *   there     the bytes that are mapped now: those of whole pages that the file has, on a host where
 *             no view is larger than its file.  While they are more than a granule, they are whole
 *             granules, so that the file's last bytes have a view of their own.
 *   returns  -LX_EEXIST, -LX_ENOMEM; -LX_EACCES; -LX_ENODEV: its file system cannot.
 */
struct plat_file;
MUST_USE int plat_file_view(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size,
                            int writable, uint64_t *there);

/* Have what was written to pages of such a view written to the disk, by plat_file_sync() later. */
MUST_USE int plat_file_view_flush(uint64_t addr, uint64_t size);

/* ---- Private copies of files --------------------------------------------- */

/*
 * Map [offset, offset + size) of a file at `addr`, read-only so far.  What is written to a page is
 * this process's own; what is not is in memory once, whoever maps it.  Unmapped as a whole.
 *   f        open with PLAT_FILE_EXECUTE.
 *   offset   multiple of PLAT_GRANULE, as is `addr`.
 *   size     multiple of 4096; all of it lies in the file.
 *   returns  -LX_EEXIST: something is there already; -LX_ENOMEM.
 */
MUST_USE int plat_copy_map(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size);
void plat_copy_unmap(uint64_t addr, uint64_t size);

/* Change the protection of such pages; PLAT_WRITE is theirs alone. */
MUST_USE int plat_copy_protect(uint64_t addr, uint64_t size, uint32_t prot);

/* ---- Processes ----------------------------------------------------------- */

struct plat_process;

/*
 * Start a guest host, which runs guest(argument) and attaches the arena (created before).
 * Its low range is free, so that programs with fixed addresses load; it dies with its
 * launcher.  On Windows this executable is started again, with `argument` as its only one,
 * and main() has to call guest(); on Linux it is a copy of the launcher.
 *   guest     does not return.
 *   files     `count` files, at most PLAT_INHERIT_MAX, that plat_file_inherited(0..) gives it.
 */
#define PLAT_INHERIT_MAX 67u
struct plat_file;
MUST_USE int plat_process_spawn(void (*guest)(const char *argument), const char *argument,
                                struct plat_file *const *files, uint32_t count,
                                struct plat_process **out);

/*
 * Wait for the end of a guest host.
 *   code     its exit code, for the log only: the container's result is in the arena.
 *   returns  -LX_ETIMEDOUT.
 */
MUST_USE int plat_process_wait(struct plat_process *p, int64_t deadline_ns, int32_t *code);
void plat_process_kill(struct plat_process *p);
void plat_process_free(struct plat_process *p);

/*
 * Have ended(arg) called, once, on another thread, when a guest host has ended.  To be called
 * once for a process, which is freed only after that.
 */
MUST_USE int plat_process_watch(struct plat_process *p, void (*ended)(void *arg), void *arg);

/* In a guest host: the n-th file handed over by plat_process_spawn(). */
MUST_USE int plat_file_inherited(uint32_t n, struct plat_file **out);

/* Peak private (anonymous) memory of this process, in bytes. */
uint64_t plat_process_peak(void);

/*
 * Processor time of this process, in ns: user and system.  Some hosts count whole ticks, whoever
 * runs when one comes: plat_process_tick() is such a tick in ns, 0 where there are none.
 */
void plat_process_times(uint64_t *user_ns, uint64_t *system_ns);
uint64_t plat_process_tick(void);

/*
 * The same of another process of the container, by its plat_process_id().
 *   returns  -LX_ESRCH: it is not there, or not to be asked.
 */
MUST_USE int plat_process_times_of(uint32_t id, uint64_t *user_ns, uint64_t *system_ns);

/* The host's id for this process. */
uint32_t plat_process_id(void);

/* ---- Threads ------------------------------------------------------------- */

struct plat_thread;

/* Bytes of host stack every guest thread has for the shim. */
#define PLAT_HOST_STACK (256u << 10)

/*
 * Make the calling host thread a guest thread: allocate its block and set its
 * %gs slots.  on_syscall, on_fault and owner are the caller's to fill.  The
 * guest then starts with plat_resume().
 */
MUST_USE int plat_thread_adopt(struct plat_thread **out);

/*
 * Start a host thread that runs start(arg, thread), already adopted, on its host
 * stack; start() fills the block and calls plat_resume() or plat_thread_exit().
 *   returns  -LX_EAGAIN: the host has no more threads.
 */
MUST_USE int plat_thread_start(void (*start)(void *arg, struct plat_thread *t), void *arg);

/* End the calling guest thread and free its block. */
NORETURN void plat_thread_exit(void);

/* The host's id for the calling thread. */
uint32_t plat_thread_id(void);

/*
 * Processor time of a thread of this process, in ns.
 *   returns  -LX_ESRCH: it has ended.
 */
MUST_USE int plat_thread_times(uint32_t id, uint64_t *user_ns, uint64_t *system_ns);

/*
 * Make another guest thread of this process call its on_interrupt, if it runs guest code and has
 * not done so since `*attend` was set.  If it runs anything else, it sees that on its way to guest
 * code.  So once is enough: when this returns, the thread runs no more guest code before.  Its
 * vector state, FS base and red zone stay as they are.
 *   t        does not end meanwhile; not the caller's own.
 */
void plat_thread_interrupt(struct plat_thread *t);

/* A plain host thread for hosted code (an import's inflater, the signal proxy). */
struct plat_worker;
MUST_USE int plat_worker_start(void (*run)(void *arg), void *arg, struct plat_worker **out);
void plat_worker_join(struct plat_worker *w);

/* A counting semaphore for hosted code of one process. */
struct plat_semaphore;
MUST_USE int plat_semaphore_new(uint32_t count, struct plat_semaphore **out);
void plat_semaphore_wait(struct plat_semaphore *s);
void plat_semaphore_post(struct plat_semaphore *s);
void plat_semaphore_free(struct plat_semaphore *s);

/*
 * Sleep until `word` leaves PLAT_PARK_SLEEPING or the deadline passes.
 *   slot     the thread's slot number in the arena: names its event.
 *   word     in the arena; the caller has set PLAT_PARK_SLEEPING.
 *   streams  also return when a standard stream is ready: bit 2n when stream n
 *            is readable, bit 2n+1 when it is writable.
 *   returns  0: look again (also spuriously); -LX_ETIMEDOUT.
 */
#define PLAT_PARK_EMPTY 0u
#define PLAT_PARK_TOKEN 1u
#define PLAT_PARK_SLEEPING 2u
MUST_USE int plat_thread_sleep(uint32_t slot, _Atomic uint32_t *word, uint32_t streams,
                               int64_t deadline_ns);

/* Wake the thread of any process that sleeps on `slot` and `word`. */
void plat_thread_wake(uint32_t slot, _Atomic uint32_t *word);

/* Give the processor to another thread; with `ns` > 0, sleep about that long. */
void plat_thread_yield(uint64_t ns);

/*
 * Processors this process may use: their number, and the one running now.  They are
 * counted from 0, whatever the host calls them.
 */
uint32_t plat_cpu_count(void);
uint32_t plat_cpu_current(void);

/*
 * Let the calling thread run on some of these processors only: bit n of the set is
 * processor n.  What the host refuses is ignored, and so are processors from 64 * words on.
 *   words    0: on all of them again; `set` may be NULL then.
 */
void plat_cpu_bind(const uint64_t *set, uint32_t words);

/*
 * Every thread of this process (`everywhere`: of any process) that runs has gone through a
 * full memory barrier when this returns, and has dropped instructions it fetched before.
 *   returns  -LX_ENOSYS: the host cannot do that.
 */
MUST_USE int plat_barrier(int everywhere);

/* ---- Clocks and chance --------------------------------------------------- */

enum plat_clock {
    PLAT_CLOCK_REALTIME,
    PLAT_CLOCK_MONOTONIC,
    PLAT_CLOCK_CPU_PROCESS,
    PLAT_CLOCK_CPU_THREAD
};
uint64_t plat_clock_now(enum plat_clock clock);

/*
 * How the time-stamp counter maps to the clocks:
 *   clock_ns = base_ns + ((tsc - base_tsc) * mult >> shift)
 * Measured from the start of this process to now.
 *   returns  -LX_EAGAIN: that was too short a time; -LX_EOPNOTSUPP: the counter is not
 *            invariant.
 */
struct plat_tsc {
    uint64_t base_tsc;
    uint64_t monotonic_ns, realtime_ns;
    uint32_t mult, shift;
};
MUST_USE int plat_tsc_calibrate(struct plat_tsc *out);

void plat_random(void *buf, size_t size);

/* Memory of the machine, in bytes; `available` may be NULL. */
void plat_memory_info(uint64_t *total, uint64_t *available);

/* Seconds since the machine started. */
uint64_t plat_uptime_s(void);

/* ---- Standard streams ---------------------------------------------------- */

enum plat_stream_kind {
    PLAT_STREAM_CLOSED,
    PLAT_STREAM_CONSOLE,
    PLAT_STREAM_PIPE,
    PLAT_STREAM_FILE, /* seekable */
    PLAT_STREAM_NULL, /* the null device */
};

struct plat_stream_info {
    enum plat_stream_kind kind;
    uint32_t access; /* PLAT_READ, PLAT_WRITE */
    uint64_t size;   /* of a file */
    uint64_t id;     /* the same number for streams that are the same object */
};

/* stream is 0, 1 or 2, the launcher's own, whichever process asks. */
MUST_USE int plat_stream_info(uint32_t stream, struct plat_stream_info *out);

/*
 * Read or write at the stream's position; read blocks unless it is ready.
 * Files share their position with the host's other users of the same handle.
 *   returns  bytes, 0 at the end; -LX_EPIPE, -LX_EIO ..
 */
MUST_USE int64_t plat_stream_read(uint32_t stream, void *buf, uint64_t size);
MUST_USE int64_t plat_stream_write(uint32_t stream, const void *buf, uint64_t size);
MUST_USE int64_t plat_stream_pread(uint32_t stream, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t plat_stream_pwrite(uint32_t stream, const void *buf, uint64_t size,
                                    uint64_t offset);
MUST_USE int64_t plat_stream_seek(uint32_t stream, int64_t offset, int32_t whence);
MUST_USE int plat_stream_truncate(uint32_t stream, uint64_t size);

/* Ready without blocking, as in plat_thread_sleep(): bits of those in `streams`. */
uint32_t plat_stream_ready(uint32_t streams);

struct plat_winsize {
    uint16_t rows, columns;
};
/* returns -LX_ENOTTY if the stream is no console. */
MUST_USE int plat_stream_winsize(uint32_t stream, struct plat_winsize *out);

/* ---- Signals of the user to the launcher --------------------------------- */

/*
 * Call `handler` with the Linux number of each signal the user sends: Ctrl-C
 * SIGINT, Ctrl-Break SIGQUIT, a closed console SIGHUP; on Linux the signals
 * themselves.  It runs on a thread of its own and may call plat_.
 */
MUST_USE int plat_signals_watch(void (*handler)(int signal, void *arg), void *arg);

/* ---- Files of the host --------------------------------------------------- */

#define PLAT_FILE_READ 1u
#define PLAT_FILE_WRITE 2u
#define PLAT_FILE_CREATE 4u     /* create if missing */
#define PLAT_FILE_TRUNCATE 8u   /* empty it */
#define PLAT_FILE_EXCLUSIVE 16u /* with CREATE: -LX_EEXIST if it is there */
#define PLAT_FILE_EXECUTE 32u   /* for plat_copy_map() */

enum plat_file_type { PLAT_FILE_REGULAR, PLAT_FILE_DIRECTORY, PLAT_FILE_SYMLINK, PLAT_FILE_OTHER };

struct plat_stat {
    enum plat_file_type type;
    uint32_t mode; /* Linux permission bits; made up where the host has none */
    uint64_t size;
    uint64_t allocated;                   /* bytes on the disk */
    int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
    uint64_t device, id;                  /* identify the file */
    uint32_t uid, gid, nlink;
    uint32_t own; /* PLAT_OWN_* */
};
#define PLAT_OWN_USER 1u /* the user's of this process, who is not the host's root */
#define PLAT_OWN_GROUP 2u
#define PLAT_OWN_NOTED 4u /* it is only a note, which every user can change: PLAT_CHANGE_OWNER */

MUST_USE int plat_file_open(const char *path, uint32_t flags, struct plat_file **out);

/* A new empty file for reading and writing that nobody sees and that vanishes with its handles. */
MUST_USE int plat_file_temporary(struct plat_file **out);
void plat_file_close(struct plat_file *f);

/*
 * Open files that several processes of the container use: whoever opens one has it kept, and
 * the others get what they need of it, whatever became of its name and its opener.  They
 * share the position that plat_file_append() leaves behind.
 *   keeper   plat_process_id() of the launcher.
 */

/* To be called once in the launcher, before it starts guest hosts that use these. */
MUST_USE int plat_keeper_start(void);

/*
 * Have a file kept, until plat_file_forget().
 *   key      names it, in all processes of the container; never 0.
 *   returns  -LX_EMFILE: there are too many.
 */
MUST_USE int plat_file_keep(uint32_t keeper, struct plat_file *f, uint64_t *key);

/* A file for this process, to be closed. */
MUST_USE int plat_file_fetch(uint32_t keeper, uint64_t key, struct plat_file **out);
void plat_file_forget(uint32_t keeper, uint64_t key);

MUST_USE int64_t plat_file_read(struct plat_file *f, void *buf, uint64_t size);
MUST_USE int64_t plat_file_pread(struct plat_file *f, void *buf, uint64_t size, uint64_t offset);
MUST_USE int64_t plat_file_pwrite(struct plat_file *f, const void *buf, uint64_t size,
                                  uint64_t offset);
MUST_USE int plat_file_stat(struct plat_file *f, struct plat_stat *out);

/* The bytes of a regular file, without what else plat_file_stat() has to ask for. */
MUST_USE int64_t plat_file_size(struct plat_file *f);

/* -LX_ETXTBSY: while somebody maps it, the host does not cut it. */
MUST_USE int plat_file_truncate(struct plat_file *f, uint64_t size);

/*
 * Change what of a file is on the disk: fallocate(2).
 *   how      0: have space for [offset, offset + size), and make the file so large.
 *   returns  -LX_ENOSPC; -LX_EFBIG; -LX_EOPNOTSUPP: this file system cannot.
 * Windows: space beyond the end is looked for, but not held; holes inside of the file stay.
 */
#define PLAT_ALLOCATE_KEEP_SIZE 1u /* but let the size be */
#define PLAT_ALLOCATE_PUNCH 2u     /* make it a hole; with KEEP_SIZE */
#define PLAT_ALLOCATE_ZERO 4u      /* make it zeros */
MUST_USE int plat_file_allocate(struct plat_file *f, uint32_t how, uint64_t offset, uint64_t size);

/* A hint: the file is to have a hole that is too large to be written. */
void plat_file_sparse(struct plat_file *f);

/*
 * Where from `offset` on there is data, or (hole) none; all is data where the host does not say.
 * It moves the position that plat_file_append() leaves behind.
 *   returns  -LX_ENXIO: nowhere, or `offset` is not in the file.
 */
MUST_USE int64_t plat_file_seek(struct plat_file *f, uint64_t offset, int hole);

/* Write at the end of the file, wherever that is by now; `end` is where the data ends. */
MUST_USE int64_t plat_file_append(struct plat_file *f, const void *buf, uint64_t size,
                                  uint64_t *end);

/* A hint: what was written there will be kept, so the host may begin to write it to the disk. */
void plat_file_write_back(struct plat_file *f, uint64_t offset, uint64_t size);

/* What was written survives a crash of the machine. */
MUST_USE int plat_file_sync(struct plat_file *f);

/*
 * Lock the whole file against others that lock it: it can be read and written by anyone.
 * The lock belongs to this opening of the file and to the guest hosts that inherit it,
 * and ends with the last of them, however that comes.
 *   returns  -LX_EAGAIN: another holds a lock in the way, and PLAT_LOCK_WAIT is not given.
 */
#define PLAT_LOCK_SHARED 1u
#define PLAT_LOCK_EXCLUSIVE 2u
#define PLAT_LOCK_WAIT 4u
MUST_USE int plat_file_lock(struct plat_file *f, uint32_t flags);
void plat_file_unlock(struct plat_file *f);

/* Without following a final symbolic link. */
MUST_USE int plat_path_stat(const char *path, struct plat_stat *out);
MUST_USE int64_t plat_path_readlink(const char *path, char *buf, uint64_t size);

/*
 * Map a file's first `size` bytes, read-only, at `addr` or (0) anywhere.
 *   size     > 0, at most the file's size; the view may be longer than asked.
 */
MUST_USE int plat_file_map(struct plat_file *f, uint64_t addr, uint64_t size, const void **out);
void plat_file_unmap(const void *view, uint64_t size);

/* Read a directory: 1 for an entry, without "." and ".."; 0 at the end. */
struct plat_directory;
struct plat_entry {
    const char *name; /* UTF-8, valid until the next call */
    enum plat_file_type type;
    uint64_t id; /* as in struct plat_stat */
};
MUST_USE int plat_directory_open(const char *path, struct plat_directory **out);
MUST_USE int plat_directory_next(struct plat_directory *d, struct plat_entry *out);
void plat_directory_close(struct plat_directory *d);

/* One folder, whose parent is there; -LX_EEXIST. */
MUST_USE int plat_path_make_directory(const char *path);

/*
 * Give a file another name, taking the place of what has it, in one step that lasts
 * through a crash of the machine.
 *   returns  -LX_EACCES: on Windows also if somebody has what is at `to` open.
 */
MUST_USE int plat_path_rename(const char *from, const char *to);

/* Remove a file or an empty folder; -LX_ENOTEMPTY, on Windows -LX_EACCES if it is mapped. */
MUST_USE int plat_path_remove(const char *path);

/*
 * Make a symbolic link; "/" in `target` becomes what the host has for it.
 *   to_directory  it leads to a directory, which some hosts want to know beforehand.
 *   returns  -LX_EEXIST; -LX_EPERM: the user may not make one, or the file system has none.
 */
MUST_USE int plat_path_symlink(const char *target, const char *path, int to_directory);

/* Give a file, or a link itself, one more name; -LX_EEXIST. */
MUST_USE int plat_path_link(const char *from, const char *to);

/*
 * Set what the host has of these; what it has not is passed over.  A final symbolic
 * link is changed itself.  A new owner takes setuid and setgid away: set the mode after it.
 *   returns  -LX_EPERM: the user may not.
 */
MUST_USE int plat_path_set_owner(const char *path, uint32_t uid, uint32_t gid);
MUST_USE int plat_path_set_mode(const char *path, uint32_t mode);
MUST_USE int plat_path_set_mtime(const char *path, int64_t mtime_ns);

/* Does this separate the parts of a path?  "/" does everywhere. */
int plat_path_is_separator(char c);

/*
 * What keeps the host from making a file of this name in a folder, as the rest of a
 * sentence that begins with it; NULL: nothing.
 */
const char *plat_name_problem(const char *name);

/* Order two names; 0: a folder that ignores case cannot hold both, if the host has such folders. */
int plat_name_compare(const char *a, const char *b);

/* The folder for application data of this user; -LX_ENOENT: there is none. */
MUST_USE int plat_path_data(char *buf, size_t size);

/* The absolute form of a path that exists, without symbolic links. */
MUST_USE int plat_path_real(const char *path, char *buf, size_t size);

/* The absolute form of a path, and its translation to a Unix path for the guest. */
MUST_USE int plat_path_absolute(const char *path, char *buf, size_t size);
MUST_USE int plat_path_to_unix(const char *absolute, char *buf, size_t size);

/* ---- Folders for guests ------------------------------------------------- */

/*
 * A folder is an open directory.  What is in it is named by relative paths with '/' between
 * names and without "." and ".."; "" is the folder itself.  Nothing outside the folder can be
 * reached: a symbolic link is never followed, at no place in a path (-LX_ELOOP).
 *
 * Windows: characters that its names cannot have (and ends with a dot or a blank) are kept in
 * the private range U+F000 on, as WSL and Cygwin do it.
 */
MUST_USE int plat_folder_open(const char *path, struct plat_file **out);

/* As plat_file_open(); a new file gets `mode`. */
MUST_USE int plat_at_open(struct plat_file *folder, const char *path, uint32_t flags, uint32_t mode,
                          struct plat_file **out);
MUST_USE int plat_at_list(struct plat_file *folder, const char *path, struct plat_directory **out);
MUST_USE int plat_at_stat(struct plat_file *folder, const char *path, struct plat_stat *out);

/* The disk that a folder is on. */
struct plat_space {
    uint64_t size, free, usable; /* bytes; `usable` by this user */
    uint64_t files, free_files;  /* 0: there is no such limit */
};
MUST_USE int plat_folder_space(struct plat_file *folder, struct plat_space *out);
MUST_USE int64_t plat_at_readlink(struct plat_file *folder, const char *path, char *buf,
                                  uint64_t size);
MUST_USE int plat_at_make_directory(struct plat_file *folder, const char *path, uint32_t mode);
MUST_USE int plat_at_make_symlink(struct plat_file *folder, const char *path, const char *target);

/*
 * One more name for a file of the same folder, by its path or open; -LX_EEXIST.
 *   id       as in struct plat_stat; 0: whichever file it is, else -LX_ENOENT if it is another.
 */
MUST_USE int plat_at_link(struct plat_file *folder, const char *path, uint64_t device, uint64_t id,
                          const char *new_path);
MUST_USE int plat_file_link(struct plat_file *f, struct plat_file *folder, const char *new_path);

/* Remove a name; `type` says what it is. */
MUST_USE int plat_at_remove(struct plat_file *folder, const char *path, enum plat_file_type type);

/*
 * Give a file or directory of this folder another name there, in the place of what has it.
 *   flags    PLAT_RENAME_*.
 */
#define PLAT_RENAME_NOREPLACE 1u /* -LX_EEXIST if the name is taken */
#define PLAT_RENAME_EXCHANGE 2u  /* both names are there, and are exchanged */
MUST_USE int plat_at_rename(struct plat_file *folder, const char *path, const char *new_path,
                            uint32_t flags);

/*
 * Change attributes, as far as the host keeps them; what it keeps plat_at_stat() shows afterwards.
 * Windows keeps permission bits and owners where there are extended attributes, as WSL does;
 * elsewhere only whether the owner may write.
 *   returns  -LX_ENOENT, by path: there is another file than `id` says.
 */
#define PLAT_CHANGE_MODE 1u
#define PLAT_CHANGE_OWNER 2u
#define PLAT_CHANGE_ATIME 4u
#define PLAT_CHANGE_MTIME 8u
struct plat_change {
    uint32_t what;           /* PLAT_CHANGE_* */
    uint32_t mode, uid, gid; /* PLAT_OWNER_*: not that one */
    int64_t atime_ns, mtime_ns;
    uint64_t device, id; /* as in struct plat_stat; id 0: whichever file it is */
};
#define PLAT_OWNER_KEEP UINT32_MAX
#define PLAT_OWNER_MINE (UINT32_MAX - 1) /* PLAT_OWN_NOTED: without a note, the user's */
MUST_USE int plat_at_change(struct plat_file *folder, const char *path,
                            const struct plat_change *change);
MUST_USE int plat_file_change(struct plat_file *f, const struct plat_change *change);

/*
 * Extended attributes, of the class "user.", as the host has them.
 *   returns  of GET and LIST the bytes; -LX_ENODATA, -LX_ERANGE, -LX_EEXIST, -LX_ENOSPC ..;
 *            -LX_EOPNOTSUPP: there are none; -LX_ENOENT, by path: as plat_at_change().
 */
enum plat_xattr_call { PLAT_XATTR_GET, PLAT_XATTR_SET, PLAT_XATTR_LIST, PLAT_XATTR_REMOVE };
#define PLAT_XATTR_CREATE 1u  /* SET: it is new */
#define PLAT_XATTR_REPLACE 2u /* SET: it was there */
struct plat_xattr {
    enum plat_xattr_call call;
    const char *name; /* but LIST, which gives the names of all classes, each with its end */
    void *value;      /* to be filled, but SET */
    uint64_t size;    /* of `value`; 0, GET and LIST: only say how many bytes it takes */
    uint32_t flags;   /* PLAT_XATTR_* */
    uint64_t device, id;
};
MUST_USE int64_t plat_at_xattr(struct plat_file *folder, const char *path,
                               const struct plat_xattr *call);
MUST_USE int64_t plat_file_xattr(struct plat_file *f, const struct plat_xattr *call);

/* ---- Host check ---------------------------------------------------------- */

/*
 * Run the host's check number n (0..) for `tarbox doctor`.
 *   text     one line: what was found.
 *   returns  1 fine, 0 a limit to know of, -LX_E* cannot work; -LX_ENOENT: no such n.
 */
MUST_USE int plat_doctor_check(uint32_t n, char *text, size_t size);

#endif
