# SPDX-License-Identifier: MIT
#
# The twin of samples/run.sh for Windows itself: set up, build, and run programs from the sample
# root file system.  Prints each command it runs.
#
#   samples\run.ps1 [-Rootfs ARCHIVE]
#
# The archive is made on Linux, by samples/pack.sh; build\samples\rootfs.tar.gz unless told.

#requires -Version 7

param([string]$Rootfs = 'build\samples\rootfs.tar.gz')

$ErrorActionPreference = 'Stop'
$Rootfs = [IO.Path]::GetFullPath($Rootfs, (Get-Location).Path)
Set-Location (Join-Path $PSScriptRoot '..')
if (-not (Test-Path $Rootfs)) {
    throw "$Rootfs does not exist. Make it on Linux with samples/pack.sh and copy it here."
}
. (Join-Path (Get-Location) 'cmake\msys2-setup.ps1')

function Invoke-Shown {
    Write-Output "`n> $args"
    $program, $rest = $args
    & $program @rest
    if ($LASTEXITCODE -ne 0) { throw "It ended with exit code $LASTEXITCODE." }
}

Invoke-Shown cmake --preset msys2-release
Invoke-Shown cmake --build --preset msys2-release
$tarbox = 'build\msys2-release\tarbox.exe'

Invoke-Shown $tarbox run $Rootfs /bin/hello
Invoke-Shown $tarbox run $Rootfs /bin/hello-pie
Invoke-Shown $tarbox run $Rootfs hello-musl
Invoke-Shown $tarbox run $Rootfs /bin/threads
Invoke-Shown $tarbox run $Rootfs /bin/threads-musl
Invoke-Shown $tarbox run -e 'GREETING=good day' -w /usr/share $Rootfs /bin/showenv one 'two words'
Invoke-Shown $tarbox run $Rootfs ls -l /etc
Invoke-Shown $tarbox run -w /usr/share $Rootfs md5sum hello.c showenv.c threads.c
Write-Output "`nAll samples ran."
