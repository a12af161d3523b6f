# SPDX-License-Identifier: MIT
# A configure script of the usual kind, in small: probes, a cache, here-documents, sed programs,
# config.status; it makes a Makefile and a header from templates that it writes itself.
set -u

# ---- the source it configures ----
mkdir -p src
cat >src/config.h.in <<'END'
/* config.h.in */
#undef HAVE_AWK
#undef HAVE_NONE
#undef HAVE_SED
#undef HAVE_FIFO
#undef PACKAGE_NAME
#undef PACKAGE_VERSION
#undef SIZEOF_WORD
END
cat >src/Makefile.in <<'END'
prefix = @prefix@
bindir = @bindir@
SHELL = @SHELL@
INSTALL = @INSTALL@
AWK = @AWK@
VERSION = @PACKAGE_VERSION@
objects = @objects@
all: $(objects)
%.o: %.txt
	$(AWK) '{ print "$(VERSION)", $$0 }' $< > $@
END
for name in one two three four; do
    echo "source of $name" >src/$name.txt
done

# ---- the part that every such script begins with ----
as_nl='
'
export as_nl
if (test -n "${ZSH_VERSION+set}") >/dev/null 2>&1; then emulate sh; fi
as_echo='printf %s\n'
PS1='$ ' PS2='> ' PS4='+ '
LC_ALL=C
export LC_ALL
(unset CDPATH) >/dev/null 2>&1 && unset CDPATH
as_fn_unset() { { eval "$1="; unset "$1"; }; }
as_fn_set_status() { return "$1"; }
as_fn_exit() {
    set +e
    as_fn_set_status "$1"
    exit "$1"
}
as_fn_mkdir_p() {
    case $1 in -*) as_dir=./$1 ;; *) as_dir=$1 ;; esac
    test -d "$as_dir" || eval "mkdir -p $as_dir" || as_fn_error $? "cannot create $as_dir"
}
as_fn_error() {
    as_status=$1
    test "$as_status" -eq 0 && as_status=1
    $as_echo "configure: error: $2" >&2
    as_fn_exit "$as_status"
}
as_required='as_fn_return () { (exit $1); }
as_fn_success () { as_fn_return 0; }
as_fn_failure () { as_fn_return 1; }
exitcode=0
as_fn_success || { exitcode=1; echo as_fn_success failed.; }
as_fn_failure && { exitcode=1; echo as_fn_failure succeeded.; }
if ( set x; as_fn_return 1 && test x = "$1" ); then :; else :; fi
test x$exitcode = x0 || exit 1
as_lineno_1=1; as_lineno_2=2
test "x$as_lineno_1" != "x$as_lineno_2" || exit 1
test $(( 1 + 1 )) = 2 || exit 1'
if (eval "$as_required") 2>/dev/null; then as_have_required=yes; else as_have_required=no; fi
$as_echo "shell is suitable: $as_have_required"
for as_shell in sh bash dash mksh-musl no-such-shell; do
    if { $as_echo "$as_required" | $as_shell; } 2>/dev/null; then
        $as_echo "$as_shell would do"
    else
        $as_echo "$as_shell would not do: $?"
    fi
done
exec 6>&1 5>config.log 7</dev/null
cat >&5 <<END
This file contains any messages produced by compilers while
running configure.
END
trap 'exit_status=$?
    {
        echo "## exit $exit_status ##"
        (set) 2>&1 | sed -n "s/^\(ac_cv_[a-z_]*\)=.*/\1/p" | sort | head -n 3
    } >&5
    rm -rf conftest* confdefs*
    exit $exit_status' 0
for ac_signal in 1 2 13 15; do
    trap 'ac_signal='$ac_signal'; as_fn_exit 1' $ac_signal
done
: >confdefs.h

# ---- options ----
prefix=/usr/local bindir='${prefix}/bin' verbose=no with_extra=
set -- --prefix=/opt/x --with-extra=yes --disable-silent VARIABLE=value "$@"
ac_prev=
for ac_option; do
    if test -n "$ac_prev"; then
        eval "$ac_prev=\$ac_option"
        ac_prev=
        continue
    fi
    case $ac_option in
    *=?*) ac_optarg=$(expr "X$ac_option" : '[^=]*=\(.*\)') ;;
    *=) ac_optarg= ;;
    *) ac_optarg=yes ;;
    esac
    case $ac_option in
    -prefix=* | --prefix=*) prefix=$ac_optarg ;;
    -with-* | --with-*)
        ac_useropt=$(expr "x$ac_option" : 'x-*with-\([^=]*\)')
        ac_useropt=$($as_echo "$ac_useropt" | sed 's/[-+.]/_/g')
        eval "with_$ac_useropt=\$ac_optarg"
        ;;
    -disable-* | --disable-*)
        ac_useropt=$(expr "x$ac_option" : 'x-*disable-\(.*\)')
        eval "enable_$ac_useropt=no"
        ;;
    *=*)
        ac_envvar=$(expr "x$ac_option" : 'x\([^=]*\)=')
        eval "$ac_envvar=\$ac_optarg"
        export "$ac_envvar"
        ;;
    *) as_fn_error $? "unrecognized option: $ac_option" ;;
    esac
done
$as_echo "prefix $prefix, extra $with_extra, silent $enable_silent, VARIABLE $VARIABLE" >&6

# ---- probes ----
cache_file=config.cache
if test -r "$cache_file"; then . "./$cache_file"; fi
checking() { printf 'checking for %s... ' "$1" >&6; echo "checking for $1" >&5; }
result() { $as_echo "$1" >&6; echo "result: $1" >&5; }

find_program() { # VARIABLE PROGRAM...
    fp_var=$1
    shift
    for fp_name; do
        checking "$fp_name"
        eval "fp_value=\${ac_cv_prog_$fp_var-}"
        if test -n "$fp_value"; then
            result "(cached) $fp_value"
            return
        fi
        as_save_IFS=$IFS
        IFS=:
        for as_dir in $PATH; do
            IFS=$as_save_IFS
            test -z "$as_dir" && as_dir=.
            if test -x "$as_dir/$fp_name" && test -f "$as_dir/$fp_name"; then
                eval "ac_cv_prog_$fp_var=\$fp_name"
                echo "found $as_dir/$fp_name" >&5
                break
            fi
        done
        IFS=$as_save_IFS
        eval "fp_value=\${ac_cv_prog_$fp_var-}"
        result "${fp_value:-no}"
        test -n "$fp_value" && return
    done
    eval "ac_cv_prog_$fp_var=no"
}
find_program AWK gawk mawk no-such-awk awk
find_program SED gsed sed
find_program NONE no-such-program another-that-is-not
find_program INSTALL ginstall install
find_program AWK gawk

try() { # DESCRIPTION VARIABLE SCRIPT: does it succeed, and print "ok"?
    checking "$1"
    cat confdefs.h - >conftest.sh <<END
$3
END
    if { (eval echo "\"running $1\"") >&5; (sh conftest.sh) 2>conftest.err >conftest.out; ac_status=$?
        grep -v '^ *+' conftest.err >&5
        echo "\$? = $ac_status" >&5
        (exit $ac_status); } && test "$(cat conftest.out)" = ok; then
        eval "$2=yes"
    else
        eval "$2=no"
        sed 's/^/| /' conftest.sh >&5
    fi
    rm -f conftest.sh conftest.err conftest.out
    eval "result \$$2"
}
try 'functions' ac_cv_functions 'f () { echo ok; }
f'
try 'a syntax error' ac_cv_syntax 'if then fi'
try 'arithmetic' ac_cv_arithmetic 'test $((2 * 21)) = 42 && echo ok'
try 'a failure' ac_cv_failure 'exit 77'
try 'a signal' ac_cv_signal 'kill -TERM $$; echo ok'
try 'fifos' ac_cv_fifo 'rm -f conftest.p; mkfifo conftest.p && (echo ok >conftest.p &) && cat conftest.p'
try 'ls -l' ac_cv_ls 'test "$(ls -ld . | cut -c1)" = d && echo ok'
try 'expr' ac_cv_expr 'a=$(expr a/b : "\(.*\)/") && test "$a" = a && echo ok'
try 'echo -n' ac_cv_echo 'test "$(echo -n x)" = x && echo ok'
try 'mkdir -p' ac_cv_mkdir_p 'mkdir -p conftest.d/a/b && rmdir conftest.d/a/b && rm -r conftest.d && echo ok'
try 'ln -s' ac_cv_ln_s 'echo ok >conftest.f; ln -s conftest.f conftest.l && cat conftest.l'
try 'timestamps' ac_cv_time 'touch -d "2001-01-01 00:00:00" conftest.o; echo >conftest.n; test conftest.n -nt conftest.o && echo ok'

checking 'the size of a word'
low=1 high=1024
while test $((high - low)) -gt 1; do
    mid=$(((low + high) / 2))
    if (test $mid -le 8) 2>/dev/null; then low=$mid; else high=$mid; fi
done
ac_cv_sizeof_word=$low
result $ac_cv_sizeof_word
for ac_header in stdio.h unistd.h none.h; do
    as_ac_header=$($as_echo "ac_cv_header_$ac_header" | sed 'y%*+%pp%;s%[^_[:alnum:]]%_%g')
    eval "$as_ac_header=$(expr "$ac_header" : 'n' >/dev/null && echo no || echo yes)"
    eval "as_val=\$$as_ac_header"
    checking "$ac_header"
    result "$as_val"
done

# ---- cache ----
{
    set | sed -n "s/^\(ac_cv_[A-Za-z_]*\)='\{0,1\}\([^']*\)'\{0,1\}\$/\1=\${\1=\2}/p"
} | sort | uniq >confcache
if cmp -s "$cache_file" confcache; then :; else cat confcache >$cache_file; fi
rm -f confcache
$as_echo "cached: $(grep -c . $cache_file)" >&6

# ---- config.status ----
define() { echo "#define $1 $2" >>confdefs.h; }
test "$ac_cv_prog_AWK" != no && define HAVE_AWK 1
test "$ac_cv_prog_SED" != no && define HAVE_SED 1
test "$ac_cv_prog_NONE" != no && define HAVE_NONE 1
test "$ac_cv_fifo" = yes && define HAVE_FIFO 1
define PACKAGE_NAME '"small"'
define PACKAGE_VERSION '"1.2.3"'
define SIZEOF_WORD "$ac_cv_sizeof_word"
objects=
for f in src/*.txt; do objects="$objects $(echo "$f" | sed 's/txt$/o/')"; done
cat >config.status <<END
#!/bin/sh
# Generated by configure.
prefix='$prefix' bindir='$bindir' SHELL='/bin/sh'
INSTALL='$ac_cv_prog_INSTALL' AWK='$ac_cv_prog_AWK'
PACKAGE_VERSION='1.2.3'
objects='$objects'
defines='$(sed "s/'/'\\\\''/g" confdefs.h)'
END
cat >>config.status <<'END'
tmp=$(mktemp -d ./confXXXXXX) || exit 1
trap 'rm -rf "$tmp"' 0
for variable in prefix bindir SHELL INSTALL AWK PACKAGE_VERSION objects; do
    eval "value=\$$variable"
    value=$(printf '%s\n' "$value" | sed 's/[\\&|]/\\&/g')
    echo "s|@$variable@|$value|g"
done >"$tmp/subs.sed"
printf '%s\n' "$defines" |
    sed -n 's/^#define \([^ ]*\) \(.*\)$/s|^#undef \1$|#define \1 \2|/p' >"$tmp/defs.sed"
echo 's|^#undef \(.*\)$|/* #undef \1 */|' >>"$tmp/defs.sed"
for file in ${1+"$@"}; do
    case $file in
    *.h) program=$tmp/defs.sed ;;
    *) program=$tmp/subs.sed ;;
    esac
    echo "config.status: creating $file"
    sed -f "$program" "src/$(basename "$file").in" >"$tmp/out" || exit 1
    if cmp -s "$file" "$tmp/out"; then
        echo "config.status: $file is unchanged"
    else
        mv "$tmp/out" "$file"
    fi
done
END
chmod +x config.status
sh -n config.status || as_fn_error $? 'config.status is wrong'
./config.status config.h Makefile || as_fn_error $? 'could not create the files'
./config.status config.h
sed 's/^/config.h: /' config.h
sed 's/^/Makefile: /' Makefile
grep -c . config.log >/dev/null && echo 'the log is there'
make -j3 -s && cat src/*.o
make -q && echo 'up to date'
touch -d '2030-01-01' src/two.txt
make -n | grep -c awk
as_fn_error 5 'as it should'
