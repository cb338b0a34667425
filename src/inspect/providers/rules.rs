//! The shape of the rules, and those that hold on several systems.

use super::{rules_apple, rules_unix, rules_windows};
use crate::protocol::inspection::Environment::{
    self, Android, Apple, LinuxGlibc, LinuxMusl, OtherUnix, WindowsGnu, WindowsMsvc,
};
use crate::protocol::inspection::{Provider, ProviderKind as Kind};

/// Symbols, who provides them on some systems, and why.
#[derive(Debug)]
pub struct Rule {
    pub on: &'static [Environment],
    /// C names; a `*` at the end stands for any rest.
    pub symbols: &'static [&'static str],
    pub kind: Kind,
    pub name: &'static str,
    pub link: &'static [&'static str],
    pub why: &'static str,
}

impl Rule {
    /// Does it name this symbol exactly?
    pub fn names(&self, symbol: &str) -> bool {
        self.symbols.contains(&symbol)
    }

    /// Length of the longest prefix that matches.
    pub fn prefix_of(&self, symbol: &str) -> Option<usize> {
        self.symbols
            .iter()
            .filter_map(|s| s.strip_suffix('*'))
            .filter(|prefix| symbol.starts_with(prefix))
            .map(str::len)
            .max()
    }

    pub fn provider(&self) -> Provider {
        Provider::new(self.kind, self.name, self.link, self.why)
    }
}

pub const ALL: &[Environment] = &[
    LinuxGlibc,
    LinuxMusl,
    Android,
    WindowsMsvc,
    WindowsGnu,
    Apple,
    OtherUnix,
];
pub const ELF: &[Environment] = &[LinuxGlibc, LinuxMusl, Android, OtherUnix];
pub const LINUX: &[Environment] = &[LinuxGlibc, LinuxMusl];
/// Where gcc's or clang's driver links.
pub const GNU: &[Environment] = &[LinuxGlibc, LinuxMusl, WindowsGnu, OtherUnix];

/// Every rule; among exact names the first that matches counts.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    COMMON
        .iter()
        .chain(rules_unix::RULES)
        .chain(rules_windows::RULES)
        .chain(rules_apple::RULES)
}

const COMMON: &[Rule] = &[
    Rule {
        on: ALL,
        symbols: &[
            "__rust_alloc",
            "__rust_dealloc",
            "__rust_realloc",
            "__rust_alloc_zeroed",
            "__rust_alloc_error_handler",
            "__rust_alloc_error_handler_should_panic",
            "__rust_no_alloc_shim_is_unstable",
            "__rust_no_alloc_shim_is_unstable_v2",
            "__rust_alloc*",
        ],
        kind: Kind::Rust,
        name: "allocator shim of a staticlib",
        link: &[],
        why: "rustc makes it once for every staticlib, in that library: link the plugin library \
              itself (not an rlib or single objects), and the workspace library after it",
    },
    Rule {
        on: ALL,
        symbols: &[
            "rust_eh_personality",
            "rust_begin_unwind",
            "__rust_start_panic",
            "__rust_panic_cleanup",
            "__rust_drop_panic",
            "__rust_foreign_exception",
            "rust_panic",
        ],
        kind: Kind::Rust,
        name: "Rust's standard library",
        link: &[],
        why: "every staticlib bundles it: after dedup or meld it is in the workspace library, which \
              must come after the plugin libraries on the link line",
    },
    Rule {
        on: ALL,
        symbols: &["main", "wmain", "WinMain", "wWinMain"],
        kind: Kind::Program,
        name: "the program",
        link: &[],
        why: "the C start-up code calls it: the program has none, or a shared library is linked as a \
              program (-shared, /DLL missing)",
    },
    Rule {
        on: ALL,
        symbols: &[
            "__asan_*",
            "__lsan_*",
            "__msan_*",
            "__tsan_*",
            "__ubsan_*",
            "__hwasan_*",
            "__sanitizer_*",
        ],
        kind: Kind::CompilerRuntime,
        name: "sanitizer runtime",
        link: &["-fsanitize=address"],
        why: "an object was compiled with a sanitizer: link with the same -fsanitize option",
    },
    Rule {
        on: ALL,
        symbols: &["__llvm_profile_*", "__llvm_gcov_*", "__gcov_*"],
        kind: Kind::CompilerRuntime,
        name: "profiling runtime",
        link: &["--coverage"],
        why: "an object was compiled for coverage or profiles: link with --coverage or \
              -fprofile-instr-generate",
    },
    Rule {
        on: ALL,
        symbols: &["omp_*", "__kmpc_*", "GOMP_*"],
        kind: Kind::CompilerRuntime,
        name: "OpenMP runtime",
        link: &["-fopenmp"],
        why: "an object was compiled with OpenMP: libgomp (gcc) or libomp (clang)",
    },
    Rule {
        on: &[LinuxGlibc, LinuxMusl, WindowsGnu, OtherUnix],
        symbols: &[
            "__cxa_*",
            "__gxx_personality_*",
            "__dynamic_cast",
            "__once_proxy",
            "_ZNSt*",
            "_ZNKSt*",
            "_ZNSs*",
            "_ZNKSs*",
            "_ZNSa*",
            "_ZNSo*",
            "_ZNSi*",
            "_ZSt*",
            "_ZTVSt*",
            "_ZTISt*",
            "_ZTSSt*",
            "_ZTTSt*",
            "_ZTVN10__cxxabiv1*",
            "_ZTIN10__cxxabiv1*",
            "_ZTI*",
            "_ZGVNSt*",
            "_ZNVSt*",
            "_Znw*",
            "_Zna*",
            "_Zdl*",
            "_Zda*",
            "_ZTh*",
            "_ZTv*",
        ],
        kind: Kind::CxxRuntime,
        name: "libstdc++",
        link: &["-lstdc++"],
        why: "C++ code is in the library (often through a -sys crate and cc): link with the C++ \
              driver (c++, g++), or add -lstdc++ after the libraries (-lc++ where it was compiled \
              with -stdlib=libc++)",
    },
    Rule {
        on: &[LinuxGlibc, LinuxMusl, WindowsGnu, OtherUnix],
        symbols: &["_ZNSt3__1*", "_ZNKSt3__1*", "_ZTVNSt3__1*", "_ZTINSt3__1*"],
        kind: Kind::CxxRuntime,
        name: "libc++",
        link: &["-lc++", "-lc++abi"],
        why: "C++ code compiled with LLVM's -stdlib=libc++",
    },
    Rule {
        on: ALL,
        symbols: &["SSL_*", "TLS_*", "DTLS_*", "OPENSSL_init_ssl"],
        kind: Kind::PkgConfig,
        name: "libssl",
        link: &["$(pkg-config --libs libssl)"],
        why: "OpenSSL (or a library with its interface)",
    },
    Rule {
        on: ALL,
        symbols: &[
            "EVP_*",
            "BIO_*",
            "X509_*",
            "CRYPTO_*",
            "RSA_*",
            "EC_*",
            "BN_*",
            "ASN1_*",
            "PEM_*",
            "OPENSSL_*",
            "ERR_*",
            "RAND_*",
            "HMAC_*",
            "PKCS7_*",
            "PKCS12_*",
            "d2i_*",
            "i2d_*",
        ],
        kind: Kind::PkgConfig,
        name: "libcrypto",
        link: &["$(pkg-config --libs libcrypto)"],
        why: "OpenSSL's cryptography (or a library with its interface)",
    },
    Rule {
        on: ALL,
        symbols: &[
            "deflate",
            "deflate*",
            "inflate",
            "inflate*",
            "crc32",
            "crc32_*",
            "adler32",
            "adler32_*",
            "compress",
            "compress2",
            "compressBound",
            "uncompress",
            "uncompress2",
            "zlibVersion",
            "gzopen",
            "gzopen64",
            "gzread",
            "gzwrite",
            "gzclose",
        ],
        kind: Kind::PkgConfig,
        name: "zlib",
        link: &["$(pkg-config --libs zlib)"],
        why: "zlib",
    },
    library("glib-2.0", &["glib_*"], &["$(pkg-config --libs glib-2.0)"]),
    library("sqlite3", &["sqlite3_*"], &["$(pkg-config --libs sqlite3)"]),
    library(
        "libzstd",
        &["ZSTD_*", "ZDICT_*"],
        &["$(pkg-config --libs libzstd)"],
    ),
    library("liblzma", &["lzma_*"], &["$(pkg-config --libs liblzma)"]),
    library("libpng", &["png_*"], &["$(pkg-config --libs libpng)"]),
    library("libjpeg", &["jpeg_*"], &["$(pkg-config --libs libjpeg)"]),
    library(
        "libwebpdemux",
        &["WebPDemux*", "WebPAnimDecoder*"],
        &["$(pkg-config --libs libwebpdemux)"],
    ),
    library(
        "libwebpmux",
        &["WebPMux*", "WebPAnimEncoder*"],
        &["$(pkg-config --libs libwebpmux)"],
    ),
    library("libwebp", &["WebP*"], &["$(pkg-config --libs libwebp)"]),
    library(
        "cairo-gobject",
        &["cairo_gobject_*"],
        &["$(pkg-config --libs cairo-gobject)"],
    ),
    library("cairo", &["cairo_*"], &["$(pkg-config --libs cairo)"]),
    library(
        "pangocairo",
        &["pango_cairo_*"],
        &["$(pkg-config --libs pangocairo)"],
    ),
    library(
        "pangoft2",
        &["pango_ft2_*", "pango_fc_*"],
        &["$(pkg-config --libs pangoft2)"],
    ),
    library("pango", &["pango_*"], &["$(pkg-config --libs pango)"]),
    library(
        "gdk-pixbuf-2.0",
        &["gdk_pixbuf_*"],
        &["$(pkg-config --libs gdk-pixbuf-2.0)"],
    ),
    library(
        "gtk4",
        &["gtk_*", "gdk_*", "gsk_*"],
        &["$(pkg-config --libs gtk4)"],
    ),
    library(
        "graphene-gobject-1.0",
        &["graphene_*"],
        &["$(pkg-config --libs graphene-gobject-1.0)"],
    ),
    library(
        "gst-editing-services-1.0",
        &["ges_*"],
        &["$(pkg-config --libs gst-editing-services-1.0)"],
    ),
    library(
        "librsvg-2.0",
        &["rsvg_*"],
        &["$(pkg-config --libs librsvg-2.0)"],
    ),
    library(
        "json-glib-1.0",
        &["json_parser_*", "json_node_*", "json_builder_*"],
        &["$(pkg-config --libs json-glib-1.0)"],
    ),
    library(
        "libsoup-3.0",
        &["soup_*"],
        &["$(pkg-config --libs libsoup-3.0)"],
    ),
    library("nice", &["nice_*"], &["$(pkg-config --libs nice)"]),
    library("dav1d", &["dav1d_*"], &["$(pkg-config --libs dav1d)"]),
    library("vpx", &["vpx_*"], &["$(pkg-config --libs vpx)"]),
    library("opus", &["opus_*"], &["$(pkg-config --libs opus)"]),
    library(
        "libsodium",
        &["sodium_*", "crypto_*", "randombytes_*"],
        &["$(pkg-config --libs libsodium)"],
    ),
    library("libcurl", &["curl_*"], &["$(pkg-config --libs libcurl)"]),
    library("libsrtp2", &["srtp_*"], &["$(pkg-config --libs libsrtp2)"]),
    library(
        "libavcodec",
        &["avcodec_*"],
        &["$(pkg-config --libs libavcodec)"],
    ),
    library(
        "libavformat",
        &["avformat_*", "avio_*"],
        &["$(pkg-config --libs libavformat)"],
    ),
    library("libavutil", &["av_*"], &["$(pkg-config --libs libavutil)"]),
    library("libffi", &["ffi_*"], &["$(pkg-config --libs libffi)"]),
    library(
        "libpcre2-8",
        &["pcre2_*"],
        &["$(pkg-config --libs libpcre2-8)"],
    ),
    library(
        "libxml-2.0",
        &[
            "xmlParse*",
            "xmlRead*",
            "xmlDoc*",
            "xmlNode*",
            "xmlFree*",
            "xmlNew*",
            "xmlGet*",
        ],
        &["$(pkg-config --libs libxml-2.0)"],
    ),
    library("fontconfig", &["Fc*"], &["$(pkg-config --libs fontconfig)"]),
    library("freetype2", &["FT_*"], &["$(pkg-config --libs freetype2)"]),
    library("harfbuzz", &["hb_*"], &["$(pkg-config --libs harfbuzz)"]),
    library("alsa", &["snd_*"], &["$(pkg-config --libs alsa)"]),
    library("libpulse", &["pa_*"], &["$(pkg-config --libs libpulse)"]),
    library("libudev", &["udev_*"], &["$(pkg-config --libs libudev)"]),
    library("dbus-1", &["dbus_*"], &["$(pkg-config --libs dbus-1)"]),
    library(
        "wayland-client",
        &["wl_*"],
        &["$(pkg-config --libs wayland-client)"],
    ),
];

const fn library(
    name: &'static str,
    symbols: &'static [&'static str],
    link: &'static [&'static str],
) -> Rule {
    Rule {
        on: ALL,
        symbols,
        kind: Kind::PkgConfig,
        name,
        link,
        why: "by its name it is of this library; its pkg-config module says how to link it",
    }
}
