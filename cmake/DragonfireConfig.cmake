# Package file of an install tree, and of the source tree (-DDragonfire_DIR=<source>/cmake).

get_filename_component(_dragonfire_prefix "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
if(NOT EXISTS "${_dragonfire_prefix}/Cargo.toml")
  # Installed: the engine is in the bin folder above lib/cmake/Dragonfire or lib/<arch>/cmake/Dragonfire.
  set_property(GLOBAL PROPERTY _DRAGONFIRE_ENGINE_HINT
    "${CMAKE_CURRENT_LIST_DIR}/../../../bin" "${CMAKE_CURRENT_LIST_DIR}/../../../../bin")
endif()
unset(_dragonfire_prefix)

include("${CMAKE_CURRENT_LIST_DIR}/Dragonfire.cmake")
