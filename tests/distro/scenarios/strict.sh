#!/bin/bash
# SPDX-License-Identifier: MIT
# bash as scripts for servers use it: errors end it, cleaning up behind it, in functions and pipes.
set -Eeuo pipefail

work=$(mktemp -d)
cleanup() {
    local code=$?
    echo "cleaning up after $code, $(find "$work" -type f | wc -l) files"
    rm -rf "$work"
}
trap cleanup EXIT
trap 'echo "error $? in ${FUNCNAME[0]:-main}, command: $BASH_COMMAND"' ERR

log() { printf '%s [%s] %s\n' "$((++lines))" "$1" "${*:2}"; }
lines=0

# ---- Here-documents and process substitution ----
name=world
cat >"$work/greeting" <<END
Hello, $name: $((6 * 7)) $(echo from a command)
END
cat >>"$work/greeting" <<'END'
Nothing is $expanded here.
END
cat >>"$work/greeting" <<-END
	Tabs go.
END
log info "$(wc -l <"$work/greeting") lines"
cat "$work/greeting"
while read -r key value; do log pair "$key=$value"; done < <(paste <(printf '%s\n' a b c) <(seq 3))
diff <(sort <<<$'b\na') <(printf 'a\nb\n') && log info "the same"
tee >(wc -c >"$work/count") >(md5sum >"$work/sum") <"$work/greeting" >/dev/null
for _ in {1..100}; do [ -s "$work/count" ] && [ -s "$work/sum" ] && break; sleep 0.02; done
log info "$(cat "$work/count") bytes, $(cut -c 1-8 "$work/sum")"

# ---- Functions, arrays, arithmetic ----
fibonacci() {
    local n=$1 a=0 b=1 t
    while ((n-- > 0)); do
        t=$((a + b)) a=$b b=$t
    done
    echo "$a"
}
declare -A table=()
for i in 5 10 20 40; do table[$i]=$(fibonacci "$i"); done
for i in $(printf '%s\n' "${!table[@]}" | sort -n); do log fib "$i ${table[$i]}"; done
stack=()
push() { stack+=("$1"); }
pop() { echo "${stack[-1]}"; }
push one; push 'two words'; push three
log stack "$(pop), ${#stack[@]} deep: ${stack[*]}"
quick_sort() {
    (($# < 2)) && { echo "$@"; return; }
    local pivot=$1 less=() more=() x
    for x in "${@:2}"; do ((x < pivot)) && less+=("$x") || more+=("$x"); done
    echo $(quick_sort "${less[@]}") "$pivot" $(quick_sort "${more[@]}")
}
log sorted "$(quick_sort 31 4 15 92 65 35 89 79 32 38)"

# ---- Jobs ----
for i in 1 2 3 4 5; do
    (sleep "0.0$((6 - i))"; echo "job $i" >"$work/job.$i"; exit $((i % 2))) &
    jobs[i]=$!
done
for i in 1 2 3 4 5; do
    if wait "${jobs[i]}"; then log job "$i ok"; else log job "$i failed with $?"; fi
done
cat "$work"/job.*
coproc BC { while read -r line; do echo "$((line * 2))"; done; }
coprocess=$BC_PID # gone with it
for i in 21 34; do
    echo "$i" >&"${BC[1]}"
    read -r doubled <&"${BC[0]}"
    log coproc "$doubled"
done
exec {BC[1]}>&-
wait "$coprocess" || true
sleep 10 &
sleeper=$!
until [[ $(ps -o comm= -p $sleeper) == sleep ]]; do sleep 0.01; done
kill -STOP $sleeper
until [[ $(ps -o stat= -p $sleeper) == T* ]]; do sleep 0.01; done
log jobs "stopped"
kill -TERM $sleeper
kill -CONT $sleeper
wait $sleeper || log jobs "ended with $?"

# ---- Signals ----
received=0
trap 'received=$((received + 1))' USR1
for _ in 1 2 3; do kill -USR1 $$; done
log signals "$received"
(trap 'echo "inner got TERM"; exit 7' TERM; kill -TERM "$BASHPID"; sleep 5) || log signals "inner ended with $?"
timeout 0.2 sleep 5 || log timeout "$?"

# ---- Files ----
mkdir -p "$work/tree"/{a,b}/{c,d}
for d in "$work"/tree/*/*; do echo "${d#"$work"/}" >"$d/file"; done
find "$work/tree" -type f -print0 | xargs -0 -P4 -n1 cat | sort
tar -C "$work" -cf - tree | tar -tf - | sort | head -n 4
exec {lock}>"$work/lock"
flock "$lock"
flock -n "$work/lock" true || log lock "is held"
flock -u "$lock"
flock -n "$work/lock" echo "now free"
printf '%s\n' {1..2000} | sort -R --random-source=/dev/zero | sort -n | awk '{ s += $1 } END { print s }'

# ---- An error at last ----
fails() {
    log info "about to fail"
    grep -q nothing "$work/greeting"
    log info "never here"
}
fails
