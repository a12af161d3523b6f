# SPDX-License-Identifier: MIT
#
#   unit_test(FOLDER.NAME
#     SOURCES file...       by habit test_NAME.c
#     LIBS name...          layers (vfs) or dep:: targets; cmocka is always there
#     PRIVATE_OF layer...   layers whose private headers the test includes
#     [TIMEOUT seconds])    60 unless told
#   fuzz_test(NAME
#     SOURCES file... LIBS name... PRIVATE_OF layer...
#     [SEEDS folder])       seed inputs, read only
#
#   compared_test(NAME)     run.sh of the folder, on a tree that its pack.sh makes, against native runs
#
# unit_test() names the CTest test FOLDER.NAME.  Cross-built tests run under Wine.  fuzz_test()
# builds fuzz_NAME in the linux-asan preset and runs it for TARBOX_FUZZ_SECONDS as fuzz.NAME; it
# does nothing in the others.

option(TARBOX_LONG "Tests run their full counts (TARBOX_LONG=1): time limits are 20 times as long" OFF)
set(TARBOX_FUZZ_SECONDS 10 CACHE STRING "How long each fuzzer runs as a test")

# The host-side start of every test program: its libraries, private headers and options.
function(test_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;PRIVATE_OF")
  add_executable(${target} ${arg_SOURCES})
  tarbox_target(${target})
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(name IN LISTS arg_LIBS)
    if(name IN_LIST LAYERS)
      set(name tarbox::${name})
    endif()
    target_link_libraries(${target} PRIVATE ${name})
  endforeach()
  foreach(name IN LISTS arg_PRIVATE_OF)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${name}")
  endforeach()
  if(CMAKE_CROSSCOMPILING AND WIN32)
    set_target_properties(${target} PROPERTIES
      CROSSCOMPILING_EMULATOR "${PROJECT_SOURCE_DIR}/tests/wine/run.sh")
  endif()
endfunction()

function(unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBS;PRIVATE_OF")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(TARBOX_LONG)
    math(EXPR arg_TIMEOUT "20 * ${arg_TIMEOUT}")
  endif()
  string(REPLACE "." "_" target "test_${name}")
  test_program(${target}
    SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} dep::cmocka PRIVATE_OF ${arg_PRIVATE_OF})
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS unit)
endfunction()

function(fuzz_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SEEDS" "SOURCES;LIBS;PRIVATE_OF")
  if(NOT TARBOX_SANITIZE STREQUAL "address" OR NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  test_program(fuzz_${name} SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} PRIVATE_OF ${arg_PRIVATE_OF})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)

  # libFuzzer writes new inputs to the first folder and only reads the others.
  set(found "${CMAKE_CURRENT_BINARY_DIR}/corpus-${name}")
  file(MAKE_DIRECTORY "${found}")
  set(seeds "")
  if(arg_SEEDS)
    cmake_path(ABSOLUTE_PATH arg_SEEDS)
    set(seeds "${arg_SEEDS}")
  endif()
  add_test(NAME fuzz.${name}
    COMMAND fuzz_${name} -max_total_time=${TARBOX_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=1024
      -print_final_stats=1 "-artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${name}-"
      "${found}" ${seeds})
  math(EXPR limit "${TARBOX_FUZZ_SECONDS} + 60")
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT ${limit} LABELS fuzz)
endfunction()

# Once as it is, NAME.plain, and once with FS base cleared at every return, NAME.fs (chaos).
function(compared_test name)
  if((WIN32 AND NOT CMAKE_CROSSCOMPILING) OR TARBOX_SANITIZE STREQUAL "thread")
    return()
  endif()
  set(limit 900)
  if(TARBOX_LONG)
    set(limit 1800)
  endif()
  set(ways plain fs)
  if(TARBOX_SANITIZE)
    set(ways plain) # instrumented, once is slow enough
  endif()
  foreach(chaos IN LISTS ways)
    add_test(NAME ${name}.${chaos}
      COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/run.sh" "${PROJECT_SOURCE_DIR}/build/${name}" ${tarbox_command})
    set_tests_properties(${name}.${chaos} PROPERTIES TIMEOUT ${limit} LABELS guest
      ENVIRONMENT "TARBOX_CHAOS=${chaos}")
  endforeach()
endfunction()
