#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The commands on images: what they print, do and refuse.
#
#   tests/store/commands.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

# The files of a folder of the store, but for seals, and for what runs add.
files() {
    find "$TARBOX_ROOT/$1" -type f ! -name '*.patch' ! -name '*.memory' ! -name '*.seal' | sort
}

# Flip a bit at OFFSET of FILE.
damage() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# ---- An archive is imported once ----
cp -p "$archive" "$scratch/a.tar.gz"
gives 0 '^hi$' run "$scratch/a.tar.gz" echo hi
image=$(files images)
packs=$(files packs)
id=$(basename "$image" .img)
gives 0 'cached' run --stats "$scratch/a.tar.gz" true
gives 0 "^<none> +${id:0:12} +[0-9.]+ MB +[0-9]+$" images
mv "$scratch/a.tar.gz" "$scratch/b.tar.gz"
gives 0 'cached' run --stats "$scratch/b.tar.gz" true
touch "$scratch/b.tar.gz"
gives 0 'cached' run --stats "$scratch/b.tar.gz" true
gzip -dc "$archive" | zstd -q >"$scratch/c.tar.zst"
gives 0 'imported' run --stats "$scratch/c.tar.zst" true
gives 0 "^$id$" import "$scratch/c.tar.zst" other/name:1.0
gives 0 '' tag "$id" folder
[ "$image $packs" = "$(files images) $(files packs)" ]
outcome 'one tree is one image, however it came, and is written once' $?
"${tarbox[@]}" import - piped <"$archive" | grep -qx "$id"
outcome 'an archive comes through a pipe' $?
gives 0 'imported' run --ephemeral --stats "$scratch/b.tar.gz" true
rm -f "$scratch"/*.tar.*

# ---- Programs are scanned once ----
rm -f "$TARBOX_ROOT"/images/*.patch
gives 0 '^hi$' run "$id" echo hi
tables=$(ls "$TARBOX_ROOT"/images/*.patch)
before=$(md5sum <"$tables")
gives 0 '^hi$' run "$id" echo hi
gives 0 '^Hello' run "$id" hello
gives 0 '^Hello' run "$id" hello
[ "$before" != "$(md5sum <"$tables")" ]
outcome 'the tables of another program are added' $?
for offset in 3 9 25 33 50 1000 20000; do
    damage "$tables" $offset
    gives 0 '^hi$' run "$id" echo hi
done
gives 0 '"Unpatched": 0' inspect "$id"
truncate -s 100 "$tables"
gives 0 '^hi$' run "$id" echo hi
gives 0 '^Hello' run "$id" hello

# ---- Names and ids ----
gives 0 '^hi$' run other/name:1.0 echo hi
gives 0 '^hi$' run folder echo hi
gives 0 '^hi$' run docker.io/library/folder:latest echo hi
gives 0 '^hi$' run "${id:0:6}" echo hi
gives 125 'no image and no file folder:2' run folder:2 true
gives 125 'cannot open the image ./folder' run ./folder true
gives 125 'no image and no file 000' run 000000 true
gives 0 '' tag folder second:tag
gives 125 "'Second' cannot name an image" tag folder Second
gives 125 "'a//b' cannot name an image" tag folder a//b
gives 125 'there is no image nothing' tag nothing a
gives 0 '^second:tag  ' images second:tag
gives 0 "^$id$" images -q --digests folder
tarbox images --json | python3 -c '
import json, sys
image, = json.load(sys.stdin)
assert image["Id"] == sys.argv[1] and image["Readable"], image
assert image["Names"] == ["folder:latest", "other/name:1.0", "piped:latest", "second:tag"], image
' "$id"
outcome 'images --json' $?

# ---- Images that share ----
cp -a "$root" "$scratch/root"
echo more >"$scratch/root/data/more"
gives 0 '' tag folder keep
tarbox import "$scratch/root" changed >/dev/null
[ "$(files packs | wc -l)" = 2 ] && [ "$(find "$TARBOX_ROOT/packs" -name '*.pack' -size -4k | wc -l)" = 1 ]
outcome 'an image adds only what is new' $?
gives 0 '^changed:latest .* 5 B +100.0%' du
gives 0 '^2 images hold [0-9.]+ MB and take [0-9.]+ MB on disk, of which no image needs 0 B' du
gives 0 '^more$' run changed cat /data/more
cmp -s <(tarbox run changed md5sum /bin/busybox) <(tarbox run folder md5sum /bin/busybox)
outcome 'a file that is shared is the same' $?
gives 0 ' 0 damaged' verify

# ---- Out again ----
gives 0 '' export -o "$scratch/out.tar" keep
gives 0 "^$id$" import "$scratch/out.tar"
cmp -s <(tarbox export keep) "$scratch/out.tar"
outcome 'an export does not depend on where it goes' $?
mkdir "$scratch/unpacked"
tar -C "$scratch/unpacked" -xf "$scratch/out.tar" 2>/dev/null
diff -r --no-dereference "$root" "$scratch/unpacked" >"$scratch/diff" 2>&1
outcome "tar unpacks an export: $(head -n 3 "$scratch/diff")" $?
truncate -s 5M "$scratch/root/data/hole"
printf end | dd of="$scratch/root/data/hole" bs=1 seek=3000000 conv=notrunc status=none
ln "$scratch/root/data/hole" "$scratch/root/data/again"
touch -d '1969-07-20 20:17:40.25' "$scratch/root/data/hole"
ln -s "$(printf 'l%.0s' {1..300})" "$scratch/root/data/long"
mkdir -p "$scratch/root/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})"
echo latin >"$scratch/root/data/$(printf 'sm\xf8rrebr\xf8d')"
tar -C "$scratch/root" --sparse --format=pax -cf "$scratch/odd.tar" .
odd=$(tarbox import "$scratch/odd.tar" odd)
tarbox export odd >"$scratch/odd2.tar"
gives 0 "^$odd$" import "$scratch/odd2.tar"
rm -rf "$scratch/unpacked" && mkdir "$scratch/unpacked"
tar -C "$scratch/unpacked" -xf "$scratch/odd2.tar" 2>/dev/null
diff -r --no-dereference "$scratch/root" "$scratch/unpacked" >"$scratch/diff" 2>&1
outcome "tar unpacks an odd export: $(head -n 3 "$scratch/diff")" $?
gives 0 '^removed' rmi odd
gives 0 '^freed .* 1 packs' prune

# ---- Removal ----
gives 0 '^untagged: second:tag$' rmi second:tag
gives 125 'has 4 names' rmi "${id:0:12}"
gives 0 '^removed' rmi -f "${id:0:12}"
gives 125 'no image and no file folder' run folder true
gives 0 '^would free [0-9]+ B: 0 packs' prune --dry-run
gives 0 '^more$' run changed cat /data/more
gives 0 '^removed' rmi changed
gives 0 '^would free [0-9.]+ MB: 2 packs' prune --dry-run
[ "$(files packs | wc -l)" = 2 ] && gives 0 '^freed [0-9.]+ MB: 2 packs' prune
[ -z "$(find "$TARBOX_ROOT"/*/ -type f)" ]
outcome 'prune leaves nothing' $?

# ---- Damage is found, named and repaired ----
gives 0 '^hi$' run "$archive" echo hi
pack=$(files packs) image=$(files images)
offset=$(grep -abo 'root:x:0:0' "$pack" | head -n 1 | cut -d: -f1)
# As long as a pack's time is that of its seal, a run takes it for what it was; verify does not.
seal=${pack%.pack}.seal
cp -p "$pack" "$scratch/pack"
damage "$pack" "$offset"
touch -r "$scratch/pack" "$pack"
gives 0 '^soot:x:0:0' run "$archive" cat /etc/passwd
gives 1 'content of /etc/passwd is not what it was' verify
[ ! -e "$seal" ]
outcome 'what verify finds damaged is not sealed any more' $?
cp -p "$scratch/pack" "$pack"
gives 0 '^root:x:0:0' run "$archive" cat /etc/passwd
gives 0 ' 0 damaged' verify
[ -e "$seal" ]
outcome 'what verify finds sound is sealed' $?

damage "$pack" "$offset"
gives 1 "content of /etc/passwd is not what it was" verify
gives 1 '/etc/passwd of the image .* is damaged in the store; the next run imports' \
    run "$archive" cat /etc/passwd
gives 0 '^root:x:0:0' run "$archive" cat /etc/passwd
gives 0 '^hi$' run "$archive" echo hi
damage "$(files images)" 30
gives 0 '^hi$' run "$archive" echo hi
for pack in $(files packs); do truncate -s 1000 "$pack"; done
gives 1 'is missing or not what it was' verify
gives 0 '^root:x:0:0' run "$archive" cat /etc/passwd
rm "$TARBOX_ROOT"/packs/*
gives 0 '^root:x:0:0' run "$archive" cat /etc/passwd
damage "$(files images)" 2000
gives 1 'are not what they were' verify
tarbox import "$archive" >/dev/null
gives 0 ' 0 damaged' verify
rm "$TARBOX_ROOT"/archives/*
gives 0 '^hi$' run "$archive" echo hi

# ---- Stores that cannot be used ----
gives 125 'is no store and not empty' run --root "$root" "$archive" true
echo text >"$scratch/file"
gives 125 'Not a directory' run --root "$scratch/file" "$archive" true
gives 0 '^NAME' images --root "$scratch/new/store"
gives 125 'limit on' import --max-files 5 "$root"
gives 125 'limit on' import --max-size 1K "$root"
gives 125 'no size' import --max-size 1X "$root"
gives 125 "unknown option '--nothing'" prune --nothing
gives 125 'something is missing' rmi
gives 0 '^Usage: tarbox import' import --help
finish
