# Finds the engine, or builds it from the source tree that holds this file.

include_guard(GLOBAL)

# Installed: <prefix>/bin beside <prefix>/<libdir>/cmake/Dragonfire. DragonfireConfig.cmake sets the
# hint; in a source tree there is none.
function(_dragonfire_engine out)
  if(DRAGONFIRE_EXECUTABLE)
    if(NOT EXISTS "${DRAGONFIRE_EXECUTABLE}" OR IS_DIRECTORY "${DRAGONFIRE_EXECUTABLE}")
      message(FATAL_ERROR "DRAGONFIRE_EXECUTABLE \"${DRAGONFIRE_EXECUTABLE}\" is not a file")
    endif()
    set(${out} "${DRAGONFIRE_EXECUTABLE}" PARENT_SCOPE)
    return()
  endif()
  get_property(engine GLOBAL PROPERTY _DRAGONFIRE_ENGINE)
  if(NOT engine)
    get_property(hint GLOBAL PROPERTY _DRAGONFIRE_ENGINE_HINT)
    # The host's PATH, also where a toolchain file confines searches to the target's tree.
    find_program(DRAGONFIRE_EXECUTABLE dragonfire HINTS ${hint} NO_CMAKE_FIND_ROOT_PATH
      DOC "The dragonfire engine")
    set(engine "${DRAGONFIRE_EXECUTABLE}")
    if(NOT engine)
      _dragonfire_build_engine(engine)
    endif()
    set_property(GLOBAL PROPERTY _DRAGONFIRE_ENGINE "${engine}")
  endif()
  set(${out} "${engine}" PARENT_SCOPE)
endfunction()

# At configure time, because `discover` is needed then. Cargo does nothing when nothing changed.
function(_dragonfire_build_engine out)
  get_filename_component(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}" DIRECTORY)
  if(NOT EXISTS "${source}/Cargo.toml")
    message(FATAL_ERROR "The dragonfire engine was not found. Put it on PATH, or set "
      "DRAGONFIRE_EXECUTABLE to it")
  endif()
  _dragonfire_cargo(cargo)
  _dragonfire_engine_command(command engine "${cargo}")
  message(STATUS "Building the dragonfire engine")
  execute_process(COMMAND ${command} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "The dragonfire engine could not be built in \"${source}\" (${status}). "
      "Put it on PATH, or set DRAGONFIRE_EXECUTABLE to it")
  endif()
  set(${out} "${engine}" PARENT_SCOPE)
endfunction()

# The command that builds the engine, and where it puts it. The environment may speak of the target
# that the plugins are for; the engine runs here.
function(_dragonfire_engine_command out_command out_engine cargo)
  get_filename_component(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}" DIRECTORY)
  set(dir "${DRAGONFIRE_ENGINE_DIR}")
  if(NOT dir)
    set(dir "${CMAKE_BINARY_DIR}/dragonfire-engine")
  endif()
  set(suffix "")
  if(CMAKE_HOST_WIN32)
    set(suffix ".exe")
  endif()
  set(${out_command} "${CMAKE_COMMAND}" -E env --unset=CARGO_BUILD_TARGET --unset=CARGO_ENCODED_RUSTFLAGS
    "${cargo}" build --release --locked --bin dragonfire
    --manifest-path "${source}/Cargo.toml" --target-dir "${dir}" PARENT_SCOPE)
  set(${out_engine} "${dir}/release/dragonfire${suffix}" PARENT_SCOPE)
endfunction()

function(_dragonfire_cargo out)
  if(DRAGONFIRE_CARGO)
    set(cargo "${DRAGONFIRE_CARGO}")
  elseif(DEFINED ENV{CARGO})
    set(cargo "$ENV{CARGO}")
  else()
    find_program(_dragonfire_cargo_found cargo HINTS "$ENV{HOME}/.cargo/bin" NO_CACHE
      NO_CMAKE_FIND_ROOT_PATH)
    set(cargo "${_dragonfire_cargo_found}")
    if(NOT cargo)
      message(FATAL_ERROR "cargo was not found. Put it on PATH, or set DRAGONFIRE_CARGO to it")
    endif()
  endif()
  set(${out} "${cargo}" PARENT_SCOPE)
endfunction()
