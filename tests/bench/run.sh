#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gbench natively and under Tarbox on both hosts, in one go: interleaved, best of ROUNDS, with a
# second native run as the control.  Prints ns and the ratios to native.
#
#   tests/bench/run.sh [PATTERN... | processes | share]     ROUNDS=11; PATTERN as gbench takes it
#
# Without a PATTERN the system calls; `processes` are those of processes, threads and signals; `share`
# those of files that two threads or processes use at once, with a second table of what two do against
# one: 2.00 if they are not in each other's way, 1.00 if they take turns.
#
# A ratio counts only if the control is within half its margin.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
rounds=${ROUNDS:-11}
work=$top/build/bench
sample=(-m 20 -n 3)
case ${1:-} in
'') set -- null_syscall clock_gettime read_1b_devzero pread_4k pread_64k write_4k fstat \
    image_lstat image_open_close signal_self pipe_self futex_wake_none sched_yield mutex_alone ;;
processes)
    sample=(-m 60 -n 5) # the first forks wait for guest hosts to start
    set -- fork_exit_wait fork_exec_wait vfork_exec_wait fork_exit_wait_64m pipe_processes \
    futex_threads thread_create_join mmap_munmap_4k signal_self sigsegv_mend 'cpu_*'
    ;;
esac

mkdir -p "$work"
make -s -C "$here" out/gbench out/true
rm -rf "$work/root"
mkdir -p "$work/root/bench" "$work/root/tmp" "$work/root/data/a/b" "$work/root/dev"
mv "$here"/out/{gbench,true} "$work/root/bench/"
rm -rf "$here/out"
for i in $(seq 200); do echo "$i" >"$work/root/data/a/b/file$i"; done
mknod -m 666 "$work/root/dev/zero" c 1 5
mknod -m 666 "$work/root/dev/null" c 1 3
tar -C "$work/root" -czf "$work/rootfs.tar.gz" .

bench=(/bench/gbench "${sample[@]}" -d /tmp -t /data "$@")
# The native tree is on a tmpfs, as the guest's is in memory.
if mountpoint -q /dev/shm; then
    native=$(mktemp -d /dev/shm/gbench.XXXXXX)
    trap 'rm -rf "$native"' EXIT
    cp -a "$work/root/." "$native"
else
    native=$work/root
fi
: >"$work/results"
for round in $(seq "$rounds"); do
    for side in native linux control windows; do
        case $side in
        native | control) run=(chroot "$native") ;;
        linux) run=("$top/build/linux-release/tarbox" run "$work/rootfs.tar.gz") ;;
        windows)
            run=("$top/tests/wine/run.sh" "$top/build/windows-release/tarbox.exe" run "$work/rootfs.tar.gz")
            ;;
        esac
        timeout 120 "${run[@]}" "${bench[@]}" 2>/dev/null </dev/null |
            sed -n "s/^gbench\t/$side\t/p" >>"$work/results" || true
    done
    [ ! -t 2 ] || printf '\rround %s of %s' "$round" "$rounds" >&2
done
[ ! -t 2 ] || echo >&2

awk -F'\t' '
    $3 != "FAIL" && (!(($1, $2) in best) || $4 < best[$1, $2]) { best[$1, $2] = $4 }
    !($2 in seen) { seen[$2] = 1; order[++count] = $2 }
    function cell(side, name) {
        return ((side, name) in best) ? sprintf("%.1f", best[side, name]) : "-"
    }
    function ratio(side, name) {
        if (!((side, name) in best) || !best["native", name])
            return "-"
        return sprintf("%.3f", best[side, name] / best["native", name])
    }
    END {
        print "| benchmark | native ns | control | Linux ns | ratio | Wine ns | ratio |"
        print "| --- | --- | --- | --- | --- | --- | --- |"
        for (i = 1; i <= count; i++) {
            n = order[i]
            printf "| %s | %s | %s | %s | %s | %s | %s |\n", n, cell("native", n),
                ratio("control", n), cell("linux", n), ratio("linux", n), cell("windows", n), ratio("windows", n)
        }
    }' "$work/results"

[ "${1:-}" = share ] || exit 0
echo
awk -F'\t' '
    $3 != "FAIL" && (!(($1, $2) in best) || $4 < best[$1, $2]) { best[$1, $2] = $4 }
    match($2, /_(same|apart)_2[tp]$/) && !($2 in seen) { seen[$2] = 1; order[++count] = $2 }
    function gain(side, name, one) {
        one = name
        sub(/_(same|apart)_2[tp]$/, "_1", one)
        if (!((side, name) in best) || !((side, one) in best))
            return "-"
        return sprintf("%.2f", 2 * best[side, one] / best[side, name])
    }
    END {
        print "| two against one | native | control | Linux | Wine |"
        print "| --- | --- | --- | --- | --- |"
        for (i = 1; i <= count; i++) {
            n = order[i]
            printf "| %s | %s | %s | %s | %s |\n", n, gain("native", n), gain("control", n), gain("linux", n),
                gain("windows", n)
        }
    }' "$work/results"
