#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Containers that are kept: run --name, ps, rm, diff, commit, and cp, export and save of them; and that
# one which is killed at any moment is there as it was before its last run, or after it.
#
#   tests/store/containers.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

[ "${TARBOX_LONG:-0}" = 0 ] && kills=10 || kills=200
gives 0 '^[0-9a-f]{32}$' import -q "$archive" base:1

# in_it SCRIPT: in the container, by a shell.
in_it() {
    gives 0 "$1" run --name work base:1 sh -c "$2"
}

# ---- Everything that can change ----
in_it '^done$' 'mkdir -p /new/deep; echo one >/new/deep/file; ln /new/deep/file /new/link; ln -s file /new/deep/s
    echo more >>/etc/passwd; chmod 600 /etc/group; rm -r /usr/share 2>/dev/null; mkfifo -m 640 /new/fifo
    touch -d "2001-02-03 04:05:06" /new/deep/file; chown 7:8 /new/deep/file; mv /bin /bin2 && /bin2/busybox ln -s bin2 /bin
    dd if=/dev/zero of=/sparse bs=1 count=1 seek=30000000 status=none; dd if=/dev/urandom of=/noise bs=1000 count=500 status=none
    sha256sum /noise >/sum; echo done'
in_it '^one one 981173106 7:8 2 file$' \
    'echo "$(cat /new/deep/file) $(cat /new/deep/s) $(stat -c "%Y %u:%g %h" /new/link) $(readlink /new/deep/s)"'
in_it '^more$' 'tail -n 1 /etc/passwd'
in_it '^600 640 fifo 30000001$' 'echo "$(stat -c %a /etc/group) $(stat -c "%a %F" /new/fifo) $(stat -c %s /sparse)"'
in_it '^/noise: OK$' 'sha256sum -c /sum'
in_it '^bin2$' 'readlink /bin'
gives 0 '^C /etc/passwd$' diff work
gives 0 '^C /etc/group$' diff work
gives 0 '^A /new/deep/file$' diff work
gives 0 '^A /bin2/busybox$' diff work
! grep -q '^[AD] /etc/passwd' "$scratch/out"
outcome 'what was changed is not added' $?
in_it '' 'rm -r /new /noise /sum /sparse; mkdir /new; echo other >/new/only; truncate -s 3 /etc/passwd'
in_it '^only$' 'ls /new'
in_it '^3$' 'stat -c %s /etc/passwd'

host=$(tarbox run --name work base:1 hostname | tr -d '\r')
in_it "^$host$" 'hostname'

# ---- What goes in and out ----
echo 'from the host' >"$scratch/file"
gives 0 '^[0-9a-f]{32}$' cp -q "$scratch/file" work:/new/came
in_it '^from the host$' 'cat /new/came'
gives 0 '' cp -q work:/new/only "$scratch/went"
[ "$(cat "$scratch/went")" = other ]
outcome 'what was copied out is there' $?
tarbox export work | tar -tf - >"$scratch/list"
grep -q '^./new/only$' "$scratch/list"
outcome 'export knows the container' $?

# ---- Its images ----
gives 0 '^[0-9a-f]{32}$' commit -c 'CMD ["cat", "/new/only"]' work made:2
gives 0 '^other$' run made:2
gives 125 'the container work needs that image' rmi base:1
[ "$(tarbox images -q | wc -l)" = 2 ]
outcome 'a container shows as no image' $?
gives 125 'was made from another image, base:1' run --name work made:2 true
gives 0 '' run --rm --name work base:1 touch /new
in_it '^only' 'ls /new'
gives 0 '^work +base:1 .* exited$' ps
"${tarbox[@]}" run --name held base:1 sh -c 'sleep 3' </dev/null >/dev/null 2>&1 &
held=$!
for _ in $(seq 100); do
    tarbox ps 2>/dev/null | grep -q '^held .* running' && break
    sleep 0.05
done
gives 125 'held is running already' run --name held base:1 true
gives 125 'held is running already' rm held
wait $held
gives 0 '^held$' rm held
gives 125 'there is no container held' rm held
gives 125 'there is no container nobody' diff nobody
gives 125 'cannot name a container' run --name -x base:1 true
gives 125 "cannot name a container" run --name 'a/b' base:1 true
gives 125 'leave --ephemeral out' run --ephemeral --name x base:1 true
gives 0 '' run --name aux base:1 true
gives 0 '^aux$' rm aux

# ---- Where processes are left when the first one ends ----
in_it '' '(while :; do echo x >>/growing; done) & (sleep 100) & sleep 0.2; echo kept >/last'
in_it '^kept$' 'cat /last'

# ---- Killed at any moment ----
gives 0 '' run --name count base:1 sh -c 'echo 0 >/count'
count=0 killed=0 attempts=0 us=1500000
while [ $killed -lt $kills ] && [ $attempts -lt $((kills * 10)) ]; do
    attempts=$((attempts + 1))
    "${tarbox[@]}" run --name count base:1 sh -c "echo $((count + 1)) >/count.new; mv /count.new /count
        dd if=/dev/urandom of=/noise bs=1000 count=1000 status=none" </dev/null >/dev/null 2>&1 &
    pid=$!
    sleep "$(awk -v us=$us -v r=$RANDOM 'BEGIN { print us * r / 32768 / 1e6 }')"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ $? = 137 ] && killed=$((killed + 1)) || us=$((us * 9 / 10))
    for _ in $(seq 100); do # Wine's program may outlive what started it
        tarbox ps | grep -q '^count .* running' || break
        sleep 0.1
    done
    now=$(tarbox run --name count base:1 cat /count | tr -d '\r')
    [ "$now" = $count ] || [ "$now" = $((count + 1)) ]
    outcome "killed after $count, it is at $now" $?
    count=$now
done
gives 0 ' 0 damaged' verify
gives 0 '^count$' rm count
gives 0 '^work$' rm work
gives 0 '^removed' rmi base:1
gives 0 '^other$' run made:2
[ $killed = $kills ]
outcome "$killed runs were killed in $attempts attempts" $?
finish
