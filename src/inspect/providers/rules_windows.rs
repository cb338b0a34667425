//! Windows, with Microsoft's compilers or MinGW's.

use super::rules::Rule;
use crate::protocol::inspection::Environment::{self, WindowsGnu, WindowsMsvc};
use crate::protocol::inspection::ProviderKind as Kind;

const BOTH: &[Environment] = &[WindowsMsvc, WindowsGnu];
const MSVC: &[Environment] = &[WindowsMsvc];
const GNU: &[Environment] = &[WindowsGnu];

/// What `cl /MD` and rustc link by default.
const CRT: &[&str] = &["msvcrt.lib", "vcruntime.lib", "ucrt.lib"];

pub const RULES: &[Rule] = &[
    Rule {
        on: BOTH,
        symbols: &[
            "__ImageBase",
            "__image_base__",
            "___image_base__",
            "__safe_se_handler_table",
            "__safe_se_handler_count",
            "__guard_fids_table",
            "__guard_fids_count",
            "__guard_flags",
            "__guard_iat_table",
            "__guard_iat_count",
            "__guard_longjmp_table",
            "__guard_longjmp_count",
            "__guard_eh_cont_table",
            "__guard_eh_cont_count",
            "__CTOR_LIST__",
            "__DTOR_LIST__",
            "___CTOR_LIST__",
            "___DTOR_LIST__",
            "__RUNTIME_PSEUDO_RELOC_LIST__",
            "__RUNTIME_PSEUDO_RELOC_LIST_END__",
            "__data_start__",
            "__data_end__",
            "__bss_start__",
            "__bss_end__",
            "__NULL_IMPORT_DESCRIPTOR",
        ],
        kind: Kind::Linker,
        name: "the linker",
        link: &[],
        why: "the linker defines it when it writes the program: nothing to add",
    },
    // Microsoft's.
    Rule {
        on: MSVC,
        symbols: &[
            "mainCRTStartup",
            "wmainCRTStartup",
            "WinMainCRTStartup",
            "wWinMainCRTStartup",
            "_DllMainCRTStartup",
        ],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "where a program or DLL starts, before main: the linker looks for it by itself. \
              Unresolved: the C runtime is not linked (/NODEFAULTLIB, or no object asked for it with \
              /DEFAULTLIB, as with Rust libraries only); add msvcrt.lib, or libcmt.lib for the static \
              runtime, not both",
    },
    Rule {
        on: MSVC,
        symbols: &["_fltused", "_fltused_*"],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "compilers name it in every object that uses floating point, so that the C runtime's \
              support is linked: it is an int, not a function. msvcrt.lib or libcmt.lib defines it; \
              only a program without a C runtime defines `int _fltused` itself",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "__chkstk",
            "_chkstk",
            "__alloca_probe",
            "_alloca_probe",
            "__alloca_probe_16",
            "__alloca_probe_8",
        ],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "compilers call it in functions with more than a page of stack. It is static code in \
              msvcrt.lib and libcmt.lib; a program without a C runtime writes its own in assembly",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "_tls_index",
            "_tls_used",
            "_tls_start",
            "_tls_end",
            "__dyn_tls_init",
            "__dyn_tls_on_demand_init",
            "__tls_guard",
            "__xl_a",
            "__xl_z",
        ],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "the program's place in the table of thread locals, and the directory that makes Windows \
              set them up: both in the C runtime. Without one, define _tls_index and _tls_used and link \
              with /INCLUDE:_tls_used, else Rust's thread locals crash",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "__security_cookie",
            "__security_cookie_complement",
            "__security_check_cookie",
            "__security_init_cookie",
            "__GSHandlerCheck",
            "__GSHandlerCheck_SEH",
            "__GSHandlerCheck_EH",
            "__GSHandlerCheck_EH4",
            "__report_rangecheckfailure",
            "__guard_check_icall_fptr",
            "__guard_dispatch_icall_fptr",
            "__guard_xfg_check_icall_fptr",
            "__guard_xfg_dispatch_icall_fptr",
            "_guard_check_icall",
            "_guard_dispatch_icall",
            "__isa_available",
            "__isa_enabled",
            "__favor",
            "atexit",
            "at_quick_exit",
            "_load_config_used",
            "_RTC_InitBase",
            "_RTC_Shutdown",
            "_RTC_CheckStackVars",
            "_RTC_CheckEsp",
            "__scrt_*",
            "__vcrt_*",
            "__acrt_initialize",
            "__acrt_uninitialize",
        ],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "static support code of Microsoft's C runtime (stack cookies, control flow guard, \
              start-up): in msvcrt.lib and libcmt.lib, in no DLL",
    },
    Rule {
        on: MSVC,
        symbols: &["??_7type_info@@6B@"],
        kind: Kind::CRuntime,
        name: "msvcrt.lib (static: libcmt.lib, libvcruntime.lib)",
        link: CRT,
        why: "the vtable of type_info: type descriptors of exceptions, Rust's panics among them, point \
              to it. Static code of the C++ runtime that comes with the C runtime",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "printf",
            "fprintf",
            "sprintf",
            "vprintf",
            "vfprintf",
            "vsprintf",
            "snprintf",
            "vsnprintf",
            "_snprintf",
            "_vsnprintf",
            "scanf",
            "fscanf",
            "sscanf",
            "_snwprintf",
            "swprintf",
            "vswprintf",
            "wprintf",
            "fwprintf",
            "_scprintf",
            "_vscprintf",
        ],
        kind: Kind::Libc,
        name: "legacy_stdio_definitions.lib",
        link: &["legacy_stdio_definitions.lib"],
        why: "inline in the headers since Visual Studio 2015, so no longer in ucrt.lib: objects that \
              were compiled without these headers (older compilers, Rust's `extern \"C\"`) need \
              legacy_stdio_definitions.lib",
    },
    Rule {
        on: MSVC,
        symbols: &["__iob_func", "_iob"],
        kind: Kind::Foreign,
        name: "a C runtime older than Visual Studio 2015",
        link: &[],
        why: "stdin, stdout and stderr before Visual Studio 2015: no present library has it; compile \
              the object again with present headers",
    },
    Rule {
        on: MSVC,
        symbols: &["__delayLoadHelper2", "__delayLoadHelper"],
        kind: Kind::CRuntime,
        name: "delayimp.lib",
        link: &["delayimp.lib"],
        why: "/DELAYLOAD needs it",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "??2@YAPEAX_K@Z",
            "??3@YAXPEAX@Z",
            "??3@YAXPEAX_K@Z",
            "??_U@YAPEAX_K@Z",
            "??_V@YAXPEAX@Z",
            "??2@YAPAXI@Z",
            "??3@YAXPAX@Z",
            "??3@YAXPAXI@Z",
        ],
        kind: Kind::CxxRuntime,
        name: "msvcrt.lib (static: libcmt.lib)",
        link: CRT,
        why: "C++'s operator new and delete: static code of the C++ runtime that comes with the C \
              runtime",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "__std_find_*",
            "__std_count_*",
            "__std_search_*",
            "__std_reverse_*",
            "__std_swap_*",
            "__std_min_*",
            "__std_max_*",
            "__std_replace_*",
            "__std_remove_*",
            "?_X*",
            "?_Lock*",
        ],
        kind: Kind::CxxRuntime,
        name: "msvcprt.lib (msvcp140.dll; static: libcpmt.lib)",
        link: &["msvcprt.lib"],
        why: "C++ standard library. A missing __std_… helper means objects compiled by a newer Visual \
              Studio than the linked libraries are of",
    },
    Rule {
        on: MSVC,
        symbols: &["?*"],
        kind: Kind::CxxRuntime,
        name: "C++ code, perhaps msvcprt.lib (msvcp140.dll)",
        link: &["msvcprt.lib"],
        why: "a C++ name (undname shows it in full): if it is in namespace std it is the C++ standard \
              library's, else of a C++ library that a -sys crate links",
    },
    Rule {
        on: MSVC,
        symbols: &[
            "__udivti3",
            "__umodti3",
            "__divti3",
            "__modti3",
            "__multi3",
            "__muloti4",
            "__floattidf",
            "__floattisf",
            "__floatuntidf",
            "__floatuntisf",
            "__fixdfti",
            "__fixsfti",
            "__fixunsdfti",
            "__fixunssfti",
            "__ashlti3",
            "__ashrti3",
            "__lshrti3",
            "__truncdfhf2",
            "__truncsfhf2",
            "__extendhfsf2",
            "__cpu_model",
            "__cpu_indicator_init",
        ],
        kind: Kind::CompilerRuntime,
        name: "compiler_builtins (clang: clang_rt.builtins-x86_64.lib)",
        link: &["clang_rt.builtins-x86_64.lib"],
        why: "helpers for 128-bit integers and half floats. Rust libraries bring them in \
              compiler_builtins; clang-cl's objects need compiler-rt's builtins",
    },
    Rule {
        on: MSVC,
        symbols: &["ProcessPrng"],
        kind: Kind::SystemDll,
        name: "bcryptprimitives.dll",
        link: &[],
        why: "Windows' random numbers, for Rust's HashMap. No SDK has an import library: Rust's std \
              makes the import itself (raw-dylib), so the library that needs it holds the import \
              object too; unresolved, that object was removed",
    },
    // MinGW's.
    Rule {
        on: GNU,
        symbols: &["ProcessPrng"],
        kind: Kind::SystemDll,
        name: "bcryptprimitives.dll",
        link: &[],
        why: "Windows' random numbers, for Rust's HashMap. Rust's std makes the import itself \
              (raw-dylib), so the library that needs it holds the import object too; unresolved, that \
              object was removed or comes before what needs it",
    },
    Rule {
        on: GNU,
        symbols: &[
            "mainCRTStartup",
            "wmainCRTStartup",
            "WinMainCRTStartup",
            "wWinMainCRTStartup",
        ],
        kind: Kind::CRuntime,
        name: "crt2.o",
        link: &[],
        why: "where a program starts, before main: gcc and clang add crt2.o (crt2u.o with -municode); \
              ld called directly, or -nostartfiles, does not",
    },
    Rule {
        on: GNU,
        symbols: &["DllMainCRTStartup", "_DllMainCRTStartup"],
        kind: Kind::CRuntime,
        name: "dllcrt2.o",
        link: &[],
        why: "where a DLL starts: gcc -shared adds dllcrt2.o; ld called directly does not",
    },
    Rule {
        on: GNU,
        symbols: &["WinMain"],
        kind: Kind::CRuntime,
        name: "the program",
        link: &[],
        why: "MinGW's start-up code asks for WinMain where the program has no main: an object with main \
              is missing",
    },
    Rule {
        on: GNU,
        symbols: &["_tls_index", "_tls_used"],
        kind: Kind::CRuntime,
        name: "libmingw32.a",
        link: &["-lmingw32"],
        why: "the program's place in the table of thread locals: gcc and clang link -lmingw32 by \
              themselves; ld called directly, or -nostdlib, does not",
    },
    Rule {
        on: GNU,
        symbols: &["___chkstk_ms", "___chkstk", "__alloca"],
        kind: Kind::CompilerRuntime,
        name: "libgcc.a",
        link: &["-lgcc"],
        why: "gcc and rustc call it in functions with more than a page of stack. libgcc has it \
              (compiler-rt's builtins in LLVM's MinGW), and Rust's compiler_builtins; the MSVC \
              equivalent is __chkstk, so an object that needs this one was compiled for MinGW",
    },
    Rule {
        on: GNU,
        symbols: &["__emutls_get_address", "__emutls_*"],
        kind: Kind::CompilerRuntime,
        name: "libgcc_eh.a",
        link: &["-lgcc_eh"],
        why: "MinGW's gcc emulates C thread locals with it (Rust's and clang's are native): in a \
              static program -lgcc_eh, else -lgcc_s",
    },
    Rule {
        on: GNU,
        symbols: &[
            "_GCC_specific_handler",
            "__gcc_personality_*",
            "__register_frame*",
            "__deregister_frame*",
        ],
        kind: Kind::Unwinder,
        name: "libgcc_eh.a",
        link: &["-lgcc_eh"],
        why: "gcc's unwinding by way of Windows' own tables: in a static program -lgcc_eh, else \
              -lgcc_s (libgcc_s_seh-1.dll); LLVM's MinGW has it in -lunwind",
    },
    Rule {
        on: GNU,
        symbols: &["__mingw_*", "__ms_*"],
        kind: Kind::Libc,
        name: "libmingwex.a",
        link: &["-lmingwex"],
        why: "MinGW's own additions to the C library; gcc and clang link -lmingwex by themselves",
    },
    Rule {
        on: GNU,
        symbols: &["pthread_*", "sem_*"],
        kind: Kind::Pthread,
        name: "winpthreads",
        link: &["-lwinpthread"],
        why: "POSIX threads on Windows: gcc's posix variant links it by itself, the win32 variant does \
              not",
    },
    Rule {
        on: GNU,
        symbols: &["_head_lib*", "__lib64_*", "_lib64_*", "__lib32_*"],
        kind: Kind::SystemDll,
        name: "an import library",
        link: &[],
        why: "ties the members of one DLL's import library together: a member of the import library \
              was copied into the library without its head or tail member",
    },
    Rule {
        on: BOTH,
        symbols: &["__IMPORT_DESCRIPTOR_*"],
        kind: Kind::SystemDll,
        name: "an import library",
        link: &[],
        why: "the DLL's entry in the import table: a long-form object of its import library, which must \
              stay together with its short import objects",
    },
    Rule {
        on: GNU,
        symbols: &["_fltused"],
        kind: Kind::Foreign,
        name: "Microsoft's C runtime (windows-msvc)",
        link: &[],
        why: "an object was compiled for MSVC (its target ends in -windows-msvc): MinGW has no such \
              symbol; compile it for -windows-gnu",
    },
    Rule {
        on: GNU,
        symbols: &[
            "__CxxFrameHandler3",
            "__CxxFrameHandler4",
            "_CxxThrowException",
            "__chkstk",
            "__security_cookie",
            "__security_check_cookie",
        ],
        kind: Kind::Foreign,
        name: "Microsoft's C runtime (windows-msvc)",
        link: &[],
        why: "an object was compiled for MSVC (its target ends in -windows-msvc); compile it for \
              -windows-gnu, or build everything for MSVC",
    },
];
