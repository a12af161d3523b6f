#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile.py FOLDER - archives that mean harm, for hostile.sh.

Writes them to FOLDER and prints a line for each: its file, the command that reads it
("import" or "load"), and a regular expression for the one sentence that refuses it; or, in place
of that, "=" if the archive is harmless and gives the tree that GNU tar makes of it.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

folder = sys.argv[1]


def say(name, command, reason):
    print(f"{name}\t{command}\t{reason}")


def member(name, kind=tarfile.REGTYPE, data=b"", link="", pax=None, mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, len(data), mode
    if pax:
        info.pax_headers = pax
    return info, data


def write(name, members, pax=True):
    path = os.path.join(folder, name)
    form = tarfile.PAX_FORMAT if pax else tarfile.USTAR_FORMAT
    with tarfile.open(path, "w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def refused(name, members, reason):
    write(name, members)
    say(name, "import", reason)


def harmless(name, members):
    write(name, members)
    say(name, "import", "=")


LINK, HARD, DIR, FILE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.REGTYPE

# ---- Names that lead out ----
refused("dot-dot.tar", [member("../escape", data=b"x")], r"'\.\./escape' .*leaves the root")
refused("inner-dot-dot.tar", [member("a/b/../../../escape", data=b"x")], r"'a/b/\.\./.*leaves the root")
refused("hard-link-out.tar", [member("a", HARD, link="../../etc/passwd")], r"'a' is a hard link that leaves the root")
refused("hard-link-absolute.tar", [member("a", HARD, link="/etc/passwd")], r"'a' is a hard link to")
refused("hard-link-to-later.tar", [member("a", HARD, link="b"), member("b", data=b"x")], r"'a' is a hard link to")
refused("hard-link-to-directory.tar", [member("d", DIR), member("a", HARD, link="d")], r"'a' is a hard link to a directory")
refused("hard-link-to-itself.tar", [member("a", HARD, link="a")], r"'a' is a hard link to")
refused("below-a-file.tar", [member("a", data=b"x"), member("a/b", data=b"y")], r"'a/b' lies below something that is no directory")
refused("links-in-a-circle.tar", [member("a", LINK, link="b"), member("b", LINK, link="a"), member("a/x", data=b"y")], r"'a/x' lies below symbolic links that never end")
refused("root-is-a-file.tar", [member(".", FILE, data=b"x")], r"would replace the root")
refused("too-long-name.tar", [member("n" * 256, data=b"x")], r"nnnn")
refused("too-deep.tar", [member("d/" * 100000 + "f", data=b"x")], r"d/d/d")
refused("zero-in-name.tar", [member("a", data=b"x", pax={"path": "a\0b"})], r"'a\\x00b'")
refused("huge-size.tar", [member("a", data=b"x", pax={"size": "999999999999999999"})], r"'a' has 999999999999999999 bytes, over the limit")
refused("negative-size.tar", [member("a", data=b"x", pax={"size": "-5"})], r"negative-size\.tar")
refused("odd-owner.tar", [member("a", pax={"uid": "4294967296"})], r"'a' has an owner")
for n, (size, parts) in enumerate([("20", "10,2,2,3"), ("20", "18,5"), ("20", "0,4,10,5"), ("5", "-1,2"),
                                   ("60000000000000", "59999999999990,5"), ("20", "18446744073709551615,2")]):
    refused(f"sparse-{n}.tar", [member("hole", data=b"abcde", pax={"GNU.sparse.size": size, "GNU.sparse.map": parts})],
            r"'hole'|how far an archive may expand|sparse-%d.tar" % n)

# ---- What looks bad and is not: as GNU tar does it, below the folder ----
harmless("absolute.tar", [member("/etc/file", data=b"x"), member("/etc/other", data=b"y")])
harmless("dots.tar", [member("./a/./b//c", data=b"x")])
harmless("twice.tar", [member("a", data=b"first"), member("a", data=b"second")])
harmless("link-to-outside.tar", [member("a", LINK, link="../../../etc/passwd"), member("b", LINK, link="/etc/shadow")])
harmless("file-over-link.tar", [member("target", data=b"kept"), member("a", LINK, link="target"), member("a", data=b"new")])
harmless("link-over-file.tar", [member("a", data=b"x"), member("a", LINK, link="nowhere")])
harmless("hard-link-twice.tar", [member("a", data=b"x"), member("b", HARD, link="a"), member("b", HARD, link="a")])
harmless("drive-letter.tar", [member("C:\\Windows\\x", data=b"x"), member("C:/y", data=b"y"), member("aux", data=b"z"), member("a:b", data=b"s")])
harmless("odd-names.tar", [member("new\nline", data=b"x"), member("\x1b[31mred", data=b"y"), member(" ", data=b"z"), member("...", data=b"d")])

# ---- Bytes that are no archive ----
path = write("damaged-header.tar", [member("good", data=b"x"), member("bad", data=b"y")])
with open(path, "r+b") as f:
    f.seek(1024 + 148)
    f.write(b"000000")
say("damaged-header.tar", "import", "damaged-header.tar.*damaged")
for n, records in enumerate([b"9999 path=x\n", b"5 a=b", b"0 path=x\n", b"abc path=x\n", b"11 path=x\n" * 3, b"9 path\n=x\n"]):
    info, _ = member("pax", b"x", records)
    with tarfile.open(os.path.join(folder, f"pax-{n}.tar"), "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(records))
        tar.addfile(*[member("after", data=b"y")[0], io.BytesIO(b"y")])
    say(f"pax-{n}.tar", "import", rf"pax-{n}\.tar")
with open(os.path.join(folder, "noise.tar"), "wb") as f:
    f.write(bytes((i * 2654435761 >> 7) & 255 for i in range(20000)))
say("noise.tar", "import", "noise.tar.*no tar archive")
with gzip.open(os.path.join(folder, "noise.tar.gz"), "wb") as f:
    f.write(bytes((i * 2654435761 >> 7) & 255 for i in range(20000)))
say("noise.tar.gz", "import", "noise.tar.gz.*no tar archive")

with gzip.open(os.path.join(folder, "nothing.tar.gz"), "wb") as f:
    pass
say("nothing.tar.gz", "import", "nothing.tar.gz")
with open(os.path.join(folder, "empty.tar"), "wb") as f:
    pass
say("empty.tar", "import", "empty.tar")

# ---- Images: what their JSON may do ----
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    tar.addfile(*[member("bin", DIR, mode=0o755)[0]])
layer = layer.getvalue()
digest = "sha256:" + hashlib.sha256(layer).hexdigest()
good = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest]}}


def image(name, reason, config=None, manifest=None, layers=None):
    config = json.dumps(good).encode() if config is None else config
    named = "config.json"
    manifest = json.dumps([{"Config": named, "RepoTags": ["a:1"], "Layers": ["layer.tar"]}]).encode() if manifest is None else manifest
    write(name, [member("manifest.json", data=manifest), member(named, data=config), member("layer.tar", data=layers or layer)])
    say(name, "load", reason)


def manifest(**change):
    return json.dumps([{**{"Config": "config.json", "RepoTags": ["a:1"], "Layers": ["layer.tar"]}, **change}]).encode()


image("json-deep.tar", "config.json|json-deep", config=b'{"config":' + b"[" * 200000 + b"]" * 200000 + b"}")
image("json-deep-manifest.tar", "manifest.json|json-deep", manifest=b"[" * 200000)
image("json-wide.tar", "config.json|json-wide|limit|long", config=b'{"config":{"Env":[' + b'"A=b",' * 3000000 + b'"A=b"]}}')
image("json-long.tar", "config.json|json-long|limit|long", config=b'{"config":{"WorkingDir":"' + b"x" * 40000000 + b'"}}')
image("json-cut.tar", "config.json", config=b'{"config":{"Env":["A')
image("json-type.tar", "config.json|Env", config=json.dumps({**good, "config": {"Env": 7}}).encode())
image("json-number.tar", "config.json|json-number", config=b'{"config":{},"rootfs":1e99999}')
image("json-none.tar", "manifest.json|json-none", manifest=b"null")
image("json-empty.tar", "manifest.json|json-empty|no image", manifest=b"[]")
image("layer-outside.tar", "layer", manifest=manifest(Layers=["../../../etc/passwd"]))
image("layer-absolute.tar", "layer|passwd", manifest=manifest(Layers=["/etc/passwd"]))
image("layer-missing.tar", "none.tar", manifest=manifest(Layers=["none.tar"]))
image("config-outside.tar", "config|passwd", manifest=manifest(Config="../../../etc/passwd"))
image("config-missing.tar", "none.json", manifest=manifest(Config="none.json"))
image("wrong-layer.tar", "layer", layers=layer + b"\0" * 512 + b"more" * 128)
image("layer-count.tar", "layer|diff", manifest=manifest(Layers=["layer.tar", "layer.tar"]))
refused_layer = io.BytesIO()
with tarfile.open(fileobj=refused_layer, mode="w") as tar:
    tar.addfile(member("../escape")[0])
refused_layer = refused_layer.getvalue()
image("layer-escapes.tar", r"'\.\./escape'", layers=refused_layer,
      config=json.dumps({**good, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(refused_layer).hexdigest()]}}).encode())
for name in ["nothing.tar.gz", "empty.tar", "noise.tar"]:
    say(name, "load", name)
oci = [member("oci-layout", data=b'{"imageLayoutVersion":"1.0.0"}')]
for n, bad in enumerate(["sha256:../../../../etc/passwd", "sha256:" + "0" * 63, "md5:" + "0" * 32, "sha256:" + "Z" * 64]):
    index = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": bad, "size": 10}]}).encode()
    write(f"oci-digest-{n}.tar", oci + [member("index.json", data=index)])
    say(f"oci-digest-{n}.tar", "load", r"index\.json|digest|" + bad[:12].replace(".", r"\."))
