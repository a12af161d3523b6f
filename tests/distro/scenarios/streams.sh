#!/bin/dash
# SPDX-License-Identifier: MIT
# dash: redirections, here-documents, traps, pipes and their codes, as configure scripts use them.
set -eu

check() {
    printf 'checking %s... ' "$1"
    shift
    if "$@" >>config.log 2>&1; then echo yes; else echo "no ($?)"; fi
}

cat >config.h.in <<'END'
#undef HAVE_SED
#undef HAVE_NOTHING
@version@
END
version=1.2.3
for program in sed nothing-of-the-kind; do
    upper=$(echo $program | tr a-z A-Z | tr - _)
    if command -v $program >/dev/null 2>&1; then
        echo "s/#undef HAVE_$upper\$/#define HAVE_$upper 1/"
    else
        echo "s/#undef \(HAVE_NOTHING\)\$/\/* \1 *\//"
    fi
done >script.sed
echo "s/@version@/$version/" >>script.sed
sed -f script.sed config.h.in >config.h
cat config.h

check 'true' true
check 'false' false
check 'a missing program' /no/such/program
check 'sed' sed -n 1p config.h
check 'a signal' sh -c 'kill -TERM $$'
wc -l <config.log | sed 's/[0-9].*/n/'

# ---- Descriptors ----
exec 3>out.3 4>&1
echo three >&3
echo four >&4
{ echo inner; echo to error >&2; } 2>&1 | sed 's/^/| /'
exec 3>&- 4>&-
cat out.3
( exec >all 2>&1; echo out; echo err >&2; ls /no/such/file || true )
sed 's/ls: .*/ls: message/' all
echo appended >>all
wc -l <all
read first <all
echo "$first"
exec 5<config.h.in
read a <&5; read b <&5
echo "$b after $a"
exec 5<&-
: >empty
[ -s empty ] || echo empty
echo text | { read x; echo "read $x"; }
x=$(echo out; echo err >&2) 2>err
echo "$x"; cat err 2>/dev/null || true

# ---- Here-documents in loops and functions ----
emit() { cat <<END
item $1: \$escaped $(echo "nested $1") `echo ticks`
END
}
for i in 1 2 3; do emit $i; done
while read -r name value; do
    case $name in
    '#'*) continue ;;
    [a-m]*) echo "first half: $name=$value" ;;
    *) echo "second half: $name=$value" ;;
    esac
done <<END
# comment
alpha 1
zeta 2 and more
END

# ---- Traps and subshells ----
trap 'echo "bye, $?"' 0
(trap 'echo "inner bye"' 0; exit 3) || echo "inner: $?"
trap 'echo hup' HUP
kill -HUP $$
trap - HUP
sh -c 'trap "" TERM; kill -TERM $$; echo immune'
sh -c 'kill -HUP $$' || echo "ended: $?"
n=0
while [ $n -lt 200 ]; do n=$((n + 1)); : "$(echo $n)"; done
echo $n
seq 1 5000 | while read -r i; do [ $((i % 1000)) -ne 0 ] || echo $i; done
mkfifo pipe
for i in 1 2 3; do echo "through $i" >pipe & cat pipe; wait; done
set +e
false | true; echo $?
true | false; echo $?
(exit 9) & wait $!; echo $?
umask 027; touch masked; ls -l masked | cut -c 1-10
eval 'for i in a b; do echo "$i"; done'
set -- one 'two three' four; shift; echo "$# $1"
IFS=:; set -- $PATH; echo "$#"; unset IFS
printf '%s %5d %-5s|\n' s 42 l
echo "${undefined:-default} ${version%.*} ${version##*.}"
exit 5
