# SPDX-License-Identifier: MIT
#
# Dot-sourced by the PowerShell scripts: install the MSYS2 UCRT64 packages that building Tarbox on
# Windows needs, and put their programs first in this process's PATH.  MSYS2 is expected in
# $env:MSYS2_ROOT, C:\msys64 unless told.

$msys2Root = if ($env:MSYS2_ROOT) { $env:MSYS2_ROOT } else { 'C:\msys64' }
if (-not (Test-Path "$msys2Root\usr\bin\pacman.exe")) {
    throw "MSYS2 is not in $msys2Root. Install it, or set MSYS2_ROOT to where it is."
}

$packages = 'gcc', 'cmake', 'ninja', 'libarchive', 'zlib', 'isa-l', 'zstd', 'xz', 'bzip2', 'xxhash',
    'zydis', 'zycore-c', 'jansson', 'nettle', 'cmocka' | ForEach-Object { "mingw-w64-ucrt-x86_64-$_" }

# usr\bin comes last: the lints need its sh and grep, nothing else should find its tools.
$env:PATH = "$msys2Root\ucrt64\bin;$env:PATH;$msys2Root\usr\bin"
& "$msys2Root\usr\bin\pacman.exe" -S --needed --noconfirm @packages
if ($LASTEXITCODE -ne 0) { throw 'pacman could not install the packages.' }
