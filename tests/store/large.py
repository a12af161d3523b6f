#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""large.py COUNT - write a tar of COUNT small files, a thousand to a folder, to standard output."""
import sys

BLOCK = 512
PER_FOLDER = 1000


def header(name, size, kind):
    h = bytearray(BLOCK)
    text = name.encode()
    h[0:len(text)] = text
    h[100:107], h[108:115], h[116:123] = b"0000644", b"0000000", b"0000000"
    h[124:135], h[136:147] = b"%011o" % size, b"%011o" % 1700000000
    h[148:156], h[156] = b" " * 8, ord(kind)
    h[257:265] = b"ustar\00000"
    h[148:155] = b"%06o\0" % sum(h)
    return bytes(h)


def main():
    out, part = sys.stdout.buffer, []
    for i in range(int(sys.argv[1])):
        folder = "d%05d/" % (i // PER_FOLDER)
        if i % PER_FOLDER == 0:
            part.append(header(folder, 0, "5"))
        content = b"%d\n" % i
        part.append(header(folder + "f%07d" % i, len(content), "0"))
        part.append(content.ljust(BLOCK, b"\0"))
        if len(part) > 2 * PER_FOLDER:
            out.write(b"".join(part))
            part = []
    out.write(b"".join(part) + bytes(2 * BLOCK))


main()
