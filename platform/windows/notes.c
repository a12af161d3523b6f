/* SPDX-License-Identifier: MIT */
/*
 * What Linux keeps of a file and NTFS has no place for, noted in the extended attributes of WSL: a
 * file says the same in both.  Only what differs from what it would show without is noted, so
 * that folders stay clean otherwise.  A volume that has said that it has no such attributes is
 * not asked again.
 *
 * Source  NtQueryInformationFile (FileStatLxInformation, from Windows 10 1803 on; it takes
 *         FILE_READ_ATTRIBUTES and FILE_READ_EA), NtQueryEaFile, NtSetEaFile, [MS-FSCC] 2.4, 2.5.
 */

#include "internal.h"

#include <ntstatus.h>

#define STAT_LX_INFORMATION ((FILE_INFORMATION_CLASS)70)
#define FS_VOLUME_INFORMATION ((FS_INFORMATION_CLASS)1)

#define MODE 0755u /* for any file may be a program */
#define WRITE_BITS 0222u
#define PERMISSIONS 07777u
#define TYPE_BITS 0170000u

/* Room for the attributes asked for, and for one of them that somebody made longer. */
#define ANSWER_SIZE 512u

/* FILE_STAT_LX_INFORMATION */
struct stat_lx {
    int64_t id, created, accessed, written, changed; /* times: 100 ns since 1601 */
    int64_t allocated, size;
    ULONG attributes, reparse_tag, links, effective_access;
    ULONG lx_flags, lx_uid, lx_gid, lx_mode, lx_major, lx_minor;
};
_Static_assert(sizeof(struct stat_lx) == 96, "FILE_STAT_LX_INFORMATION");

/* FILE_FS_VOLUME_INFORMATION; a longer label is cut off, with STATUS_BUFFER_OVERFLOW. */
struct volume_information {
    int64_t created;
    ULONG serial, label_size;
    BOOLEAN has_object_ids;
    WCHAR label[1];
};

static int is_unsupported(NTSTATUS status)
{
    switch (status) {
    case STATUS_EAS_NOT_SUPPORTED:
    case STATUS_INVALID_DEVICE_REQUEST:
    case STATUS_INVALID_INFO_CLASS:
    case STATUS_INVALID_PARAMETER:
    case STATUS_NOT_IMPLEMENTED:
    case STATUS_NOT_SUPPORTED:
        return 1;
    default:
        return 0;
    }
}

int windows_notes_refused(struct windows_volume *v, NTSTATUS status)
{
    if (!is_unsupported(status))
        return 0;
    if (v)
        v->notes = WINDOWS_NOTES_NONE;
    return 1;
}

uint32_t windows_mode_of(enum plat_file_type type, DWORD attributes)
{
    /* Of a directory the read-only attribute says something else. */
    return type == PLAT_FILE_REGULAR && attributes & FILE_ATTRIBUTE_READONLY ? MODE & ~WRITE_BITS
                                                                             : MODE;
}

static uint32_t type_bits(enum plat_file_type type)
{
    return type == PLAT_FILE_DIRECTORY ? 0040000u : type == PLAT_FILE_SYMLINK ? 0120000u : 0100000u;
}

/* ---- Reading ---- */

static int64_t unix_ns(int64_t time)
{
    const FILETIME t = {(DWORD)time, (DWORD)((uint64_t)time >> 32)};
    return windows_unix_ns(&t);
}

static int find_device(struct windows_volume *v, HANDLE handle)
{
    struct volume_information info = {0};
    IO_STATUS_BLOCK io;
    if (v->has_device)
        return 1;
    NTSTATUS status =
        g_windows.nt.query_volume(handle, &io, &info, sizeof info, FS_VOLUME_INFORMATION);
    if (status < 0 && status != STATUS_BUFFER_OVERFLOW)
        return 0;
    v->device = info.serial;
    v->has_device = 1;
    return 1;
}

/*
 * All there is to know in one call.
 *   returns  0: it is not to be had that way.
 */
static int stat_at_once(struct windows_volume *v, HANDLE handle, struct plat_stat *out,
                        DWORD *attributes, struct wsl_ea *notes)
{
    struct stat_lx info = {0};
    IO_STATUS_BLOCK io;
    if (v->notes != WINDOWS_NOTES_UNKNOWN && v->notes != WINDOWS_NOTES_IN_STAT)
        return 0;
    NTSTATUS status =
        g_windows.nt.query_information(handle, &io, &info, sizeof info, STAT_LX_INFORMATION);
    if (is_unsupported(status))
        v->notes = WINDOWS_NOTES_IN_EA; /* if at all: see ask() */
    if (status < 0 || !find_device(v, handle))
        return 0;
    v->notes = WINDOWS_NOTES_IN_STAT;
    *attributes = info.attributes;
    *out = (struct plat_stat){
        .type = windows_type_of(info.attributes, info.reparse_tag),
        .size = (uint64_t)info.size,
        .allocated = (uint64_t)info.allocated,
        .atime_ns = unix_ns(info.accessed),
        .mtime_ns = unix_ns(info.written),
        .ctime_ns = unix_ns(info.changed ? info.changed : info.written),
        .device = v->device,
        .id = (uint64_t)info.id,
        .nlink = info.links,
    };
    *notes = (struct wsl_ea){info.lx_flags & WSL_EA_ALL, info.lx_uid, info.lx_gid, info.lx_mode};
    return 1;
}

/* Ask for the attributes alone. */
static void ask(struct windows_volume *v, HANDLE handle, struct wsl_ea *notes)
{
    _Alignas(4) uint8_t names[WSL_EA_NAMES], answer[ANSWER_SIZE];
    IO_STATUS_BLOCK io = {0};
    if (v->notes != WINDOWS_NOTES_IN_EA)
        return;
    wsl_ea_names(names);
    NTSTATUS status = g_windows.nt.query_ea(handle, &io, answer, sizeof answer, FALSE, names,
                                            sizeof names, NULL, TRUE);
    if (windows_notes_refused(v, status))
        return;
    /* STATUS_BUFFER_OVERFLOW: some were too long to be given. */
    if (status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW)
        wsl_ea_decode(answer, io.Information < sizeof answer ? io.Information : sizeof answer,
                      notes);
}

/* What is noted of a file, as far as it makes sense: WSL notes device nodes, too. */
static int noted(struct windows_volume *v, HANDLE handle, struct plat_stat *out, DWORD *attributes,
                 struct wsl_ea *notes)
{
    *notes = (struct wsl_ea){0};
    if (!stat_at_once(v, handle, out, attributes, notes)) {
        int err = windows_stat_with(handle, out, attributes);
        if (err < 0)
            return err;
        ask(v, handle, notes);
    }
    if ((notes->mode & TYPE_BITS) != type_bits(out->type))
        notes->has &= ~WSL_EA_MODE;
    return 0;
}

int windows_noted_stat(struct windows_volume *v, HANDLE handle, struct plat_stat *out,
                       DWORD *attributes)
{
    struct wsl_ea notes;
    int err = noted(v, handle, out, attributes, &notes);
    if (err < 0)
        return err;
    out->mode = windows_mode_of(out->type, *attributes);
    if (notes.has & WSL_EA_MODE) {
        int is_read_only = !(out->mode & WRITE_BITS);
        out->mode = notes.mode & PERMISSIONS;
        if (is_read_only && out->mode & 0200) /* since it was noted */
            out->mode &= ~WRITE_BITS;
    }
    out->own = (notes.has & WSL_EA_UID ? 0 : PLAT_OWN_USER) |
               (notes.has & WSL_EA_GID ? 0 : PLAT_OWN_GROUP) |
               (v->notes == WINDOWS_NOTES_NONE ? 0 : PLAT_OWN_NOTED);
    out->uid = notes.uid;
    out->gid = notes.gid;
    return 0;
}

/* ---- Writing ---- */

/* How the notes are to become so that one says `value`, or (is_plain) is not there. */
struct noting {
    struct wsl_ea now, set;
    uint32_t remove;
};

static void note(struct noting *n, uint32_t bit, uint32_t now, uint32_t *set, uint32_t value,
                 int is_plain)
{
    if (is_plain)
        n->remove |= n->now.has & bit;
    else if (!(n->now.has & bit) || now != value)
        n->set.has |= bit;
    *set = value;
}

void windows_note(struct windows_volume *v, HANDLE handle, const struct plat_change *c)
{
    _Alignas(4) uint8_t buf[WSL_EA_SIZE];
    struct noting n = {0};
    struct plat_stat st;
    IO_STATUS_BLOCK io;
    DWORD attributes;
    if (v->notes == WINDOWS_NOTES_NONE || noted(v, handle, &st, &attributes, &n.now) < 0)
        return;
    if (c->what & PLAT_CHANGE_MODE)
        note(&n, WSL_EA_MODE, n.now.mode, &n.set.mode, type_bits(st.type) | (c->mode & PERMISSIONS),
             (c->mode & PERMISSIONS) == windows_mode_of(st.type, attributes));
    if (c->what & PLAT_CHANGE_OWNER && c->uid != PLAT_OWNER_KEEP)
        note(&n, WSL_EA_UID, n.now.uid, &n.set.uid, c->uid, c->uid == PLAT_OWNER_MINE);
    if (c->what & PLAT_CHANGE_OWNER && c->gid != PLAT_OWNER_KEEP)
        note(&n, WSL_EA_GID, n.now.gid, &n.set.gid, c->gid, c->gid == PLAT_OWNER_MINE);
    uint32_t size = wsl_ea_encode(&n.set, n.remove, buf);
    if (size && v->notes != WINDOWS_NOTES_NONE) {
        /* What cannot be noted (rights, a full disk) plat_at_stat() does not show afterwards. */
        windows_notes_refused(v, g_windows.nt.set_ea(handle, &io, buf, size));
    }
}

uint32_t windows_note_new(const struct windows_volume *v, enum plat_file_type type, uint32_t mode,
                          DWORD attributes, uint8_t buf[WSL_EA_SIZE])
{
    const struct wsl_ea ea = {.has = WSL_EA_MODE, .mode = type_bits(type) | (mode & PERMISSIONS)};
    if (v->notes == WINDOWS_NOTES_NONE || (mode & PERMISSIONS) == windows_mode_of(type, attributes))
        return 0;
    return wsl_ea_encode(&ea, 0, buf);
}
