/* SPDX-License-Identifier: MIT */
/* Capabilities on a command line. */

#include "capability.h"

#include <stddef.h>

#include "lx/capability.h"
#include "lx/errno.h"

/* By number. */
static const char *const names[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

_Static_assert(sizeof names / sizeof names[0] == LX_CAP_LAST + 1, "all have a name");

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Does `text` begin with it, in any case?  What follows, or NULL. */
static const char *after(const char *text, const char *beginning)
{
    for (; *beginning; beginning++, text++) {
        if (upper(*text) != *beginning)
            return NULL;
    }
    return text;
}

static int is_name(const char *text, const char *name)
{
    const char *rest = after(text, name);
    return rest && !*rest;
}

int cmd_capability_read(const char *text, uint64_t *out, struct core_diag *diag)
{
    const char *rest = after(text, "CAP_"), *name = rest ? rest : text;
    *out = 0;
    if (is_name(text, "ALL"))
        *out = LX_CAP_ALL;
    for (uint32_t i = 0; i <= LX_CAP_LAST; i++) {
        if (is_name(name, names[i]))
            *out = LX_CAP_BIT(i);
    }
    return *out ? 0 : core_diag_set(diag, -LX_EINVAL, "there is no capability '%s'", text);
}
