# SPDX-License-Identifier: MIT
#
# The twin of tests/run.sh for Windows itself: set up, build both presets, run every test and the
# host check.
#
#   tests\run.ps1
#
# The last line is "N passed, N failed"; exits 0 only if something passed and nothing failed.

#requires -Version 7
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')
$passed = 0
$failed = 0

try {
    . (Join-Path (Get-Location) 'cmake\msys2-setup.ps1')

    foreach ($preset in 'msys2-debug', 'msys2-release') {
        Write-Output "== $preset"
        cmake --preset $preset -DTARBOX_WERROR=ON
        if ($LASTEXITCODE -eq 0) { cmake --build --preset $preset }
        if ($LASTEXITCODE -ne 0) {
            Write-Output "FAILED: $preset does not build"
            $failed++
            continue
        }

        $listing = ctest --preset $preset -N | Out-String
        $total = if ($listing -match 'Total Tests: (\d+)') { [int]$Matches[1] } else { 0 }
        $output = ctest --preset $preset --timeout 300 -j $env:NUMBER_OF_PROCESSORS | Out-String -Width 200
        Write-Output $output
        $count = [regex]::Matches($output, '(?m)^ *\d+/\d+ Test +#\d+: \S+ \.+ +Passed ').Count
        if ($total -eq 0) {
            Write-Output "FAILED: $preset has no tests"
            $failed++
        }
        $passed += $count
        $failed += $total - $count

        & "build\$preset\tarbox.exe" doctor
        if ($LASTEXITCODE -eq 0) {
            $passed++
        } else {
            Write-Output "FAILED: tarbox doctor ($preset)"
            $failed++
        }
    }
} catch {
    Write-Output "FAILED: $_"
    $failed++
}

if ($passed + $failed -eq 0) { $failed = 1 }
Write-Output "$passed passed, $failed failed"
exit [int]($failed -gt 0)
