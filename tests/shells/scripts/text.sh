# SPDX-License-Identifier: MIT
# Here-documents, substitution, expansion, arithmetic, case, read, getopts, functions.
set -u

# ---- here-documents ----
name=world
cat <<END
Hello, $name: $((6 * 7)) $(echo substituted) \$escaped \\ `echo backquotes`
END
cat <<'END'
Hello, $name: $((6 * 7)) $(echo not) \$
END
cat <<-END
	tabs are removed
		all of them: $name
	END
cat <<ONE - <<TWO
first
ONE
second
TWO
while read -r a b rest; do echo "[$a] [$b] [$rest]"; done <<END
one two three four
  leading and   blanks  
single
back\slash stays
END
i=0
while [ $i -lt 3 ]; do
    cat <<END
document $i
END
    i=$((i + 1))
done | tr a-z A-Z
long=$(seq 1 20000)
cat <<END | md5sum
$long
END
cat <<END | wc -c
$(seq 1 5000)
$(seq 1 5000)
END

# ---- command substitution ----
echo $(echo a $(echo b $(echo c $(echo d $(echo e $(echo f))))))
echo "$(echo "$(echo "$(echo "$(echo "$(printf '%s\n' 'five  deep' '')")")")")|"
x=$(printf 'line\n\n\n')
echo "[$x]"
x=$(exit 3)
echo "code of an assignment: $?"
x=$(echo out; echo err >&2) 2>/dev/null
echo "[$x]"
echo "$(cat <<END
in a substitution: $(echo twice)
END
)"
f() { echo "f($*)"; }
echo "$(f 1 2)" "$(f "$(f 3)")"
n=0
for word in $(seq 1 300); do n=$((n + word)); done
echo $n
x=$(for i in 1 2 3; do (echo "$i"; for j in a b; do echo "$(echo "$i$j")"; done); done)
echo $x

# ---- expansion ----
path=/usr/local/lib/libfoo.so.1.2
echo "${path##*/} ${path%/*} ${path%%.*} ${path#*/} ${#path}"
unset u
echo "${u:-default} ${u-dash} ${u:+set} ${u:=assigned} $u"
empty=
echo "[${empty:-default}] [${empty-dash}] [${empty:+set}] [${empty+set}]"
(echo "${none:?is not set}") 2>/dev/null
echo "code: $(($? != 0))"
set -- one 'two words' '' four
echo "$# $1 $2 $3 $4"
for a in "$@"; do printf '<%s>' "$a"; done
for a in "$*"; do printf '(%s)' "$a"; done
IFS=:
echo "$*"
list=a:b::c
for a in $list; do printf '{%s}' "$a"; done
echo
unset IFS
shift 2
echo "$# $*"
echo ~root/x "$HOME" | tr -d '\n' | wc -c
set -f
echo *.none
set +f
mkdir globs
cd globs
touch a.c b.c c.h .hidden 'sp ace.c' '[x].c'
echo *
echo *.c
echo ?.c [ab].c [!ab].* \*.c
echo .h*
for f in *.c; do echo "$f"; done | sort
cd ..
rm -r globs

# ---- arithmetic ----
echo $((1 + 2 * 3 - 4 / 2 % 3)) $(((1 << 20) | 0xff)) $((010 + 1)) $((7 > 3 && 2 > 1)) $((5 == 5 ? 10 : 20))
a=5
echo $((a += 3)) $((a * a)) $((-a)) $((~a)) $((!a)) $a
fib() {
    if [ "$1" -lt 2 ]; then echo "$1"; else echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); fi
}
fib 7
i=0 sum=0
while [ $i -lt 1000 ]; do
    i=$((i + 1))
    [ $((i % 3)) -eq 0 ] || continue
    [ $i -gt 900 ] && break
    sum=$((sum + i))
done
echo $sum

# ---- case, test, loops ----
for word in apple banana 123 '' 'a b' '*' file.tar.gz; do
    case $word in
    a*) echo "$word: a" ;;
    [0-9]*) echo "$word: digits" ;;
    '') echo 'empty' ;;
    \*) echo star ;;
    *.tar.gz | *.tgz) echo "$word: archive" ;;
    *) echo "$word: other" ;;
    esac
done
touch file
ln -s file link
mkdir dir
for test in '-f file' '-d dir' '-L link' '-e none' '-s file' '-r file' '-x file' '-n x' '-z x' \
    '1 -eq 01' 'a = b' 'a != b' '! -e none' '-d file -o -f file' 'dir -nt none'; do
    # shellcheck disable=SC2086
    if [ $test ]; then echo "$test: yes"; else echo "$test: no"; fi
done
rm -r file link dir
until [ $i -lt 995 ]; do i=$((i - 1)); done
echo $i
for i in 1 2 3; do
    for j in a b c; do
        [ $j = b ] && continue 2
        [ $i = 3 ] && break 2
        echo $i$j
    done
done

# ---- read ----
printf 'a b c\nd\\\ne f\nlast without end' | while read x y || [ -n "$x" ]; do echo "<$x><$y>"; done
printf 'k1=v1\nk2=v 2\n# no\n' | while IFS='=' read -r k v; do echo "$k -> $v"; done
echo one:two:three | { IFS=: read -r a b; echo "$a,$b"; }
seq 1 3000 | { n=0; while read -r x; do n=$((n + x)); done; echo $n; }
{ read -r a; read -r b; read -r c || c=none; echo "$a$b$c"; } <<END
1
2
END

# ---- getopts ----
options() {
    OPTIND=1
    verbose=0 output=none
    while getopts :vo:x opt "$@"; do
        case $opt in
        v) verbose=$((verbose + 1)) ;;
        o) output=$OPTARG ;;
        x) echo x ;;
        :) echo "no argument for $OPTARG" ;;
        \?) echo "unknown $OPTARG" ;;
        esac
    done
    shift $((OPTIND - 1))
    echo "verbose $verbose, output $output, rest $*"
}
options -v -v -o file a b
options -vvx -ofile -- -a
options -q -o

# ---- functions, recursion, redirections ----
hanoi() {
    [ "$1" -eq 0 ] && return
    hanoi $(($1 - 1)) "$2" "$4" "$3"
    moves=$((moves + 1))
    hanoi $(($1 - 1)) "$4" "$3" "$2"
}
moves=0
hanoi 6 A B C
echo "moves: $moves"
returns() { return "$1"; }
for c in 0 1 127 255; do returns $c; echo "returned $?"; done
log() { echo "log: $*"; } >>log.txt
log one
log two
cat log.txt
{ echo out; echo err >&2; } >both.txt 2>&1
cat both.txt
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/piped: /'
exec 3>three.txt 4<log.txt
echo 'to three' >&3
read -r line <&4
exec 3>&- 4<&-
echo "$line; $(cat three.txt)"
echo append >>three.txt
wc -l <three.txt
: >three.txt
[ -s three.txt ] || echo 'truncated'
cat <three.txt - <<END
from the document
END
(cd / && pwd)
pwd | sed 's|.*/||' | wc -l
rm -f log.txt both.txt three.txt
eval 'echo "eval: $name"; a=$((a + 1))'
echo "$a"
alias_test=$(command -v cd)
echo "$alias_test"
printf '%s %5d|%-5s|%05.1f|%x|%o|%c|%%|%b\n' str 42 ab 3.14159 255 8 char 'a\tb'
echo "umask $(umask 027; umask)"
