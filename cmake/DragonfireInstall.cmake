# INSTALL of add_rust_staticlibs(): libraries, .pc files and a config package.
#
# install(EXPORT) cannot export imported targets, and native libraries are known when all is built:
# the engine writes the targets file, this the package around it.

include_guard(GLOBAL)

function(_dragonfire_install)
  if(arg_DESTINATION)
    set(destination "${arg_DESTINATION}")
  else()
    if(NOT DEFINED CMAKE_INSTALL_LIBDIR)
      include(GNUInstallDirs)
    endif()
    set(destination "${CMAKE_INSTALL_LIBDIR}")
  endif()
  set(products "${outdir}/${shared_file}")
  foreach(file IN LISTS files)
    list(APPEND products "${outdir}/${file}")
  endforeach()
  # A second workspace library of one name would silently replace the first.
  foreach(file IN LISTS files shared_file)
    get_property(owner GLOBAL PROPERTY "_DRAGONFIRE_INSTALLED_${destination}/${file}")
    if(owner)
      message(FATAL_ERROR "${call} INSTALL: ${owner} installs a ${file} to ${destination} too; "
        "give another DESTINATION, or another workspace_library in the MANIFEST")
    endif()
    set_property(GLOBAL PROPERTY "_DRAGONFIRE_INSTALLED_${destination}/${file}" "${name}")
  endforeach()

  _dragonfire_write("${base}/${package}Config.cmake"
"# Targets of the Rust plugins that were installed as package ${package}.
file(GLOB _dragonfire_targets \"\${CMAKE_CURRENT_LIST_DIR}/*-targets.cmake\")
foreach(_dragonfire_file IN LISTS _dragonfire_targets)
  include(\"\${_dragonfire_file}\")
endforeach()
unset(_dragonfire_file)
unset(_dragonfire_targets)
")
  set(package_files "${base}/${package}Config.cmake")
  if(PROJECT_VERSION)
    include(CMakePackageConfigHelpers)
    write_basic_package_version_file("${base}/${package}ConfigVersion.cmake"
      VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMajorVersion)
    list(APPEND package_files "${base}/${package}ConfigVersion.cmake")
  endif()

  set(package_dir "${destination}/cmake/${package}")
  install(FILES ${products} DESTINATION "${destination}")
  install(DIRECTORY "${outdir}/pkgconfig/" DESTINATION "${destination}/pkgconfig")
  install(FILES ${package_files} "${outdir}/cmake/${package}/${name}-targets.cmake"
    DESTINATION "${package_dir}")
endfunction()
