#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Install the Debian packages that building and testing Tarbox needs.
#
#   cmake/debian-setup.sh
#
# Works as root, or as a user who may use sudo.  Does nothing, and needs neither, when every
# package is there already.
set -euo pipefail

packages=(
    # Build: native, and cross to Windows.
    build-essential cmake ninja-build pkg-config nasm m4
    gcc-mingw-w64-x86-64 libz-mingw-w64-dev
    # The libraries Tarbox links, for the Linux host.
    libarchive-dev zlib1g-dev libisal-dev libzstd-dev liblzma-dev libbz2-dev
    libxxhash-dev libzydis-dev libzycore-dev libcmocka-dev libjansson-dev nettle-dev
    # Their sources, for the Windows host (windows-deps.sh).
    ca-certificates dpkg-dev xz-utils
    # Fuzzers, sanitizers, lints.
    clang libclang-rt-14-dev llvm clang-format clang-tidy
    # Tests: Windows itself, guests of all kinds, root file systems.
    wine wine64 musl-tools busybox-static bash-static debootstrap python3 libpython3.11-testsuite
    procps jq bzip2 zstd skopeo umoci mksh gosu golang-go acl
    # For sqlite's own tests (tests/sqlite).
    libsqlite3-dev
    # To build shells and make for them (tests/shells/programs.sh).
    autoconf automake autopoint gettext
)

# npm fetches esbuild, a Go guest.  Node.js packages from elsewhere bring their own.
command -v npm >/dev/null || packages+=(npm)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "debian-setup: not root and no sudo; install these packages first: ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi

echo "debian-setup: installing ${missing[*]}" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >&2
