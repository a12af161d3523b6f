#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tarbox cp: what comes out of an image and goes into one, compared with what tar and cp do.
#
#   tests/store/cp.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"
cd "$scratch" || exit 1

# Does the host have modes, symbolic links and any names?  Windows has not, or not for everybody.
windows=0 links_left=
[[ "${tarbox[*]}" != *.exe* ]] || windows=1 links_left='symbolic links were left out'

# list FOLDER [all]: what is in it, a line each; on Windows modes and links only with `all`.
list() {
    local links=() mode='%m'
    if [ $windows = 1 ] && [ "${2-}" != all ]; then
        links=(! -type l) mode=-
    fi
    # Times have units of 100 ns there.  The number of a directory's links is not everywhere one.
    (cd "$1" && find . "${links[@]}" -printf "%P %y $mode %n %T@ %l " \
        \( -type f -printf '%s' -o -true \) -printf '\n') |
        sed -E 's/(\.[0-9]{7})[0-9]+/\1/; s/ d ([-0-7]+) [0-9]+/ d \1/' | sort
}

# same NAME A B [PATTERN [all]]: two folders hold the same; lines of the lists that match the
# pattern do not count.
same() {
    local code=0 file
    list "$2" "${5-}" | grep -avE -- "${4:-^$}" >"$scratch/a.list"
    list "$3" "${5-}" | grep -avE -- "${4:-^$}" >"$scratch/b.list"
    diff "$scratch/a.list" "$scratch/b.list" >"$scratch/diff" || code=1
    while read -r -d '' file; do
        cmp "$2/$file" "$3/$file" >>"$scratch/diff" 2>&1 || code=1
    done < <(cd "$2" && find . -type f -print0)
    outcome "$1: $(head -n 5 "$scratch/diff")" $code
}

# is NAME COMMAND...: a command succeeds.
is() {
    local name=$1
    shift
    "$@" >/dev/null 2>&1
    outcome "$name" $?
}

# holds FILE TEXT
holds() {
    is "$1 holds $2" [ "$(cat "$1")" = "$2" ]
}

# image NAME FOLDER: import it, links and all.
image() {
    tar -C "$2" --sparse --format=pax -cf "$scratch/image.tar" . &&
        tarbox import -q "$scratch/image.tar" "$1" >/dev/null
    outcome "import $2" $?
}

# unpack IMAGE FOLDER: its tree by way of tar.
unpack() {
    rm -rf "$2" && mkdir "$2" && tarbox export "$1" | tar -C "$2" -xp 2>/dev/null
}

id_of() {
    tarbox images -q --digests "$1"
}

# ---- A tree with everything ----
mkdir -p tree/etc/conf.d tree/data/deep/er tree/empty "tree/with blank"
echo one >tree/etc/one
echo two >tree/etc/conf.d/two
ln tree/etc/one tree/data/hard
ln tree/etc/one tree/data/deep/hard2
truncate -s 3M tree/data/hole
printf end | dd of=tree/data/hole bs=1 seek=2000000 conv=notrunc status=none
truncate -s 1M tree/data/zeros
head -c 300000 /dev/urandom >tree/data/random
cp "$root/bin/busybox" tree/data/program
: >tree/data/nothing
echo old >tree/data/old
echo sesame-7 >tree/data/secret
echo x >"tree/with blank/$(printf 'sm\xc3\xb8rrebr\xc3\xb8d')"
echo deep >tree/data/deep/er/file
chmod 4755 tree/data/program
chmod 0600 tree/data/secret
chmod 0400 tree/data/old
chmod 0711 tree/etc/conf.d
ln -s one tree/etc/link
ln -s /etc/one tree/etc/absolute
ln -s ../../../../../../etc/one tree/etc/up
ln -s nowhere tree/etc/dangling
ln -s ../etc tree/data/dir
ln -s loop tree/data/loop
touch -d '1969-07-20 20:17:40.25' tree/data/old
touch -d '2001-02-03 04:05:06.1234567' tree/data/deep tree/etc
touch -d '2002-02-02' tree/data tree
mkfifo tree/etc/conf.d/fifo
image img tree
rm tree/etc/conf.d/fifo

# ---- Out: all of it ----
gives 0 '^tarbox cp: 1 devices, fifos or sockets were left out' cp img:/ all
same 'the whole tree' tree all '^etc/conf.d d'
mkdir there && touch -d '2004-04-04' there
gives 0 'left out' cp img:/. there
same 'the whole tree into a folder that is there' tree there '^etc/conf.d d|^ d'
is 'that folder keeps its mode' [ "$(stat -c %a there)" = "$(mkdir new && stat -c %a new)" ]
mkdir two && cp -a tree/. two && cp -a tree/data/. two
gives 0 "$links_left" cp img:/data/. there
same 'contents over contents' two there '^etc/conf.d d|^ d'
gives 0 'left out' cp img:/. there
same 'the same once more' two there '^etc/conf.d d|^ d'

# ---- Out: docker's rules ----
mkdir in && echo keep >in/keep && echo was >in/one && echo longer than before >old
gives 0 '' cp img:/etc/one one
gives 0 '' cp img:etc/one one2
gives 0 '' cp img:/etc/./conf.d/../one in
gives 0 '' cp img:/etc/one ./in/
gives 0 '' cp img:/../../etc/one old
for file in one one2 in/one old; do holds $file one; done
is 'with its time' [ "$(stat -c %Y one)" = "$(stat -c %Y tree/etc/one)" ]
gives 125 '^tarbox cp: there is no folder none/; make it first' cp img:/etc/one none/
gives 125 'the folder that none/x would be in is not there' cp img:/etc/one none/x
gives 125 'the folder that none/x would be in is not there' cp img:/etc none/x
gives 125 'in/keep/?( is no folder|: Not a directory)' cp img:/etc/one in/keep/
gives 125 'cannot copy a directory over in/keep' cp img:/etc in/keep
gives 125 'cannot copy a directory over in/keep' cp img:/etc/. in/keep
gives 125 'there is no /nothing in the image' cp img:/nothing .
gives 125 'cannot copy /etc/one/x of the image: Not a directory' cp img:/etc/one/x .
gives 125 '/etc/one/ is no directory in the image' cp img:/etc/one/ .
gives 125 '/etc/one/. is no directory in the image' cp img:/etc/one/. .
gives 125 'fifo is a device, fifo or socket, which is not copied' cp img:/etc/conf.d/fifo .
gives 125 'Too many levels' cp img:/data/loop/x .
gives 125 'Too many levels' cp -L img:/data/loop .
holds in/keep keep

rm in/*
mkdir expect && cp -a "tree/with blank" expect/ && cp -a "tree/with blank" expect/new &&
    cp -a tree/data/deep expect/new2 && cp -a tree/data/deep expect/new3 && cp -a tree/empty expect
gives 0 '' cp 'img:/with blank' in
gives 0 '' cp 'img:/with blank' in/new
gives 0 '' cp img:/data/deep/. in/new2
gives 0 '' cp img:/data/deep/ in/new3/
gives 0 '' cp img:/empty in/.
(cd in && gives 0 '' cp img:/empty .)
same 'folders into a folder and to new names' expect in '^ d|hard2 '
mkdir -p kinds/one kinds2 && echo file >kinds2/conf.d
gives 125 'kinds[/\\]one is not copied: a folder is there' cp img:/etc/one kinds
gives 125 'kinds2[/\\]conf.d is not copied: something that is no folder is there' \
    cp img:/etc/. kinds2
holds kinds2/one one
holds kinds2/conf.d file

# ---- Out: links ----
if [ $windows = 0 ]; then
    gives 0 '' cp img:/etc/link .
    is 'a link is copied as one' [ "$(readlink link)" = one ]
    gives 0 '' cp -L img:/etc/link in
    gives 0 '' cp -L img:/etc/absolute in
    gives 0 '' cp -L img:/etc/up in
    gives 0 '' cp img:/data/dir/one in/through
    for file in link absolute up through; do
        holds in/$file one
        is 'links are followed within the image' [ ! -L in/$file ]
    done
    gives 0 '' cp img:/data/dir in
    is 'a link to a directory is one, too' [ -L in/dir ]
    gives 0 'left out' cp img:/data/dir/ sub
    gives 0 'left out' cp -L img:/data/dir sub2
    same 'with a slash it is the directory' sub sub2
    gives 125 'there is no /etc/dangling in the image' cp -L img:/etc/dangling .
    mkdir outside real && ln -s ../outside real/etc && ln -s ../outside/one real/one
    gives 125 'real/etc is not copied: something that is no folder is there' cp img:/etc real
    gives 0 '' cp img:/etc/one real
    is 'a link in the way is not followed' [ -z "$(ls -A outside)" ]
    is 'but replaced' [ ! -L real/one ]
    ln -s outside dest && ln -s outside/file destfile
    gives 0 '' cp img:/etc/one dest
    gives 0 '' cp img:/etc/one destfile
    holds outside/one one
    holds outside/file one
    is 'a link that the user names is followed' [ -L destfile ]
    gives 0 '' cp img:/data/secret .
    is 'a mode is kept' [ "$(stat -c %a secret)" = 600 ]
    gives 0 '' cp img:/etc/one ./a:b
    holds a:b one
else
    rm one
    gives 125 'you may not make symbolic links here' cp img:/etc/link .
    gives 0 '' cp -L img:/etc/link followed
    holds followed one
    here=Z:${PWD//\//\\}
    gives 0 '' cp img:/etc/one "$here\\drive"
    gives 0 '' cp img:/etc/one "$here\\in\\"
    gives 0 '' cp img:/etc/one Z:
    for file in drive in/one one; do holds $file one; done
    gives 0 '^tarbox cp: 4 symbolic links were left out: you may not make them' cp img:/etc links
fi

# ---- Out: as a tar ----
members() {
    tarbox cp "$@" - | tar -t 2>&1 | sort | tr '\n' ' '
}
is 'a directory as a tar' [ "$(members img:/data/deep)" = \
    'deep/ deep/er/ deep/er/file deep/hard2 ' ]
is 'contents as a tar' [ "$(members img:/data/deep/.)" = './ ./er/ ./er/file ./hard2 ' ]
is 'a link as a tar' [ "$(members img:/etc/link)" = 'link ' ]
is 'what it leads to as a tar' [ "$(tarbox cp -L img:/etc/link - | tar -xO link)" = one ]
is 'everything as a tar' cmp <(tarbox cp img:/ -) <(tarbox export img)
gives 125 'there is no /nothing' cp img:/nothing -
mkdir tarred && tarbox cp img:/data - | tar -C tarred -xp
same 'what tar makes of it' tree/data tarred/data '^hard |hard2 |^ d' all

# ---- Names that Windows has not ----
mkdir -p names/dir/aux
n=0
for name in a:b README readme trail. con.txt "$(printf 'tab\tx')" fine aux/below "$(printf '\xff')"; do
    echo $((++n)) >"names/dir/$name"
done
image names names
if [ $windows = 0 ]; then
    gives 0 '' cp names:/dir odd
    same 'any names' names/dir odd
else
    gives 125 '^tarbox cp: what is named above was left out, 7 in all; the rest is copied' cp names:/dir odd
    cp out odd.out
    for text in 'odd[/\\]a:b is not copied: it has one of' 'aux is not copied: it has the name of a' \
        'readme is not copied: .* differs only in case' 'trail. is not copied: .* ends in a dot' \
        'con.txt is not copied: it has the name' 'tab.x is not copied: it has a control' \
        'is not copied: it has a name that is not UTF-8'; do
        is "names that Windows has not: $text" grep -qE -- "$text" odd.out
    done
    is 'the rest is copied' [ "$(ls odd | LC_ALL=C sort | tr '\n' ' ')" = 'README fine ' ]
    holds odd/README 2
    gives 125 'aux is not copied' cp names:/dir/aux .
    gives 0 '' cp names:/dir/aux fine
    holds fine/below 8
fi

# ---- In: docker's rules, against cp -a ----
cp -a tree base && mkdir -p base/srv/here base/srv/kinds/a base/srv/kinds2
echo 1 >base/srv/here/file && echo 2 >base/srv/kinds2/sub
ln -s here base/srv/way && ln -s here/file base/srv/tofile && mkfifo base/srv/fifo
image img base
unpack img hand
old=$(id_of img)
packs=$(find "$TARBOX_ROOT/packs" -name '*.pack')
# shellcheck disable=SC2086
sums=$(md5sum $packs)
mkdir -p src/sub/in && echo a >src/a && echo b >src/sub/b && echo c >src/sub/in/c
head -c 200000 /dev/urandom >src/random && ln src/a src/hard
touch -d '2003-03-03 03:03:03.03' src/a src/sub src
chmod -R 755 src # Windows has no others
if [ $windows = 0 ]; then
    ln -s a src/link && ln -s sub src/sublink && mkfifo src/sub/fifo
    chmod 640 src/sub/b && chmod 4711 src/a
fi

# into SOURCE PATH COPY...: cp SOURCE img:PATH, and what cp makes of COPY... in the folder `hand`.
into() {
    local what='^[0-9a-f]{32}$'
    gives 0 "$what" cp "$1" "img:$2"
    is 'the id is printed' [ "$(tail -n 1 "$scratch/out")" = "$(id_of img)" ]
    shift 2
    cp -a "$@"
}

# The image has become what `hand` is; directories that were added to keep their times in an image.
agrees() {
    unpack img got
    same "$1" hand got '^(etc|srv|srv/here|srv/here/src|srv/sublink/in|) d|(^|/)fifo p' all
}

into src/a /srv/new src/a hand/srv/new
is 'the image under the name is another' [ "$(id_of img)" != "$old" ]
# shellcheck disable=SC2086
is 'packs do not change' [ "$(md5sum $packs)" = "$sums" ]
is 'and only what is new is written' [ -z "$(find "$TARBOX_ROOT/packs" -newer src/random -size +8k)" ]
agrees 'a file to a new name'
into src/a /srv/here src/a hand/srv/here/a
into src/random srv/here/file src/random hand/srv/here/file
into src/a /srv/way/x src/a hand/srv/here/x
into src/a /srv/here/../way/ src/a hand/srv/here/a
into src/random /srv/tofile src/random hand/srv/here/file
into src/random /etc/up src/random hand/etc/one
agrees 'files into a directory, over a file, through links'
into src /srv/here src hand/srv/here/src
into src/. /srv/here src/. hand/srv/here
into src /srv/new2 src hand/srv/new2
into src/sub/. /srv/new3 src/sub hand/srv/new3
into src/ /srv/new4/ src hand/srv/new4
cd src/sub || exit 1
into . /srv/new5 ../sub ../../hand/srv/new5
into .. /srv/here/src ../../src ../../hand/srv/here/src/src
cd ../.. || exit 1
into "$PWD/src/sub" / src/sub hand/sub
into src/sub /srv/here/src src/sub hand/srv/here/src
agrees 'folders into a directory and to new names'
if [ $windows = 0 ]; then
    into src/link /srv/here/sub src/link hand/srv/here/sub
    gives 0 '^[0-9a-f]{32}$' cp -L src/link img:/srv/here/sub/in/
    gives 0 '^[0-9a-f]{32}$' cp -L src/sublink img:/srv/
    gives 0 'fifos or sockets were left out' cp src/sublink/. img:/srv/sublink/in
    cp -a src/a hand/srv/here/sub/in/link && cp -a src/sub hand/srv/sublink &&
        cp -a src/sub/. hand/srv/sublink/in
    touch -d '2001-02-03 04:05:06.1234567' hand/srv/here/sub
    gives 0 '^[0-9a-f]{32}$' cp src/sub img:/srv/here
    cp -a src/sub hand/srv/here
    agrees 'links'
fi

if [ $windows = 1 ]; then
    gives 0 '^[0-9a-f]{32}$' cp "$here\\src\\a" img:/srv/drive
    gives 0 '^[0-9a-f]{32}$' cp "$here\\src\\sub\\." img:/srv/drives
    cp -a src/a hand/srv/drive && cp -a src/sub hand/srv/drives
    agrees 'paths with drives'
fi

# ---- In: all else of the tree stays as it was ----
python3 - <<'END'
import io, tarfile
with tarfile.open('attributes.tar', 'w', format=tarfile.PAX_FORMAT) as tar:
    def add(name, kind=tarfile.REGTYPE, data=b'', **more):
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.mtime, member.size = kind, 0o755, 1e9 + 0.25, len(data)
        for key, value in more.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(data))
    add('d', tarfile.DIRTYPE, uid=7, gid=8, pax_headers={'SCHILY.xattr.user.d': 'dir'})
    add('d/f', data=b'file')
    add('d/x', data=b'with', uid=4000000000, pax_headers={
        'SCHILY.xattr.user.b': 'two', 'SCHILY.xattr.security.capability': 'one'})
    add('d/h', tarfile.LNKTYPE, linkname='d/x')
    add('d/c', tarfile.CHRTYPE, devmajor=5, devminor=300)
    add('d/p', tarfile.FIFOTYPE, mode=0o6751)
    add('d/s', tarfile.SYMTYPE, linkname='../nowhere', mtime=-1.5)
    add('e', data=b'')
    add('z', data=bytes(200000) + b'end' + bytes(100000))
END
tree_of() {
    tarbox inspect "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Tree"])'
}
tarbox import -q attributes.tar attributes >first
key=$(tree_of attributes)
gives 0 '' cp attributes:/d/f f
if [ $windows = 1 ] || [ "$(id -u)" = 0 ]; then
    gives 0 '^[0-9a-f]{32}$' cp f attributes:/d/f
    is 'a copy of what was there gives the same tree' [ "$(tree_of attributes)" = "$key" ]
    is 'in another image' [ "$(id_of attributes)" != "$(cat first)" ]
fi
touch -d '2005-05-05' f
gives 0 '^[0-9a-f]{32}$' cp f attributes:/d/f
is 'a changed time gives another' [ "$(tree_of attributes)" != "$key" ]

# ---- In: what is refused changes nothing ----
before=$(id_of img)
gives 125 'there is no directory /none/ in the image' cp src/a img:/none/
gives 125 'cannot copy to /none/x of the image: No such file' cp src/a img:/none/x
gives 125 'cannot copy to /none/x of the image: No such file' cp src img:/none/x
gives 125 '/srv/new/ is no directory in the image' cp src/a img:/srv/new/
gives 125 'cannot copy to /srv/new/x of the image: Not a directory' cp src/a img:/srv/new/x
gives 125 'cannot copy a folder over /srv/new' cp src img:/srv/new
gives 125 "member 'src/a' cannot replace the directory" cp src/a img:/srv/kinds
gives 125 "member 'src/sub' is a directory, and cannot replace" cp src/. img:/srv/kinds2
gives 125 'cannot copy none: No such file' cp none img:/srv
gives 125 '(src/a/ is no folder|Not a directory)' cp src/a/ img:/srv
gives 125 'fifo of the image is a device, fifo or socket' cp src/a img:/srv/fifo
gives 125 'Too many levels' cp src/a img:/data/loop/x
gives 125 'neither src/a nor src/sub is in an image' cp src/a src/sub
gives 125 'neither C:.a nor D:/b:c is in an image' cp 'C:\a' D:/b:c
gives 125 'are both in images' cp img:/etc img:/data
gives 125 'say which path of the image' cp img: .
gives 125 'there is no image and no file none' cp none:/etc .
gives 125 'something is missing' cp img:/etc
gives 125 "'more' is too much" cp img:/etc . more
is 'nothing has changed' [ "$(id_of img)" = "$before" ]

# ---- In: archives ----
# pour ARCHIVE ARGUMENT...: tarbox cp - ARGUMENT... with an archive for standard input.
pour() {
    local archive=$1
    shift
    timeout $limit "${tarbox[@]}" cp - "$@" <"$archive" >"$scratch/out" 2>&1
}
mkdir -p src2/sub && echo d >src2/sub/d && ln -s /etc src2/sub/etc && ln src2/sub/d src2/hard
chmod 750 src2/sub
tar -C src2 --numeric-owner --owner=1234 --group=77 -czf in.tar.gz .
is 'an archive is unpacked' pour in.tar.gz img:/srv/here
tarbox export -o exported.tar img
is 'its owners are kept' grep -qE '^-.* 1234/77 .* \./srv/here/(hard|sub/d)' <(
    tar --numeric-owner -tvf exported.tar)
tar -C hand/srv/here -xpzf in.tar.gz --no-same-owner
agrees 'what an archive holds'
mkdir evil && echo evil >evil/file && tar -C evil -P --transform 's,^,../,' -cf up.tar file
is 'an archive does not leave its directory' [ "$(pour up.tar img:/srv/here; echo $?)" = 125 ]
is 'and is told so' grep -q 'leaves the root' out
tar -C evil --transform 's,^,sub/etc/,' -cf through.tar file
is 'links lead on within the image' pour through.tar img:/srv/here
is 'where they lead to' [ "$(tarbox cp img:/etc/file - | tar -xO)" = evil ]
tar -C evil --transform 's,file,sub,' -cf kind.tar file
is 'a file does not replace a directory' [ "$(pour kind.tar img:/srv/here; echo $?)" = 125 ]
is 'an archive needs a directory' [ "$(pour in.tar.gz img:/srv/none; echo $?)" = 125 ]
is 'a damaged archive' [ "$(pour src/random img:/srv; echo $?)" = 125 ]

# ---- Owners ----
if [ "$(id -u)" = 0 ] && [ $windows = 0 ]; then
    chown -R 1234:77 src && chmod 4711 src/a
    gives 0 '^[0-9a-f]{32}$' cp src/a img:/srv/mine
    gives 0 '^[0-9a-f]{32}$' cp -a src/a img:/srv/kept
    gives 0 '' cp img:/srv/kept kept
    gives 0 '' cp -a img:/srv/kept kept2
    is 'owners' [ "$(tarbox export img | tar --numeric-owner -tv 2>/dev/null | sed -nE \
        's,^[^ ]+ ([0-9/]+) .*/srv/(mine|kept)$,\2 \1,p' | tr '\n' ' ')$(stat -c %u:%g kept) $(
        stat -c '%u:%g %a' kept2)" = 'kept 1234/77 mine 0/0 0:0 1234:77 4711' ]
fi

# ---- Names, ids, archives ----
# reads TEXT IMAGE:PATH
reads() {
    is "$2 holds $1" [ "$(tarbox cp "$2" - | tar -xO)" = "$1" ]
}
gives 0 'tarbox cp src/a img:/srv/new' history img
gives 0 '' tag img keep
id=$(id_of keep)
gives 125 "${id:0:12} is not the name of an image; say with --tag" cp src/a "${id:0:12}:/srv/byid"
gives 0 '^[0-9a-f]{32}$' cp --tag byid src/a "${id:0:12}:/srv/byid"
reads a byid:/srv/byid
gives 125 'there is no /srv/byid in the image' cp img:/srv/byid .
gives 0 '^[0-9a-f]{32}$' cp -t other:1 src/a img:/srv/other
gives 0 '^[0-9a-f]{32}$' cp src/a other:1:/srv/colon
reads a other:1:/srv/other
reads a other:1:srv/colon
is 'a tag leaves the name alone' [ "$(id_of img)" = "$id" ]
gives 125 "'Bad' cannot name an image" cp -t Bad src/a img:/srv
cp "$archive" there.tar.gz
gives 0 '' cp there.tar.gz:/etc/passwd fromfile
gives 0 '' cp ./there.tar.gz:/etc/passwd fromfile2
gives 0 '' cp "$archive:/etc/passwd" ./fromfile3
for file in fromfile fromfile2 fromfile3; do is 'from an archive' cmp "$root/etc/passwd" $file; done
gives 125 'is not the name of an image' cp src/a there.tar.gz:/a
gives 0 '^[0-9a-f]{32}$' cp --tag archive src/a ./there.tar.gz:/a
gives 0 '^a$' run archive cat /a
gives 0 '^[0-9a-f]{32}$' cp --tag archive2 src/a "$root:/a"
gives 0 '^a$' run archive2 cat /a
tarbox import -q -c 'ENV A=b' -c 'CMD ["cat","/new"]' "$archive" config >/dev/null
gives 0 '^[0-9a-f]{32}$' cp src/a config:/new
gives 0 '^a$' run config
gives 0 '"A=b"' inspect config

# ---- Many copies ----
many=$(id_of config)
for n in {51..90}; do # none of which is in the store yet
    echo "$n" >number
    tarbox cp number "config:/same" >>ids
    tarbox cp number "config:/n$n" >>ids
done
is 'each made an image' [ "$(sort -u ids | wc -l)" = 80 ]
tarbox cp config:/ - | tar -C "$(mkdir many && echo many)" -x
is 'all of them are there' [ "$(cat many/n{51..90} many/same)" = "$(seq 51 90; echo 90)" ]
gives 0 '^90$' run config cat /same
packs_of() {
    tarbox inspect "$1" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)[0]["Packs"]))'
}
is "an image has 32 packs at most, not $(packs_of config)" [ "$(packs_of config)" = 32 ]
tarbox cp --tag few number "$many:/same" >>ids
for n in 1 2 3; do
    echo "few $n" >number
    tarbox cp number few:/same >>ids
done
is 'packs that are not used are not kept' [ "$(packs_of few)" -le $(($(packs_of "$many") + 1)) ]
gives 0 ' 0 damaged' verify
gives 0 '^Usage: tarbox cp' cp --help

# ---- Damage ----
pack=$(grep -la sesame-7 "$TARBOX_ROOT"/packs/*)
offset=$(grep -abo sesame-7 "$pack" | head -n 1 | cut -d: -f1)
printf S | dd of="$pack" bs=1 seek="$offset" conv=notrunc status=none
gives 125 'damaged[/\\]secret is not copied: it is damaged in the store' cp img:/data damaged
is 'what is damaged is not there' [ ! -e damaged/secret ]
is 'the rest is' cmp tree/data/random damaged/random
gives 125 'damaged in the store' cp img:/data/secret -
gives 0 '^[0-9a-f]{32}$' cp src/a img:/srv/unread # what is there already is not even read
finish
