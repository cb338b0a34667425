# clang and LLVM's linker for macOS, without Xcode: SYSTEM is a folder with libSystem's stub, HEADERS one with C's
# headers, UNWINDER a static library that libSystem would have.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET arm64-apple-macos11)
set(CMAKE_INSTALL_NAME_TOOL llvm-install-name-tool-19)
set(CMAKE_AR llvm-ar-19 CACHE FILEPATH "")
set(CMAKE_RANLIB llvm-ranlib-19 CACHE FILEPATH "")
# No SDK: CMake would look for one.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "")
set(CMAKE_C_FLAGS_INIT "-isystem $ENV{HEADERS}")
# Before libSystem, whose own unwinder is a stub here.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -L$ENV{SYSTEM} $ENV{UNWINDER}")
