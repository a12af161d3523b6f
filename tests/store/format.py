#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The bytes of a store's files, by docs/store-format.md, for format.sh.

  format.py make FILE     write an archive that has one of everything
  format.py dump STORE    print all bytes of the store that this archive was imported into, section
                          by section; what differs from one import to the next (a pack's random id,
                          and the checksums that cover it) as dots, zeros left out
"""
import io
import os
import struct
import sys
import tarfile

SECTIONS = ["inodes", "entries", "names", "extended attributes", "extents", "packs", "configuration"]
INODE, ENTRY, BLOB = 72, 12, 40


def make(path):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:

        def add(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, owner=(0, 0), device=(0, 0), **pax):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname, info.mode, info.mtime = kind, len(data), link, mode, 1700000000
            info.uid, info.gid = owner
            info.devmajor, info.devminor = device
            info.pax_headers = {k.replace("__", "."): v for k, v in pax.items()}
            tar.addfile(info, io.BytesIO(data))

        add("dir", tarfile.DIRTYPE, mode=0o1755, owner=(1000, 100))
        add("dir/hello", data=b"hello, world\n", mtime="1700000000.123456789", SCHILY__xattr__user__a="value")
        add("dir/again", tarfile.LNKTYPE, link="dir/hello")
        add("link", tarfile.SYMTYPE, link="dir/hello", mode=0o777)
        add("hole", data=b"a" * 10 + bytes(200000) + b"b" * 10)
        add("program", data=b"\177ELF" + b"p" * 100, mode=0o4755)
        add("empty", mtime="-1.5")
        add("pipe", tarfile.FIFOTYPE)
        add("null", tarfile.CHRTYPE, device=(1, 3), mode=0o666)


def show(data, start, size, hidden=()):
    """Sixteen bytes a line; lines of zeros are left out."""
    for at in range(start, start + size, 16):
        line = data[at:min(at + 16, start + size)]
        if any(line):
            cells = [".." if any(a <= at + i < b for a, b in hidden) else f"{c:02x}" for i, c in enumerate(line)]
            text = "".join(chr(c) if 32 <= c < 127 and cells[i] != ".." else "." for i, c in enumerate(line))
            print(f"  {at - start:06x}  {' '.join(cells):47}  {text}")


def section(data, header, number):
    return struct.unpack_from("<QQQ", data, header + 24 * number)[:2]


def dump_index(data):
    packs_at, packs_size = section(data, 64, 5)
    ids = [(packs_at + n, packs_at + n + 16) for n in range(0, packs_size, 24)]
    print("header")
    show(data, 0, 240, [(64 + 24 * 5 + 16, 64 + 24 * 5 + 24), (232, 240)])
    for number, name in enumerate(SECTIONS):
        at, size = section(data, 64, number)
        print(f"{name}, at {at}")
        show(data, at, size, ids)


def dump_pack(data):
    blobs_at, blobs_size = section(data, 40, 0)
    extents_at, extents_size = section(data, 40, 1)
    print("header")
    show(data, 0, 96, [(16, 32), (88, 96)])
    print("contents")
    show(data, 96, blobs_at - 96)
    print(f"blobs, at {blobs_at}")
    show(data, blobs_at, blobs_size)
    print(f"extents, at {extents_at}")
    show(data, extents_at, extents_size)


def dump(store):
    def read(*parts):
        with open(os.path.join(store, *parts), "rb") as f:
            return f.read()

    for folder, what in [("images", dump_index), ("packs", dump_pack)]:
        (name,) = [n for n in os.listdir(os.path.join(store, folder)) if n.endswith((".img", ".pack"))]
        data = read(folder, name)
        print(f"== {folder}/{name if folder == 'images' else 'ID' + name[32:]}, {len(data)} bytes")
        what(data)
    for name in ["format", "names"]:
        print(f"== {name}")
        show(read(name), 0, len(read(name)))
    (name,) = [n for n in os.listdir(os.path.join(store, "packs")) if n.endswith(".seal")]
    data = read("packs", name)
    print(f"== packs/ID.seal, {len(data)} bytes")
    show(data, 0, 8)
    for name in sorted(os.listdir(os.path.join(store, "archives")), key=lambda n: n.rsplit(".", 1)[1]):
        data = read("archives", name)
        kind = name.rsplit(".", 1)[1]
        print(f"== archives/*.{kind}, {len(data)} bytes")
        show(data, 0, 8)
        show(data, 80, 16)


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    dump(sys.argv[2])
