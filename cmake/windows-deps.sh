#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Cross-build the libraries Tarbox needs on Windows, as static mingw-w64 libraries, from Debian's
# source packages.
#
#   cmake/windows-deps.sh
#
# The result is ${TARBOX_CACHE:-~/.cache/tarbox}/windows-deps/{include,lib}, replaced as a whole
# when it is complete.  A stamp names this script and the versions of the Debian packages that the
# Linux host links; while it matches nothing is done.  Takes about four minutes on two processors.
set -euo pipefail

target=x86_64-w64-mingw32
sources=(bzip2 cmocka jansson libarchive libisal libzstd nettle xxhash xz-utils zydis)
dev_packages=(
    libarchive-dev libbz2-dev libcmocka-dev libisal-dev libjansson-dev liblzma-dev libxxhash-dev
    libz-mingw-w64-dev libzstd-dev libzycore-dev libzydis-dev nettle-dev
)

cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}
result=$cache/windows-deps
script=$(realpath "$0")
jobs=$(nproc)

stamp_now() {
    sha256sum <"$script"
    dpkg-query -W -f '${Package} ${Version}\n' "${dev_packages[@]}"
    "$target-gcc" -dumpfullversion
}

mkdir -p "$cache"
exec 9>"$cache/windows-deps.lock"
flock 9
stamp=$(stamp_now)
[ "$(cat "$result/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

rm -rf "$cache"/windows-deps.??????
work=$(mktemp -d "$cache/windows-deps.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
out=$work/out
mkdir -p "$out/include" "$out/lib"

# Run a step with its output in a log of its own, whose end is shown if the step fails.
step() {
    local log=$work/$1.log status=0
    shift
    (set -e; "$@") >>"$log" 2>&1 9>&- &
    wait $! || status=$?
    [ $status -eq 0 ] || tail -n 40 "$log" >&2
    return $status
}

# The folder a source package was unpacked to.
src() {
    local found=("$work/src/$1"-*/)
    [ -d "${found[0]}" ] || { echo "windows-deps: source of $1 not found" >&2; return 1; }
    echo "${found[0]%/}"
}

# Some projects ask for a C++ compiler although nothing here has C++ sources: it is never run.
cat >"$work/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER $target-gcc)
set(CMAKE_CXX_COMPILER $target-gcc)
set(CMAKE_CXX_COMPILER_FORCED TRUE)
set(CMAKE_RC_COMPILER $target-windres)
set(CMAKE_FIND_ROOT_PATH $out /usr/$target)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
END

# configure NAME SOURCE-FOLDER OPTION...
configure() {
    local name=$1 source=$2
    shift 2
    cmake -G Ninja -S "$source" -B "$work/build/$name" \
        -DCMAKE_TOOLCHAIN_FILE="$work/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$out" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@"
}

build() {
    local name=$1
    shift
    cmake --build "$work/build/$name" -j "$jobs" "$@"
}

build_bzip2() {
    make -C "$(src bzip2)" -j "$jobs" libbz2.a CC="$target-gcc" AR="$target-ar" \
        RANLIB="$target-ranlib"
    cp "$(src bzip2)/libbz2.a" "$out/lib/"
    cp "$(src bzip2)/bzlib.h" "$out/include/"
}

build_xz() {
    configure xz "$(src xz-utils)"
    build xz --target liblzma
    cp "$work/build/xz/liblzma.a" "$out/lib/"
    cp -r "$(src xz-utils)"/src/liblzma/api/lzma{,.h} "$out/include/"
}

build_zstd() {
    configure zstd "$(src libzstd)/build/cmake" -DZSTD_BUILD_SHARED=OFF -DZSTD_BUILD_PROGRAMS=OFF \
        -DZSTD_BUILD_TESTS=OFF -DZSTD_LEGACY_SUPPORT=OFF
    build zstd
    cp "$work/build/zstd/lib/zstd.lib" "$out/lib/libzstd.a"
    cp "$(src libzstd)"/lib/{zdict,zstd,zstd_errors}.h "$out/include/"
}

copy_zlib() {
    cp "/usr/$target/lib/libz.a" "$out/lib/"
    cp "/usr/$target/include/"{zlib,zconf}.h "$out/include/"
}

# Debian's CMake 3.25.1 crashes in libarchive's check of zlib's calling convention when it crosses:
# the two ZLIB_WINAPI_EXITCODE entries answer it ("not WINAPI") beforehand.
configure_libarchive() {
    local off=() option
    for option in TEST TAR CPIO CAT OPENSSL LIBB2 LZ4 LZO LIBXML2 EXPAT PCREPOSIX ICONV CNG WERROR
    do
        off+=("-DENABLE_$option=OFF")
    done
    configure libarchive "$(src libarchive)" "${off[@]}" \
        -DENABLE_ZLIB=ON -DENABLE_ZSTD=ON -DENABLE_LZMA=ON -DENABLE_BZip2=ON \
        -DZLIB_LIBRARY="$out/lib/libz.a" -DZLIB_INCLUDE_DIR="$out/include" \
        -DZSTD_LIBRARY="$out/lib/libzstd.a" -DZSTD_INCLUDE_DIR="$out/include" \
        -DLIBLZMA_LIBRARY="$out/lib/liblzma.a" -DLIBLZMA_INCLUDE_DIR="$out/include" \
        -DBZIP2_LIBRARIES="$out/lib/libbz2.a" -DBZIP2_INCLUDE_DIR="$out/include" \
        -DZLIB_WINAPI_EXITCODE=1 -DZLIB_WINAPI_EXITCODE__TRYRUN_OUTPUT= \
        -DCMAKE_C_FLAGS=-DLZMA_API_STATIC
}

build_libarchive() {
    local libarchive
    libarchive=$(src libarchive)
    build libarchive --target archive_static
    cp "$work/build/libarchive/libarchive/libarchive_static.a" "$out/lib/libarchive.a"
    cp "$libarchive"/libarchive/archive{,_entry}.h "$out/include/"
}

# Headers as Debian lays them out: <isa-l/igzip_lib.h>.
build_isal() {
    local isal
    isal=$(src libisal)
    make -C "$isal" -j "$jobs" -f Makefile.unx arch=mingw host_cpu=x86_64 AS=nasm \
        units="crc igzip mem" lib
    cp "$isal"/bin/isa-l.a "$out/lib/libisal.a"
    mkdir "$out/include/isa-l"
    cp "$isal"/include/{crc,crc64,igzip_lib,mem_routines,types}.h "$out/include/isa-l/"
}

build_xxhash() {
    configure xxhash "$(src xxhash)/cmake_unofficial" -DXXHASH_BUILD_XXHSUM=OFF
    build xxhash
    cp "$work/build/xxhash/libxxhash.a" "$out/lib/"
    cp "$(src xxhash)"/xx{hash,h3}.h "$out/include/"
}

# Compiled directly, because its CMake files need Zycore's, which Debian does not package.  The
# decoder needs Zycore's headers and nothing of its library.
build_zydis() {
    local zydis
    zydis=$(src zydis)
    cp -r /usr/include/Zycore "$out/include/"
    cp -r "$zydis/include/Zydis" "$out/include/"
    mkdir -p "$work/build/zydis"
    (
        cd "$work/build/zydis"
        printf '%s\0' "$zydis"/src/*.c | xargs -0 -n 1 -P "$jobs" "$target-gcc" -std=c11 -O2 -c \
            -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -I"$out/include" -I"$zydis/src"
        "$target-ar" rcs "$out/lib/libZydis.a" ./*.o
    )
}

build_cmocka() {
    configure cmocka "$(src cmocka)" -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF
    build cmocka
    cp "$(find "$work/build/cmocka" -name 'libcmocka*.a' ! -name '*.dll.a' -print -quit)" \
        "$out/lib/libcmocka.a"
    cp "$(src cmocka)"/include/cmocka*.h "$out/include/"
}

# The symmetric half.  "fat" is assembly for each kind of processor, chosen when it runs.
build_nettle() {
    mkdir -p "$work/build/nettle"
    (
        cd "$work/build/nettle"
        "$(src nettle)/configure" --host="$target" --prefix="$out" --disable-shared --enable-fat \
            --disable-public-key --disable-openssl --disable-documentation
        make -j "$jobs" libnettle.a
    )
    cp "$work/build/nettle/libnettle.a" "$out/lib/"
    mkdir "$out/include/nettle"
    cp "$(src nettle)"/{nettle-types,sha,sha1,sha2}.h "$out/include/nettle/"
}

build_jansson() {
    configure jansson "$(src jansson)" -DJANSSON_EXAMPLES=OFF -DJANSSON_BUILD_DOCS=OFF \
        -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_BUILD_SHARED_LIBS=OFF
    build jansson
    cp "$work/build/jansson/lib/libjansson.a" "$out/lib/"
    cp "$(src jansson)/src/jansson.h" "$work/build/jansson/include/jansson_config.h" "$out/include/"
}

echo "windows-deps: fetching sources" >&2
step fetch "$(dirname "$script")/debian-source.sh" "$work/src" "${sources[@]}"
echo "windows-deps: building into $result" >&2
copy_zlib
step bzip2 build_bzip2
step zstd build_zstd
step xz build_xz

# libarchive's configuration is long and serial: the small libraries build beside it.
step libarchive configure_libarchive &
configuring=$!
step libisal build_isal
step xxhash build_xxhash
step zydis build_zydis
step cmocka build_cmocka
step jansson build_jansson
step nettle build_nettle
wait $configuring
step libarchive build_libarchive

for name in archive bz2 cmocka isal jansson lzma nettle xxhash z Zydis zstd; do
    [ -s "$out/lib/lib$name.a" ] || { echo "windows-deps: lib$name.a is missing" >&2; exit 1; }
done
echo "$stamp" >"$out/stamp"
rm -rf "$result"
mv "$out" "$result"
