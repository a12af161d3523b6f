# SPDX-License-Identifier: MIT
# gosu, a program in Go that becomes another user and starts others, as entry points of images do.
set -u

gosu user sh -c 'id -u; id -g; echo "$HOME"'
gosu 1000:0 id -u
gosu user sh -c 'exit 7'
echo "code: $?"
gosu user sh -c 'kill -TERM $$'
echo "killed: $?"
echo input | gosu user sh -c 'read -r x; echo "read $x"; : >/root/none' 2>/dev/null
echo "not allowed: $(($? != 0))"
gosu user gosu root id -u 2>/dev/null
echo "not back: $(($? != 0))"
gosu nobody-of-this-name true 2>/dev/null
echo "no such user: $?"
gosu user no-such-command 2>/dev/null
echo "no such command: $?"
for i in 1 2 3 4 5 6; do gosu user sh -c "echo $i" & done | sort
gosu root sh -c 'echo $((6 * 7)) | gosu user cat'
x=$(gosu user sh -c 'seq 1 1000 | tail -n 1')
echo "$x"
gosu user sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.01; done' >ready &
while [ ! -s ready ]; do sleep 0.01; done
kill -TERM $!
wait $!
echo "told: $?"
