# SPDX-License-Identifier: MIT
#
# Layers: one static library per folder, and which of them may use which.
#
#   layer(NAME
#     [FREESTANDING]                all C sources of the layer are freestanding
#     HEADERS               file... public headers (and .def tables), below include/
#     SOURCES               file... ordinary C, with the C library
#     FREESTANDING_SOURCES  file... C built for general registers only, and assembly beside it
#     LINUX_SOURCES         file... ordinary C for this host only
#     WINDOWS_SOURCES       file...
#     PUBLIC                name... layers or dep:: targets that a public header includes
#     PRIVATE               name... layers or dep:: targets that only sources include)
#
# The target is tarbox_NAME, with the alias tarbox::NAME.  A layer without sources is an INTERFACE
# library.  Each public header is also compiled alone (target all_verify_interface_header_sets,
# part of every build preset).

set(LAYER_MAY_USE_abi "")
set(LAYER_MAY_USE_platform abi)
set(LAYER_MAY_USE_core platform abi)
set(LAYER_MAY_USE_vfs core platform abi)
set(LAYER_MAY_USE_image vfs core platform abi)
set(LAYER_MAY_USE_shim vfs core platform abi)
set(LAYER_MAY_USE_runner shim image vfs core platform abi)
set(LAYER_MAY_USE_cmd runner image core platform abi)
set(LAYERS abi platform core vfs image shim runner cmd)

# Library targets for the dependencies NAMES of layer NAME, in OUT.
function(layer_resolve out name)
  set(targets "")
  foreach(dependency IN LISTS ARGN)
    if(dependency IN_LIST LAYERS)
      if(NOT dependency IN_LIST LAYER_MAY_USE_${name})
        list(JOIN LAYER_MAY_USE_${name} ", " allowed)
        message(FATAL_ERROR
          "layer '${name}' may not use '${dependency}'. It may use: ${allowed}. "
          "The directions are in cmake/Layer.cmake and docs/style-guide.md.")
      endif()
      list(APPEND targets tarbox::${dependency})
    elseif(dependency STREQUAL "dep::host" AND NOT name STREQUAL "platform")
      message(FATAL_ERROR "layer '${name}' may not use dep::host: only 'platform' calls the host.")
    elseif(dependency MATCHES "^dep::")
      list(APPEND targets ${dependency})
    else()
      message(FATAL_ERROR "layer '${name}' uses '${dependency}', which is no layer and no dep:: target.")
    endif()
  endforeach()
  set(${out} "${targets}" PARENT_SCOPE)
endfunction()

function(layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "FREESTANDING" ""
    "HEADERS;SOURCES;FREESTANDING_SOURCES;LINUX_SOURCES;WINDOWS_SOURCES;PUBLIC;PRIVATE")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "layer '${name}': unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT name IN_LIST LAYERS)
    message(FATAL_ERROR "'${name}' is not in the list of layers in cmake/Layer.cmake.")
  endif()
  layer_resolve(public ${name} ${arg_PUBLIC})
  layer_resolve(private ${name} ${arg_PRIVATE})

  set(hosted ${arg_SOURCES})
  set(freestanding ${arg_FREESTANDING_SOURCES})
  if(arg_FREESTANDING)
    list(APPEND freestanding ${hosted})
    set(hosted "")
  endif()
  if(WIN32)
    list(APPEND hosted ${arg_WINDOWS_SOURCES})
  else()
    list(APPEND hosted ${arg_LINUX_SOURCES})
  endif()

  set(target tarbox_${name})
  if(hosted OR freestanding)
    set(scope PUBLIC)
    add_library(${target} STATIC ${hosted})
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
    target_link_libraries(${target} PUBLIC ${public} PRIVATE ${private})
    target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    tarbox_target(${target})
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${public})
  endif()
  add_library(tarbox::${name} ALIAS ${target})

  set(tables ${arg_HEADERS})
  list(FILTER arg_HEADERS INCLUDE REGEX "\\.h$")
  list(FILTER tables EXCLUDE REGEX "\\.h$")
  target_sources(${target}
    ${scope} FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS}
    ${scope} FILE_SET tables TYPE HEADERS BASE_DIRS include FILES ${tables})
  set_target_properties(${target} PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)

  if(freestanding)
    set(objects ${target}_freestanding)
    add_library(${objects} OBJECT ${freestanding})
    target_link_libraries(${objects} PRIVATE ${public} ${private})
    target_include_directories(${objects} PRIVATE include "${CMAKE_CURRENT_SOURCE_DIR}")
    tarbox_target(${objects})
    tarbox_freestanding(${objects})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    set_property(GLOBAL APPEND PROPERTY TARBOX_FREESTANDING_TARGETS ${objects})
  endif()
endfunction()
