# SPDX-License-Identifier: MIT
#
# The libraries Tarbox stands on, as imported targets:
#
#   dep::archive dep::zlib dep::isal dep::zstd dep::lzma dep::bz2 dep::xxhash dep::zydis dep::jansson
#   dep::nettle dep::cmocka
#   dep::host    the host's own libraries, for platform only
#
# Linux and MSYS2: the distribution's development packages.  Cross-builds for Windows: the static
# libraries that cmake/windows-deps.sh leaves in TARBOX_DEPS_DIR/{include,lib}.  Each target brings
# what its library needs in turn.

set(dep_missing "")
if(CMAKE_CROSSCOMPILING AND WIN32)
  if(DEFINED ENV{TARBOX_CACHE})
    set(dep_default "$ENV{TARBOX_CACHE}/windows-deps")
  else()
    set(dep_default "$ENV{HOME}/.cache/tarbox/windows-deps")
  endif()
  set(TARBOX_DEPS_DIR "${dep_default}" CACHE PATH "Static libraries for Windows (cmake/windows-deps.sh)")
  set(dep_where PATHS "${TARBOX_DEPS_DIR}" NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  set(dep_advice "Run cmake/windows-deps.sh, which builds them into ${TARBOX_DEPS_DIR}.")
elseif(WIN32)
  set(dep_where "")
  set(dep_advice "Install the packages that CONTRIBUTING.md lists for MSYS2.")
else()
  set(dep_where "")
  set(dep_advice "On Debian, run cmake/debian-setup.sh.")
  # Two processes start for every run, and the shared libarchive brings 15 libraries with it that
  # nothing here uses.
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
endif()

# dependency(NAME header HEADER library NAME...): define dep::NAME, or note that it is missing.
# STATIC lists the macros that a static library needs its users to define on Windows.
function(dependency name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER" "LIBRARY;STATIC;LINKS")
  find_path(DEP_${name}_INCLUDE ${arg_HEADER} ${dep_where} PATH_SUFFIXES include)
  find_library(DEP_${name}_LIBRARY NAMES ${arg_LIBRARY} ${dep_where} PATH_SUFFIXES lib)
  mark_as_advanced(DEP_${name}_INCLUDE DEP_${name}_LIBRARY)
  if(NOT DEP_${name}_INCLUDE OR NOT DEP_${name}_LIBRARY)
    set(dep_missing ${dep_missing} ${name} PARENT_SCOPE)
    return()
  endif()
  add_library(dep::${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(dep::${name} PROPERTIES
    IMPORTED_LOCATION "${DEP_${name}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${DEP_${name}_INCLUDE}"
    INTERFACE_LINK_LIBRARIES "${arg_LINKS}")
  if(WIN32 AND NOT DEP_${name}_LIBRARY MATCHES "\\.dll\\.a$")
    set_target_properties(dep::${name} PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${arg_STATIC}")
  endif()
endfunction()

dependency(zlib HEADER zlib.h LIBRARY z)
dependency(isal HEADER isa-l/igzip_lib.h LIBRARY isal)
dependency(zstd HEADER zstd.h LIBRARY zstd)
dependency(lzma HEADER lzma.h LIBRARY lzma STATIC LZMA_API_STATIC)
dependency(bz2 HEADER bzlib.h LIBRARY bz2)
dependency(jansson HEADER jansson.h LIBRARY jansson)
dependency(xxhash HEADER xxhash.h LIBRARY xxhash)
dependency(zydis HEADER Zydis/Zydis.h LIBRARY Zydis STATIC ZYDIS_STATIC_BUILD ZYCORE_STATIC_BUILD)
dependency(cmocka HEADER cmocka.h LIBRARY cmocka cmocka-static STATIC CMOCKA_STATIC)
dependency(nettle HEADER nettle/sha2.h LIBRARY nettle)
set(dep_archive_links dep::zlib dep::zstd dep::lzma dep::bz2)
if(WIN32)
  list(APPEND dep_archive_links bcrypt)
endif()
dependency(archive HEADER archive.h LIBRARY archive STATIC LIBARCHIVE_STATIC LINKS ${dep_archive_links})

if(dep_missing)
  list(JOIN dep_missing ", " dep_missing)
  message(FATAL_ERROR "Missing libraries: ${dep_missing}. ${dep_advice}")
endif()

add_library(dep_host INTERFACE)
add_library(dep::host ALIAS dep_host)
if(WIN32)
  target_link_libraries(dep_host INTERFACE ntdll psapi)
else()
  find_package(Threads REQUIRED)
  target_link_libraries(dep_host INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
endif()
