# SPDX-License-Identifier: MIT
#
# What every target of the tree is compiled and linked with.
#
#   tarbox_target(TARGET)     the language level, warnings, host macros and, in the sanitizer
#                             presets, the sanitizer.  Call it once on each target.
#   tarbox_freestanding(TARGET)
#                             in addition: general registers only, nothing from a C library.

option(TARBOX_WERROR "Treat warnings as errors" OFF)
set(TARBOX_SANITIZE "" CACHE STRING "Sanitizer to build with: empty, address (with undefined) or thread")
set_property(CACHE TARBOX_SANITIZE PROPERTY STRINGS "" address thread)

add_library(tarbox_options INTERFACE)
target_compile_features(tarbox_options INTERFACE c_std_17)
target_compile_options(tarbox_options INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wold-style-definition;-Wpointer-arith;-Wvla;-Wundef;-Wwrite-strings;-Wimplicit-fallthrough>
  $<$<BOOL:${TARBOX_WERROR}>:-Werror>)

if(WIN32)
  # 0x0A00 is Windows 10.  The stdio macro makes printf() understand %zu and PRId64 with msvcrt.
  target_compile_definitions(tarbox_options INTERFACE
    _WIN32_WINNT=0x0A00 WINVER=0x0A00 UNICODE _UNICODE WIN32_LEAN_AND_MEAN NOMINMAX
    __USE_MINGW_ANSI_STDIO=1)
  # Sections that lie in the file as they do in memory are mapped by any loader, and read by none.
  target_link_options(tarbox_options INTERFACE
    -static-libgcc -Wl,--dynamicbase,--high-entropy-va,--nxcompat,--file-alignment,4096)
else()
  # -fPIE rather than CMake's -fPIC: every library here ends in an executable.
  target_compile_definitions(tarbox_options INTERFACE _GNU_SOURCE)
  target_compile_options(tarbox_options INTERFACE -fPIE)
  target_link_options(tarbox_options INTERFACE -pie -Wl,-z,relro,-z,now)
endif()

if(TARBOX_SANITIZE STREQUAL "address")
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    # Coverage for the fuzzers of tests/fuzz, which link against the same libraries.
    target_compile_options(tarbox_options INTERFACE
      $<$<COMPILE_LANGUAGE:C>:-fsanitize=fuzzer-no-link>)
  endif()
elseif(TARBOX_SANITIZE STREQUAL "thread")
  set(sanitizers -fsanitize=thread)
elseif(TARBOX_SANITIZE)
  message(FATAL_ERROR "TARBOX_SANITIZE is '${TARBOX_SANITIZE}': use address, thread or nothing.")
endif()
if(TARBOX_SANITIZE)
  target_compile_definitions(tarbox_options INTERFACE TARBOX_SANITIZED=1)
  target_compile_options(tarbox_options INTERFACE
    $<$<COMPILE_LANGUAGE:C>:${sanitizers};-fno-omit-frame-pointer>)
  target_link_options(tarbox_options INTERFACE ${sanitizers})
endif()

# Code that runs between a guest's instruction and the next must leave the guest's vector state
# and FS base alone.
#   -mgeneral-regs-only  no SSE, no x87
#   -fbuiltin            undoes a part of -ffreestanding: small memcpy() calls are expanded inline
#   -include             the calls that remain go to our own functions; see the header
#   -fno-tree-loop-...   a loop in those functions must not become a call of the same function
#   -mno-red-zone        one rule for both hosts: nothing lives below the stack pointer
# Unwind tables stay, for gdb.  TARBOX_FREESTANDING tells the sources.  Sanitizer
# runtimes use vector and FS state themselves: their presets build the same sources as ordinary
# code, without that macro.
add_library(tarbox_freestanding_options INTERFACE)
if(NOT TARBOX_SANITIZE)
  target_compile_definitions(tarbox_freestanding_options INTERFACE TARBOX_FREESTANDING=1)
  target_compile_options(tarbox_freestanding_options INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-ffreestanding;-fbuiltin;-mgeneral-regs-only;-mno-red-zone;-fno-stack-protector>
    "$<$<COMPILE_LANGUAGE:C>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/freestanding.h\">")
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(tarbox_freestanding_options INTERFACE
      $<$<COMPILE_LANGUAGE:C>:-fno-tree-loop-distribute-patterns>)
  endif()
endif()

function(tarbox_target target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE tarbox_options)
endfunction()

function(tarbox_freestanding target)
  target_link_libraries(${target} PRIVATE tarbox_freestanding_options)
endfunction()
