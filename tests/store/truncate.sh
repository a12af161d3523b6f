#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A real archive that was cut off anywhere is refused in one sentence, and the store stays as it
# was.
#
#   tests/store/truncate.sh FOLDER COMMAND...     see start.sh
#
# At every KiB in the long tier, else at every 61st; each compression that is known, and what
# skopeo makes.
set -uo pipefail
. "$(dirname "$0")/start.sh"

[ "${TARBOX_LONG:-0}" = 0 ] && step=61 || step=1

# Programs, texts and links, under 1 MB compressed.
mkdir "$scratch/tree"
cp "$root/bin/busybox" "$scratch/tree/"
cp -a /usr/share/perl5/Debconf "$scratch/tree/" 2>/dev/null || cp -a /usr/share/perl/5*/unicore/lib "$scratch/tree/"
ln -s busybox "$scratch/tree/sh"
ln "$scratch/tree/busybox" "$scratch/tree/ls"
tar -C "$scratch/tree" -cf "$scratch/whole.tar" .
gzip -k "$scratch/whole.tar"
zstd -q "$scratch/whole.tar" -o "$scratch/whole.tar.zst"
xz -k "$scratch/whole.tar"
bzip2 -k "$scratch/whole.tar"
archives=(whole.tar.gz)
[ $step = 1 ] || archives=(whole.tar whole.tar.gz whole.tar.zst whole.tar.xz whole.tar.bz2)
umoci init --layout "$scratch/oci" && umoci new --image "$scratch/oci:t" &&
    tar -C "$scratch/tree" -c . | umoci raw add-layer --image "$scratch/oci:t" /dev/stdin &&
    skopeo --insecure-policy copy -q "oci:$scratch/oci:t" "docker-archive:$scratch/docker.tar:t:1" &&
    archives+=(docker.tar)

# Another image is there, which must stay.
tarbox import "$archive" bystander >/dev/null 2>&1
store() {
    find "$TARBOX_ROOT" -type f ! -path '*/tmp/*' -exec md5sum {} + | sort
}
before=$(store)
for name in "${archives[@]}"; do
    size=$(stat -c %s "$scratch/$name")
    bad=0 cuts=0
    [ "$name" = docker.tar ] && verb=load || verb=import
    for ((at = 0; at < size; at += 1024 * step)); do
        # Once a block of the zeros behind the last member is there, nothing is lost.
        head -c $at "$scratch/$name" >"$scratch/cut"
        cuts=$((cuts + 1))
        if [ "${name##*.}" = tar ] && [ $at -ge $((size - 10240)) ] &&
            cmp -s -n 1024 -i $((at - 512)):0 "$scratch/$name" /dev/zero; then
            continue
        fi
        tarbox $verb "$scratch/cut" >"$scratch/out" 2>&1
        code=$?
        # Near the end it can be said where: compressions come in blocks.
        [ $((at * 4)) -lt $((size * 3)) ] || [ "${name##*.}" != gz ] || grep -q "member '" "$scratch/out" || code=unnamed
        if [ $code != 125 ] || [ "$(wc -l <"$scratch/out")" != 1 ] || [ "$before" != "$(store)" ]; then
            bad=$((bad + 1))
            echo "$name cut off at $at: exit code $code: $(head -n 2 "$scratch/out")"
        fi
    done
    [ $bad = 0 ]
    outcome "$name, cut off at $cuts places" $?
done
[ -z "$(find "$TARBOX_ROOT/tmp" -type f)" ]
outcome 'nothing unfinished is left' $?
for name in "${archives[@]}"; do
    [ "$name" = docker.tar ] && verb=load || verb=import
    gives 0 . $verb -q "$scratch/$name"
done
gives 0 ' 0 damaged' verify
finish
