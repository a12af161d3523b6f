# SPDX-License-Identifier: MIT
# Traps, signals between shells, exit codes of signals, what subshells do with traps.
set -u

# ---- the shell itself ----
trap 'echo usr1' USR1
trap 'echo usr2; trap - USR2' USR2
kill -USR1 $$
kill -USR2 $$
kill -USR1 $$
echo "after: $?"
trap '' TERM
kill -TERM $$
echo 'TERM ignored'
trap - TERM
trap 'echo "exit trap, code $?"' EXIT

# ---- children and their codes ----
for signal in HUP INT TERM KILL ABRT SEGV USR1 ALRM; do
    sh -c "kill -$signal \$\$; echo not reached" 2>/dev/null
    echo "$signal: $?"
done
(exit 7)
echo "subshell: $?"
sh -c 'trap "echo inner exit" EXIT; exit 9'
echo "inner: $?"
sh -c 'trap "echo term in inner; exit 3" TERM; kill -TERM $$; echo unreached'
echo "inner trap: $?"
sh -c 'trap "exit 11" EXIT; exit 9'
echo "exit in exit trap: $?"
sh -c 'trap "echo bye" EXIT; kill -TERM $$' 2>/dev/null
echo "killed with exit trap: $?"

# ---- traps in subshells ----
trap 'echo outer' USR1
(
    trap 'echo "subshell exit"' EXIT
    echo 'in subshell'
)
(trap 'echo own' USR1; sh -c 'kill -USR1 $PPID'; echo 'after own')
echo "$(trap 'echo exit of substitution' EXIT; echo substituted)"

# ---- a child signals its parent, which waits for it in the foreground ----
sh -c 'kill -USR1 '$$'; exit 5'
echo "signalled: $?"
(sh -c 'kill -USR1 '$$)
echo "from a subshell: $?"
x=$(sh -c 'kill -USR1 '$$'; echo substituted')
echo "$x"
kill -USR1 $$ | cat
sh -c 'kill -0 $PPID && echo "the parent is there"'

# ---- ignored signals are ignored in children too ----
trap '' INT
sh -c 'kill -INT $$; echo survived'
trap - INT
sh -c 'kill -INT $$; echo not reached'
echo "INT again: $?"

# ---- nested shells, each with a trap ----
sh -c 'trap "echo one" EXIT
sh -c "trap \"echo two\" EXIT
sh -c \"trap \\\"echo three\\\" EXIT; exit 1\" || echo three failed
exit 2" || echo two failed
exit 3'
echo "nested: $?"

cleanup() {
    echo "cleanup $1"
    rm -f temporary
}
work() (
    trap 'cleanup "$name"' EXIT
    name=$1
    echo data >temporary
    [ "$name" = fails ] && exit 6
    cat temporary
)
work well
echo "work: $?"
work fails
echo "work: $?"
[ -e temporary ] && echo 'left behind'
set -e
false || echo 'no exit after ||'
if false; then :; fi
! true
(set +e; false; echo 'not in a subshell with +e')
code=0
(set -e; false; echo unreached) || code=$?
echo "the last: $code"
false
echo unreached
