#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who a program is run as, and with which limits: options of tarbox run, set-id programs and
# programs with file capabilities.
#
#   tests/runner/credentials.sh SHOW_CREDENTIALS -- COMMAND...
#
# SHOW_CREDENTIALS is the guest program (tests/guest/show_credentials.c); COMMAND... is what comes
# before it.
set -uo pipefail

program=$1
shift 2
command=("$@")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
mkdir "$scratch/store"

# shows TEXT ARG...: with these arguments, tarbox run prints TEXT.
shows() {
    local want=$1 code
    shift
    timeout -s KILL 100 "${command[@]}" --ephemeral "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code = 0 ] && [ "$(tr -d '\r' <"$scratch/out" | paste -sd '|')" = "$want" ] && return
    echo "FAILED: $*: exit code $code; output, not \"$want\":"
    cat "$scratch/out" "$scratch/err"
    failed=1
}

# [code=N] fails TEXT ARG...: it says TEXT, and its exit code is N, or 125.
fails() {
    local want=$1 want_code=${code:-125} code
    shift
    timeout -s KILL 100 "${command[@]}" --ephemeral "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code = "$want_code" ] && grep -qF -- "$want" "$scratch/err" && return
    echo "FAILED: $*: exit code $code; output, not \"$want\":"
    cat "$scratch/out" "$scratch/err"
    failed=1
}

# A root file system with the program in several modes.
root=$scratch/root
mkdir -p "$root/etc" "$root/bin"
printf 'root:x:0:0::/root:\nuser:x:1000:1000::/home:\n' >"$root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\nadm:x:4:user,root\ndisk:x:6:\n' >"$root/etc/group"
cp "$program" "$root/bin/show"
tar -cf "$scratch/image.tar" -C "$root" --owner=0 --group=0 --mode=go+rX etc bin || exit 1
# add NAME MODE OWNER GROUP
add() {
    mv "$root/bin"/* "$root/bin/$1"
    tar -rf "$scratch/image.tar" -C "$root" --owner="$3" --group="$4" --mode="$2" "bin/$1" || exit 1
}
add setuid 4755 0 0
add setuid5 4755 5 5
add setgid 2755 0 6
add setgid_only 2745 0 6 # without the group's x it means something else
add hidden 0711 0 0
image=$scratch/image.tar

# Programs with file capabilities: NAME MODE VALUE, which is little-endian words.
python3 - "$image" "$root/bin/hidden" <<'END' || exit 1
import struct, sys, tarfile
programs = [
    ("net_raw_ep", 0o755, [0x02000001, 1 << 13, 0, 0, 0]),
    ("net_raw_p", 0o755, [0x02000000, 1 << 13, 0, 0, 0]),
    ("net_raw_3", 0o755, [0x03000001, 1 << 13, 0, 0, 0, 0]),
    ("net_raw_1", 0o755, [0x01000001, 1 << 13, 0]),
    ("of_another", 0o755, [0x03000001, 1 << 13, 0, 0, 0, 1000]),
    ("sys_admin_ep", 0o755, [0x02000001, 1 << 21 | 1 << 13, 0, 0, 0]),
    ("sys_admin_p", 0o755, [0x02000000, 1 << 21 | 1 << 13, 0, 0, 0]),
    ("damaged", 0o755, [0x02000001, 1 << 13, 0, 0]),
    ("mixed", 0o4755, [0x02000001, 1 << 13, 0, 0, 0]),
]
with tarfile.open(sys.argv[1], "a", format=tarfile.PAX_FORMAT) as archive:
    for name, mode, words in programs:
        member = archive.gettarinfo(sys.argv[2], "bin/" + name)
        member.mode, member.uid, member.gid, member.uname, member.gname = mode, 0, 0, "", ""
        value = struct.pack("<%dI" % len(words), *words)
        member.pax_headers = {"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")}
        with open(sys.argv[2], "rb") as program:
            archive.addfile(member, program)
END

caps=a80425fb
shows 'users 0 0 0 groups 0 0 0 aux 0 0 0 0 secure 0 dumpable 1|groups 4|caps a80425fb a80425fb 0' \
    "$image" /bin/show ids groups caps
shows 'users 1000 1000 1000 groups 1000 1000 1000 aux 1000 1000 1000 1000 secure 0 dumpable 1|groups 4|caps 0 0 0' \
    -u user "$image" /bin/show ids groups caps
shows "users 1000 0 0 groups 1000 1000 1000 aux 1000 0 1000 1000 secure 1 dumpable 0|caps $caps $caps 0" \
    -u user "$image" /bin/setuid ids caps
shows "users 1000 5 5 groups 1000 1000 1000 aux 1000 5 1000 1000 secure 1 dumpable 0|caps 0 0 0" \
    -u user "$image" /bin/setuid5 ids caps
shows "users 0 5 5 groups 0 0 0 aux 0 5 0 0 secure 1 dumpable 0|caps 0 $caps 0" \
    "$image" /bin/setuid5 ids caps
shows 'users 1000 1000 1000 groups 1000 6 6 aux 1000 1000 1000 6 secure 1 dumpable 0|caps 0 0 0' \
    -u user "$image" /bin/setgid ids caps
shows 'users 1000 1000 1000 groups 1000 1000 1000 aux 1000 1000 1000 1000 secure 0 dumpable 1' \
    -u user "$image" /bin/setgid_only ids
shows 'users 1000 1000 1000 groups 1000 1000 1000 aux 1000 1000 1000 1000 secure 0 dumpable 0' \
    -u user "$image" /bin/hidden ids
shows 'users 0 0 0 groups 0 0 0 aux 0 0 0 0 secure 0 dumpable 1' "$image" /bin/setuid ids

# File capabilities.
for name in net_raw_ep net_raw_3 net_raw_1; do
    shows 'users 1000 1000 1000 groups 1000 1000 1000 aux 1000 1000 1000 1000 secure 1 dumpable 0|caps 2000 2000 0' \
        -u user "$image" /bin/$name ids caps
done
shows 'users 1000 1000 1000 groups 1000 1000 1000 aux 1000 1000 1000 1000 secure 1 dumpable 0|caps 0 2000 0' \
    -u user "$image" /bin/net_raw_p ids caps
shows 'caps 0 0 0' -u user "$image" /bin/of_another caps
shows 'caps 0 2000 0' -u user "$image" /bin/sys_admin_p caps
shows "caps $caps $caps 0" "$image" /bin/net_raw_ep caps
shows 'users 1000 0 0 groups 1000 1000 1000 aux 1000 0 1000 1000 secure 1 dumpable 0|caps 2000 2000 0' \
    -u user "$image" /bin/mixed ids caps
code=126 fails 'its file capabilities cannot be given' -u user "$image" /bin/sys_admin_ep
code=126 fails 'its file capabilities cannot be given' "$image" /bin/damaged

# Capabilities of the command line.
shows 'caps a82425fb a82425fb 0' --cap-add sys_admin "$image" /bin/show caps
shows 'caps a80425fa a80425fa 0' --cap-drop CAP_CHOWN "$image" /bin/show caps
shows 'caps 8000000 8000000 0' --cap-drop ALL --cap-add MKNOD "$image" /bin/show caps
shows 'caps 1ffffffdfff 1ffffffdfff 0' --cap-add all --cap-drop net_raw "$image" /bin/show caps
shows 'caps 1ffffffffff 1ffffffffff 0' --privileged --cap-drop ALL "$image" /bin/show caps
shows 'caps 0 0 0' -u user --privileged "$image" /bin/show caps
shows 'caps 202000 202000 0' -u user --cap-add SYS_ADMIN "$image" /bin/sys_admin_ep caps
shows 'caps 0 0 0' -u user --cap-drop NET_RAW "$image" /bin/net_raw_p caps
fails "no capability 'ROOT'" --cap-add ROOT "$image" /bin/show

shows 'groups 4 6 77' -u user --group-add disk --group-add 77 --group-add 4 "$image" /bin/show groups
shows 'groups 6' -u 55:66 --group-add disk "$image" /bin/show groups
fails "no group 'none'" --group-add none "$image" /bin/show

shows 'hostname box box' -h box "$image" /bin/show hostname
shows 'hostname a.b a.b' --hostname=a.b "$image" /bin/show hostname
fails '1 to 64 characters' --hostname= "$image" /bin/show

shows 'limit 7 1048576 1048576|limit 3 8388608 -1|limit 4 0 -1|limit 6 -1 -1|limit 13 0 0' \
    "$image" /bin/show 7 3 4 6 13
shows 'limit 7 100 200|limit 4 -1 -1|limit 3 16777216 -1' --ulimit nofile=1:2 \
    --ulimit nofile=100:200 --ulimit core=unlimited --ulimit stack=16777216:-1 "$image" /bin/show 7 4 3
fails "no limit 'files'" --ulimit files=3 "$image" /bin/show
fails 'above the hard one' --ulimit nofile=3:2 "$image" /bin/show
fails 'no limit of processes' --pids-limit few "$image" /bin/show
shows '' --pids-limit -1 "$image" /bin/show
shows '' --pids-limit=100 "$image" /bin/show

[ $failed = 0 ]
