# clang for the MSVC ABI, without Visual Studio: CRT is a folder with what stands in for its libraries.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET x86_64-pc-windows-msvc)
set(CMAKE_RC_COMPILER llvm-rc-19)
set(CMAKE_MT llvm-mt-19)
# A program cannot be linked before its start-up code is named.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "-ffreestanding -I$ENV{CRT_SOURCES}")
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "-Xlinker /nodefaultlib -Xlinker /entry:mainCRTStartup -Xlinker /include:_tls_used -Xlinker /libpath:$ENV{CRT}")
set(CMAKE_C_STANDARD_LIBRARIES "$ENV{CRT}/crt.obj $ENV{CRT}/vcruntime140.lib $ENV{CRT}/ucrtbase.lib $ENV{CRT}/kernel32.lib"
  CACHE STRING "")
