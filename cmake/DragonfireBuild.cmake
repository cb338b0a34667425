# Build-time half of add_rust_staticlibs(), run by its custom command:
#   cmake -DENGINE=<engine> -DDIR=<dir with request.json> -DNAME=<name> -P DragonfireBuild.cmake

cmake_minimum_required(VERSION 3.22...3.31)
include("${CMAKE_CURRENT_LIST_DIR}/DragonfireJson.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/DragonfireRequest.cmake")

_dragonfire_request("${ENGINE}" "${DIR}/request.json" "${DIR}/response.json" response "${NAME}:")

# One linker response file for each plugin: what a program that links it needs besides Rust libraries.
_dragonfire_json_list(linker_args "${response}" link linker_args)
string(JSON count LENGTH "${response}" plugins)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON library GET "${response}" plugins ${i} library)
  _dragonfire_json_list(native "${response}" plugins ${i} native_static_libs)
  set(lines "")
  foreach(argument IN LISTS native linker_args)
    # The linker itself reads the file, so what was meant for a compiler driver loses its wrapping.
    if(argument MATCHES "^-Wl,(.*)")
      string(REPLACE "," "\n" argument "${CMAKE_MATCH_1}")
    elseif(argument MATCHES "^-Xlinker (.*)")
      set(argument "${CMAKE_MATCH_1}")
    elseif(argument MATCHES "^(-framework|-z) +(.*)")
      set(argument "${CMAKE_MATCH_1}\n${CMAKE_MATCH_2}")
    elseif(argument MATCHES "[ \t]")
      set(argument "\"${argument}\"")
    endif()
    string(APPEND lines "${argument}\n")
  endforeach()
  _dragonfire_write("${DIR}/${library}.rsp" "${lines}")
endforeach()

file(TOUCH "${DIR}/built")
