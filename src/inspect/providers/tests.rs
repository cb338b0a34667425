//! Tests of the providers table.

use super::*;
use Environment as E;
use ProviderKind as K;

#[track_caller]
fn check(environment: E, symbol: &str, kind: K, name: &str) {
    let got = provider(environment, symbol);
    assert!(
        got.kind == kind && got.name.contains(name),
        "{symbol} on {}: {got:?}",
        environment.as_str()
    );
    assert!(!got.why.is_empty());
}

#[test]
fn msvc() {
    for symbol in [
        "mainCRTStartup",
        "_fltused",
        "__chkstk",
        "_tls_index",
        "??_7type_info@@6B@",
    ] {
        check(E::WindowsMsvc, symbol, K::CRuntime, "msvcrt.lib");
    }
    for symbol in [
        "__CxxFrameHandler3",
        "memcpy",
        "_CxxThrowException",
        "__C_specific_handler",
    ] {
        check(E::WindowsMsvc, symbol, K::CRuntime, "vcruntime140.dll");
    }
    check(
        E::WindowsMsvc,
        "__CxxFrameHandler4",
        K::CRuntime,
        "vcruntime140_1.dll",
    );
    check(E::WindowsMsvc, "pow", K::Libm, "ucrtbase.dll");
    check(E::WindowsMsvc, "strlen", K::Libc, "ucrtbase.dll");
    check(
        E::WindowsMsvc,
        "__imp_WSAStartup",
        K::SystemDll,
        "ws2_32.dll",
    );
    check(E::WindowsMsvc, "NtWriteFile", K::SystemDll, "ntdll.dll");
    check(
        E::WindowsMsvc,
        "__imp_GetUserProfileDirectoryW",
        K::SystemDll,
        "userenv.dll",
    );
    check(
        E::WindowsMsvc,
        "BCryptGenRandom",
        K::SystemDll,
        "bcrypt.dll",
    );
    check(
        E::WindowsMsvc,
        "WaitOnAddress",
        K::SystemDll,
        "api-ms-win-core-synch-l1-2-0.dll",
    );
    check(
        E::WindowsMsvc,
        "printf",
        K::Libc,
        "legacy_stdio_definitions.lib",
    );
    // 32 bit: decorated.
    check(E::WindowsMsvc, "_memcpy", K::CRuntime, "vcruntime140.dll");
    check(
        E::WindowsMsvc,
        "__imp__CreateFileW@28",
        K::SystemDll,
        "kernel32.dll",
    );
    // Compiled for MinGW by mistake.
    check(E::WindowsMsvc, "___chkstk_ms", K::Foreign, "libgcc");
    check(E::WindowsMsvc, "_Unwind_Resume", K::Foreign, "windows-gnu");
}

#[test]
fn the_way_to_link_follows_the_environment() {
    assert_eq!(provider(E::WindowsMsvc, "WSAStartup").link, ["ws2_32.lib"]);
    assert_eq!(provider(E::WindowsGnu, "WSAStartup").link, ["-lws2_32"]);
    assert_eq!(provider(E::LinuxGlibc, "pow").link, ["-lm"]);
    assert_eq!(
        provider(E::Apple, "_SecRandomCopyBytes").link,
        ["-framework", "Security"]
    );
    assert_eq!(
        provider(E::LinuxGlibc, "gst_video_frame_map").link,
        ["$(pkg-config --libs gstreamer-video-1.0)"]
    );
}

#[test]
fn mingw() {
    check(E::WindowsGnu, "mainCRTStartup", K::CRuntime, "crt2.o");
    check(E::WindowsGnu, "___chkstk_ms", K::CompilerRuntime, "libgcc");
    check(E::WindowsGnu, "_Unwind_Resume", K::Unwinder, "libgcc_eh");
    check(
        E::WindowsGnu,
        "__emutls_get_address",
        K::CompilerRuntime,
        "libgcc_eh",
    );
    check(E::WindowsGnu, "_tls_index", K::CRuntime, "libmingw32");
    check(E::WindowsGnu, "memcpy", K::Libc, "msvcrt");
    check(E::WindowsGnu, "powf", K::Libm, "libmingwex");
    check(E::WindowsGnu, "__imp_NtReadFile", K::SystemDll, "ntdll.dll");
    check(E::WindowsGnu, "_ZdlPv", K::CxxRuntime, "libstdc++");
    check(E::WindowsGnu, "clock_gettime", K::Pthread, "winpthreads");
    check(E::WindowsGnu, "_fltused", K::Foreign, "windows-msvc");
    check(
        E::WindowsGnu,
        "__CxxFrameHandler3",
        K::Foreign,
        "windows-msvc",
    );
}

#[test]
fn glibc() {
    check(E::LinuxGlibc, "memcpy", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "__errno_location", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "__rawmemchr", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "__isinf", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "_dl_find_object", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "dlsym", K::Libdl, "libdl");
    check(E::LinuxGlibc, "dl_iterate_phdr", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "pow", K::Libm, "libm.so.6");
    check(E::LinuxGlibc, "_ZGVbN4v_sinf", K::Libm, "libmvec.so.1");
    check(E::LinuxGlibc, "__isoc23_strtol", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "sinpif", K::Libm, "libm.so.6");
    check(E::LinuxGlibc, "pthread_create", K::Pthread, "libpthread");
    check(E::LinuxGlibc, "_Unwind_Resume", K::Unwinder, "libgcc_s");
    check(E::LinuxGlibc, "__tls_get_addr", K::Libc, "ld.so");
    check(E::LinuxGlibc, "__udivti3", K::CompilerRuntime, "libgcc");
    check(E::LinuxGlibc, "__aeabi_uidiv", K::CompilerRuntime, "libgcc");
    check(
        E::LinuxGlibc,
        "__aeabi_unwind_cpp_pr0",
        K::Unwinder,
        "libgcc_s",
    );
    check(
        E::LinuxGlibc,
        "__atomic_load_16",
        K::CompilerRuntime,
        "libatomic",
    );
    // In libc, though other __cxa_ names are C++'s.
    check(
        E::LinuxGlibc,
        "__cxa_thread_atexit_impl",
        K::Libc,
        "libc.so.6",
    );
    check(E::LinuxGlibc, "__cxa_throw", K::CxxRuntime, "libstdc++");
    check(E::LinuxGlibc, "_ZdlPv", K::CxxRuntime, "libstdc++");
    check(
        E::LinuxGlibc,
        "_ZNSt6thread4joinEv",
        K::CxxRuntime,
        "libstdc++",
    );
    check(E::LinuxGlibc, "_GLOBAL_OFFSET_TABLE_", K::Linker, "linker");
    check(E::LinuxGlibc, "__start_my_registry", K::Linker, "linker");
    check(E::LinuxGlibc, "memcpy@GLIBC_2.14", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "memcpy@@GLIBC_2.14", K::Libc, "libc.so.6");
    check(E::LinuxGlibc, "mainCRTStartup", K::Foreign, "windows");
    check(E::LinuxGlibc, "no_such_symbol_anywhere", K::Unknown, "");
    check(
        E::LinuxGlibc,
        "_RNvCsdXd3oyQZDmM_7___rustc12___rust_alloc",
        K::Rust,
        "allocator shim",
    );
    check(E::LinuxGlibc, "__rust_dealloc", K::Rust, "allocator shim");
    check(
        E::LinuxGlibc,
        "_ZN3std9panicking11begin_panic17h0123456789abcdefE",
        K::Rust,
        "Rust",
    );
}

#[test]
fn gstreamer() {
    for (symbol, module) in [
        ("g_malloc", "glib-2.0"),
        ("g_object_new", "gobject-2.0"),
        ("g_socket_new", "gio-2.0"),
        ("gst_element_factory_make", "gstreamer-1.0"),
        ("gst_base_transform_get_type", "gstreamer-base-1.0"),
        ("gst_audio_info_init", "gstreamer-audio-1.0"),
        ("gst_video_info_init", "gstreamer-video-1.0"),
        ("gst_rtp_buffer_map", "gstreamer-rtp-1.0"),
        ("gst_net_client_clock_new", "gstreamer-net-1.0"),
        ("gst_app_src_push_buffer", "gstreamer-app-1.0"),
        (
            "gst_webrtc_ice_candidate_stats_copy",
            "gstreamer-webrtc-1.0",
        ),
    ] {
        check(E::LinuxGlibc, symbol, K::PkgConfig, module);
        check(E::WindowsMsvc, symbol, K::PkgConfig, module);
        check(E::Apple, &format!("_{symbol}"), K::PkgConfig, module);
    }
}

#[test]
fn musl_android_apple() {
    check(E::LinuxMusl, "pow", K::Libc, "musl");
    check(E::LinuxMusl, "dlsym", K::Libc, "musl");
    check(E::LinuxMusl, "__rawmemchr", K::Foreign, "glibc");
    check(E::LinuxMusl, "__isinf", K::Foreign, "glibc");
    check(E::LinuxMusl, "_dl_find_object", K::Unwinder, "glibc 2.35");
    check(E::LinuxMusl, "__memcpy_chk", K::Foreign, "linux-glibc");
    check(E::Android, "pow", K::Libm, "libm.so");
    check(E::Android, "frexp", K::Libm, "libm.so");
    check(E::Android, "dlsym", K::Libdl, "libdl.so");
    check(E::Android, "memcpy", K::Libc, "libc.so");
    check(E::Android, "__errno", K::Libc, "libc.so");
    check(
        E::Android,
        "__android_log_write",
        K::SystemLibrary,
        "liblog.so",
    );
    check(
        E::Android,
        "__emutls_get_address",
        K::CompilerRuntime,
        "compiler-rt",
    );
    check(E::Android, "_Unwind_Resume", K::Unwinder, "libunwind");
    check(E::Android, "shm_open", K::Foreign, "linux-glibc");
    check(E::Apple, "_memcpy", K::Libc, "libSystem");
    check(E::Apple, "memcpy", K::Libc, "libSystem");
    check(E::Apple, "___error", K::Libc, "libSystem");
    check(E::Apple, "__tlv_bootstrap", K::Libc, "libSystem");
    check(E::Apple, "__Unwind_Resume", K::Unwinder, "libSystem");
    check(E::Apple, "_pow", K::Libm, "libSystem");
    check(E::Apple, "_fopen$DARWIN_EXTSN", K::Libc, "libSystem");
    check(E::Apple, "_CFRelease", K::Framework, "CoreFoundation");
    check(
        E::Apple,
        "_OBJC_CLASS_$_NSString",
        K::Framework,
        "Foundation",
    );
    check(E::Apple, "___cxa_throw", K::CxxRuntime, "libc++");
    check(E::OtherUnix, "pthread_create", K::Pthread, "libpthread");
    check(E::OtherUnix, "pow", K::Libm, "libm");
}

#[test]
fn decoration() {
    let macho = MemberKind::Object(Format::MachO, Machine::Aarch64);
    let coff32 = MemberKind::Object(Format::Coff, Machine::X86);
    let coff64 = MemberKind::Object(Format::Coff, Machine::X86_64);
    assert_eq!(undecorated(macho, "_plugin_register"), "plugin_register");
    assert_eq!(undecorated(coff32, "_plugin_register"), "plugin_register");
    assert_eq!(undecorated(coff32, "_plugin_register@8"), "plugin_register");
    assert_eq!(undecorated(coff64, "_plugin_register"), "_plugin_register");
}

/// Every name of a rule that could be in a table is answered by the rule, and every prefix ends
/// sensibly: a star anywhere else would silently match nothing.
#[test]
fn rules_are_well_formed() {
    for rule in rules::all() {
        assert!(!rule.why.is_empty() && !rule.name.is_empty(), "{rule:?}");
        for symbol in rule.symbols {
            let star = symbol.find('*');
            assert!(
                star.is_none_or(|at| at > 0 && at + 1 == symbol.len()),
                "{symbol} in {}",
                rule.name
            );
        }
    }
}
