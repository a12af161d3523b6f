/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_WINDOWS_INTERNAL_H
#define PLATFORM_WINDOWS_INTERNAL_H

/* What the files of this host share. */

#include <stdint.h>
#include <windows.h>
#include <winternl.h>

#include "host.h"
#include "wsl_ea.h"

#define WINDOWS_SLOT_COUNT 65536u /* threads that may sleep: see plat_thread_sleep() */
#define WINDOWS_PATH_MAX 32768u   /* UTF-16 units: the longest path there is */

/* The time-stamp counter and the performance counter at one moment. */
struct windows_instant {
    uint64_t tsc, ns;
};

/* The system's own calls that tests put others in the place of. */
struct windows_nt {
    NTSTATUS(NTAPI *create_file)
    (HANDLE *file, ACCESS_MASK access, OBJECT_ATTRIBUTES *object, IO_STATUS_BLOCK *io,
     LARGE_INTEGER *allocation, ULONG attributes, ULONG share, ULONG disposition, ULONG options,
     void *ea, ULONG ea_size);
    NTSTATUS(NTAPI *query_information)
    (HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG size, FILE_INFORMATION_CLASS what);
    NTSTATUS(NTAPI *query_volume)
    (HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG size, FS_INFORMATION_CLASS what);
    NTSTATUS(NTAPI *query_ea)
    (HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG size, BOOLEAN single, void *names,
     ULONG names_size, ULONG *index, BOOLEAN restart);
    NTSTATUS(NTAPI *set_ea)(HANDLE file, IO_STATUS_BLOCK *io, void *ea, ULONG size);
};

struct windows_state {
    struct windows_nt nt; /* constant */
    const char *start_error;
    char **environment;
    HANDLE arena;                   /* section; inherited by the guest host */
    uint64_t container[2];          /* names the container's segments and events */
    HANDLE job;                     /* guest hosts, which end when it is closed */
    HANDLE files[PLAT_INHERIT_MAX]; /* in a guest host: what it was given */
    uint32_t is_guest;
    struct {
        HANDLE handles[3]; /* the streams changed by windows_console_start() */
        DWORD modes[3];    /* as they were */
        UINT code_page;    /* likewise; 0: no console */
    } console;
    uint64_t frequency; /* of the performance counter, per second */
    struct windows_instant started;
};

/* Where a volume has what Linux keeps of a file: notes.c. */
enum windows_notes {
    WINDOWS_NOTES_NONE,    /* it has no place for it, or nobody is to look */
    WINDOWS_NOTES_UNKNOWN, /* not asked yet */
    WINDOWS_NOTES_IN_STAT, /* FileStatLxInformation tells */
    WINDOWS_NOTES_IN_EA,   /* only the attributes themselves */
};

/* What is known of the volume of a folder for guests, and of files that were opened in it. */
struct windows_volume {
    _Atomic uint32_t notes; /* enum windows_notes */
    _Atomic uint32_t has_device;
    _Atomic uint32_t device; /* its serial number; valid once has_device is 1 */
    _Atomic uint32_t xattrs; /* 0: not asked yet; 1: it has extended attributes; 2: it has none */
};

/* A file keeps its own position: reads and writes with an offset move the handle's. */
struct plat_file {
    HANDLE handle;
    uint64_t position; /* of plat_file_read() */
    int is_disk;       /* else a pipe or device, which has no offsets */
    struct windows_volume volume;
};

/* Constant once plat_start() and plat_arena_create() or _attach() have run. */
extern struct windows_state g_windows;

/* GetLastError(), or another code, as -LX_E*: windows/errmap.def. */
int windows_error(void);
int windows_error_of(DWORD code);

/*
 * Text to UTF-16 and back, allocated: free() it.  Lone surrogates are kept, as WTF-8.
 *   returns  NULL with GetLastError(): no memory, or not UTF-8.
 */
wchar_t *windows_wide(const char *utf8);
char *windows_utf8(const wchar_t *wide);
char *windows_utf8_of(const wchar_t *units, size_t count, size_t *size);

/* A path for CreateFileW: absolute and with \\?\ where it is long.  Fails as windows_wide(). */
wchar_t *windows_path(const char *utf8);

/* Name of an object of this container: "Local\tarbox-<id>-<kind><n>". */
void windows_object_name(wchar_t name[96], wchar_t kind, uint32_t n);

/* PAGE_* of PLAT_READ, _WRITE, _EXEC. */
DWORD windows_prot(uint32_t prot);

/* FILETIME units of 100 ns since 1601 as ns since 1970, and back. */
int64_t windows_unix_ns(const FILETIME *t);
FILETIME windows_file_time(int64_t unix_ns);

/* Now; from g_windows.frequency on. */
struct windows_instant windows_instant(void);

/* A file for a handle, which moves to it, also on failure. */
MUST_USE int windows_file_new(HANDLE handle, struct plat_file **out);

/* The process that keeps handles for all others (shared.c); NULL: it cannot be opened. */
HANDLE windows_keeper(uint32_t keeper);

/* Close a handle of the keeper's. */
void windows_keeper_close(uint32_t keeper, uint64_t key);

/* A synchronisation timer, of high resolution if there is such; NULL: none at all. */
HANDLE windows_timer_new(int *is_fine);

/* The reparse tag of WSL's links, which everybody may make. */
#define WINDOWS_TAG_LX_SYMLINK 0xa000001du

/* The content of a reparse point that is a link; not in every SDK's headers. */
struct windows_symlink {
    ULONG tag;
    USHORT length, reserved; /* `length`: bytes that follow */
    union {
        struct {
            USHORT substitute_offset, substitute_length, print_offset, print_length;
            ULONG flags; /* of symbolic links; a mount point's paths begin here */
            wchar_t paths[1];
        } nt;
        struct {
            ULONG version;
            char target[4]; /* UTF-8, not terminated */
        } lx;
    };
};

/* What a file with these attributes, and this reparse tag if it has one, is. */
enum plat_file_type windows_type_of(DWORD attributes, DWORD tag);

/* plat_path_stat() and plat_path_readlink() of a handle; and its FILE_ATTRIBUTE_*. */
MUST_USE int windows_stat_of(HANDLE handle, struct plat_stat *out);
MUST_USE int windows_stat_with(HANDLE handle, struct plat_stat *out, DWORD *attributes);
MUST_USE int64_t windows_readlink_of(HANDLE handle, char *buf, uint64_t size);

/*
 * A directory to read, from a handle, which moves to it, also on failure.
 *   is_folder  1: names as plat_at_list() gives them.
 */
MUST_USE int windows_directory_new(HANDLE handle, int is_folder, struct plat_directory **out);

/* The mode that a file shows of which nothing is noted. */
uint32_t windows_mode_of(enum plat_file_type type, DWORD attributes);

/*
 * plat_file_stat() of a file in a folder for guests, with what is noted of it: one call to the
 * system where that answers.  The handle should have FILE_READ_ATTRIBUTES and FILE_READ_EA.
 */
MUST_USE int windows_noted_stat(struct windows_volume *v, HANDLE handle, struct plat_stat *out,
                                DWORD *attributes);

/* Note mode and owner of a change; the handle should have FILE_WRITE_EA, too. */
void windows_note(struct windows_volume *v, HANDLE handle, const struct plat_change *c);

/*
 * The attributes of a new file with these FILE_ATTRIBUTE_*, for NtCreateFile().
 *   buf      aligned to 4.
 *   returns  their size; 0: none.
 */
MUST_USE uint32_t windows_note_new(const struct windows_volume *v, enum plat_file_type type,
                                   uint32_t mode, DWORD attributes, uint8_t buf[WSL_EA_SIZE]);

/* Does a call's status say that the volume (or NULL) has no place for notes?  It is not asked again. */
int windows_notes_refused(struct windows_volume *v, NTSTATUS status);

/* Does the volume of an open file have extended attributes?  It is asked once. */
int windows_has_xattrs(struct windows_volume *v, HANDLE handle);

/* plat_file_xattr() of a handle, which should have FILE_READ_EA, and FILE_WRITE_EA to change them. */
MUST_USE int64_t windows_xattr(struct windows_volume *v, HANDLE handle, const struct plat_xattr *x);

/* How the names of files begin that are gone but for those who have them open. */
#define WINDOWS_HIDDEN_NAME ".tarbox-removed-"

/* Is a system file in a directory a symbolic link? */
int windows_is_link_file(HANDLE directory, const char *name);

/* Characters in the private range back to those they stand for, in place; see folder.c. */
void windows_name_restore(wchar_t *name);

/* Make a symbolic link of a new, empty file. */
MUST_USE int windows_symlink_set(HANDLE handle, const char *target);

/* The target of a file that is a link by its content; -LX_EINVAL if it is none. */
MUST_USE int64_t windows_link_file_read(HANDLE handle, char *buf, uint64_t size);

/*
 * Remove what a handle stands for: 0 or a Windows error code.
 *   now    its name is gone at once, although others have it open; ERROR_NOT_SUPPORTED
 *          before Windows 10 1709, and by file systems other than NTFS.
 *   later  when the last of them closes it.
 */
DWORD windows_remove_now(HANDLE handle);
DWORD windows_remove_later(HANDLE handle);

/* Does rdfsbase work?  The processor may have it and the system not allow it. */
int windows_has_fsgsbase(void);

/* Registers of a context with CONTEXT_CONTROL and CONTEXT_INTEGER. */
void windows_load_registers(struct plat_regs *r, const CONTEXT *c);

/* The guest thread's handle, opened when first asked for; NULL: it cannot be. */
HANDLE windows_thread_handle(struct plat_thread *t);

/* No thread is suspended when this returns, nor will any be. */
void windows_interrupts_stop(void);

void windows_faults_install(void);
void windows_console_start(void);
void windows_console_restore(void);
void windows_signals_ignore(void);

#endif
