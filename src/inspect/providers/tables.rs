//! The tables written by `tables/generate.py`, and what each says of a symbol in it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use foldhash::HashMap;

use super::rules_unix::NOT_IN_BIONIC;
use crate::protocol::inspection::Environment::{
    self, Android, Apple, LinuxGlibc, LinuxMusl, OtherUnix, WindowsGnu, WindowsMsvc,
};
use crate::protocol::inspection::{Provider, ProviderKind as Kind};

/// A table: providers, their symbols.
#[derive(Debug, Default)]
struct Table {
    providers: Vec<&'static str>,
    /// The providers of each symbol, a bit each, and the version that has it first.
    symbols: HashMap<&'static str, (u64, Option<&'static str>)>,
    /// Prefixes (`gst_video_*`), and what lengths they have.
    prefixes: HashMap<&'static str, usize>,
    lengths: BTreeSet<usize>,
}

fn parse(text: &'static str) -> Table {
    let mut table = Table::default();
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if let Some(provider) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            table.providers.push(provider);
            continue;
        }
        let provider = table.providers.len().saturating_sub(1);
        for word in line.split_ascii_whitespace() {
            if let Some(prefix) = word.strip_suffix('*') {
                table.prefixes.insert(prefix, provider);
                table.lengths.insert(prefix.len());
                continue;
            }
            let (symbol, version) = match word.split_once('@') {
                Some((symbol, version)) => (symbol, Some(version)),
                None => (word, None),
            };
            let entry = table.symbols.entry(symbol).or_insert((0, version));
            entry.0 |= 1_u64.checked_shl(provider as u32).unwrap_or_default();
        }
    }
    table
}

impl Table {
    /// The first provider of `symbol`, and the version that has it first.
    fn find(&self, symbol: &str) -> Option<(&'static str, Option<&'static str>)> {
        let (providers, version) = self.symbols.get(symbol)?;
        let first = self.providers.get(providers.trailing_zeros() as usize)?;
        Some((first, *version))
    }

    /// The first of `preferred` that has `symbol`.
    fn find_among(&self, symbol: &str, preferred: &[&'static str]) -> Option<&'static str> {
        let (providers, _) = self.symbols.get(symbol)?;
        preferred.iter().copied().find(|name| {
            let bit = self.providers.iter().position(|p| p == name);
            bit.is_some_and(|bit| providers >> bit & 1 == 1)
        })
    }

    fn find_prefix(&self, symbol: &str) -> Option<&'static str> {
        let mut prefixes = self.lengths.iter().rev().filter_map(|&l| symbol.get(..l));
        let longest = prefixes.find_map(|prefix| self.prefixes.get(prefix))?;
        self.providers.get(*longest).copied()
    }
}

macro_rules! table {
    ($name:ident, $file:literal) => {
        fn $name() -> &'static Table {
            static TABLE: OnceLock<Table> = OnceLock::new();
            TABLE.get_or_init(|| parse(include_str!($file)))
        }
    };
}

table!(glibc, "tables/glibc.txt");
table!(musl, "tables/musl.txt");
table!(gcc, "tables/gcc.txt");
table!(windows_crt, "tables/windows-crt.txt");
table!(windows_dlls, "tables/windows-dlls.txt");
table!(apple, "tables/apple.txt");
table!(pkgconfig, "tables/pkgconfig.txt");

/// Is this the import library of DLLs of Windows, without its suffix?
#[must_use]
pub fn is_system_library(library: &str) -> bool {
    let all = windows_dlls().providers.iter();
    all.filter_map(|p| p.split_once(' '))
        .any(|(_, name)| name == library)
}

/// What the tables say.
pub fn lookup(environment: Environment, symbol: &str) -> Option<Provider> {
    let system = match environment {
        LinuxGlibc => in_glibc(symbol).or_else(|| in_gcc(symbol)),
        LinuxMusl => in_musl(symbol).or_else(|| in_gcc(symbol)),
        Android => in_bionic(symbol).or_else(|| in_gcc(symbol)),
        WindowsMsvc => in_msvc(symbol).or_else(|| in_system_dll(environment, symbol)),
        WindowsGnu => in_mingw(symbol).or_else(|| in_system_dll(environment, symbol)),
        Apple => in_apple(symbol),
        OtherUnix => None,
    };
    system.or_else(|| in_modules(symbol))
}

const LIBC: &str = "the C library: compiler drivers (cc, clang) link it by themselves; a linker \
                    called directly, or -nostdlib, does not. In static programs it comes last";
const LIBM: &str = "mathematics: C drivers link libm only with -lm (C++ drivers always), after the \
                    libraries that need it";

/// Since the release that the table was made of (glibc's NEWS): in libc, and in libm.
const NEWER_LIBC: &[(&str, &str)] = &[
    ("strlcpy", "2.38"),
    ("strlcat", "2.38"),
    ("wcslcpy", "2.38"),
    ("wcslcat", "2.38"),
    ("pidfd_getpid", "2.39"),
    ("pidfd_spawn", "2.39"),
    ("pidfd_spawnp", "2.39"),
    ("posix_spawnattr_getcgroup_np", "2.39"),
    ("posix_spawnattr_setcgroup_np", "2.39"),
    ("sched_getattr", "2.41"),
    ("sched_setattr", "2.41"),
];
const NEWER_LIBM: &[(&str, &str)] = &[
    ("exp10m1", "2.40"),
    ("exp2m1", "2.40"),
    ("log10p1", "2.40"),
    ("log2p1", "2.40"),
    ("logp1", "2.40"),
    ("acospi", "2.41"),
    ("asinpi", "2.41"),
    ("atan2pi", "2.41"),
    ("atanpi", "2.41"),
    ("cospi", "2.41"),
    ("sinpi", "2.41"),
    ("tanpi", "2.41"),
];

/// What newer releases have: library and version.
fn newer_glibc(symbol: &str) -> Option<(&'static str, &'static str)> {
    // C23's number formats: what its headers make of strtol, scanf and their like.
    if symbol.starts_with("__isoc23_") {
        return Some(("libc", "2.38"));
    }
    let find = |list: &[(&str, &'static str)], name: &str| {
        let found = list.iter().find(|(known, _)| *known == name);
        found.map(|(_, version)| *version)
    };
    if let Some(version) = find(NEWER_LIBC, symbol) {
        return Some(("libc", version));
    }
    let plain = symbol.strip_suffix(['f', 'l']);
    let in_libm = find(NEWER_LIBM, symbol).or_else(|| find(NEWER_LIBM, plain?));
    in_libm.map(|version| ("libm", version))
}

/// `_ZGVbN4v_sin`: how GCC and LLVM name a function of vectors (x86 and AArch64 Vector Function ABI); a guard
/// variable's name goes on with a capital or a digit.
fn is_vector_function(symbol: &str) -> bool {
    let rest = symbol.strip_prefix("_ZGV").unwrap_or_default();
    let mut letters = rest.chars();
    letters.next().is_some_and(|isa| "bcdens".contains(isa))
        && letters.next().is_some_and(|mask| "NM".contains(mask))
        && rest.contains('_')
}

fn in_glibc(symbol: &str) -> Option<Provider> {
    if is_vector_function(symbol) {
        return Some(Provider::new(
            Kind::Libm,
            "libmvec.so.1",
            &["-lm"],
            "vectorised mathematics of glibc, for x86_64 and AArch64: libm.so is a script that adds it",
        ));
    }
    let known = glibc().find(symbol);
    let newer = || newer_glibc(symbol).map(|(provider, version)| (provider, Some(version)));
    let (provider, version) = known.or_else(newer)?;
    let found = match provider {
        "libm" => Provider::new(Kind::Libm, "libm.so.6", &["-lm"], LIBM),
        "ld.so" => Provider::new(
            Kind::Libc,
            "ld.so",
            &["-lc"],
            "the dynamic loader: compiler drivers name it with the C library (libc.so is a script \
             that adds it)",
        ),
        "libresolv" => Provider::new(
            Kind::SystemLibrary,
            "libresolv.so.2",
            &["-lresolv"],
            "DNS look-ups below getaddrinfo",
        ),
        "libanl" => Provider::new(
            Kind::SystemLibrary,
            "libanl.so.1",
            &["-lanl"],
            "asynchronous look-ups of host names",
        ),
        _ => Provider::new(Kind::Libc, "libc.so.6", &["-lc"], LIBC),
    };
    Some(match version {
        Some(version) => found.with_reason(&format!(
            "since glibc {version}: a program linked with it does not start on an older one"
        )),
        None => found,
    })
}

fn in_musl(symbol: &str) -> Option<Provider> {
    musl().find(symbol)?;
    Some(Provider::new(
        Kind::Libc,
        "musl's libc",
        &["-lc"],
        "musl keeps libm, libpthread, libdl and librt in libc (their archives are empty). rustc's own \
         musl targets bundle it in static libraries; compiler drivers link it by themselves",
    ))
}

fn in_bionic(symbol: &str) -> Option<Provider> {
    let in_libm = glibc().find(symbol).is_some_and(|(p, _)| p == "libm");
    let known = musl().find(symbol).is_some() && !symbol.starts_with("__");
    if !known || NOT_IN_BIONIC.contains(&symbol) {
        return None;
    }
    Some(if in_libm {
        Provider::new(Kind::Libm, "libm.so", &["-lm"], LIBM)
    } else {
        Provider::new(
            Kind::Libc,
            "libc.so",
            &["-lc"],
            "Android's C library (bionic), threads included: the NDK's clang driver links it. A name \
             missing from an older API level's libc needs a higher --target=…-android<API>",
        )
    })
}

fn in_gcc(symbol: &str) -> Option<Provider> {
    Some(match gcc().find(symbol)?.0 {
        "libgcc_eh" => Provider::new(
            Kind::Unwinder,
            "libgcc_s or libunwind",
            &["-lgcc_s"],
            "the unwinder and its registration: -lgcc_s, in static programs -lgcc_eh; LLVM's \
             libunwind (-lunwind) has most of it",
        ),
        "libatomic" => Provider::new(
            Kind::CompilerRuntime,
            "libatomic",
            &["-latomic"],
            "atomics wider than the processor's own: C drivers link libatomic only with -latomic",
        ),
        _ => Provider::new(
            Kind::CompilerRuntime,
            "libgcc or compiler-rt",
            &["-lgcc"],
            "helpers that compilers call for what the processor lacks. Compiler drivers link libgcc \
             (or compiler-rt's builtins) by themselves; Rust libraries bring most in compiler_builtins",
        ),
    })
}

fn in_msvc(symbol: &str) -> Option<Provider> {
    let libraries = ["vcruntime140", "vcruntime140_1", "ucrt"];
    Some(match windows_crt().find_among(symbol, &libraries)? {
        "vcruntime140" => Provider::new(
            Kind::CRuntime,
            "vcruntime140.dll",
            &["vcruntime.lib"],
            "the compiler's part of Microsoft's C runtime: memory functions and exception handling \
             (Rust's panics use its __CxxFrameHandler3 and _CxxThrowException). vcruntime.lib, with \
             the static runtime libvcruntime.lib",
        ),
        "vcruntime140_1" => Provider::new(
            Kind::CRuntime,
            "vcruntime140_1.dll",
            &["vcruntime.lib"],
            "the newer exception handler (x64, Visual Studio 2019 and later): vcruntime.lib, with the \
             static runtime libvcruntime.lib",
        ),
        "ucrt" => Provider::new(
            if glibc().find(symbol).is_some_and(|(p, _)| p == "libm") {
                Kind::Libm
            } else {
                Kind::Libc
            },
            "ucrtbase.dll",
            &["ucrt.lib"],
            "the C library of Windows 10 and later (mathematics included): ucrt.lib, with the static \
             runtime libucrt.lib",
        ),
        _ => return None,
    })
}

fn in_mingw(symbol: &str) -> Option<Provider> {
    let libraries = [
        "libgcc_eh",
        "libgcc",
        "mingw32",
        "mingwex",
        "msvcrt",
        "winpthread",
        "ucrt",
    ];
    Some(match windows_crt().find_among(symbol, &libraries)? {
        "libgcc_eh" => Provider::new(
            Kind::Unwinder,
            "libgcc_eh.a",
            &["-lgcc_eh"],
            "the unwinder: in a static program -lgcc_eh, else -lgcc_s (libgcc_s_seh-1.dll); LLVM's \
             MinGW has it in -lunwind",
        ),
        "libgcc" => Provider::new(
            Kind::CompilerRuntime,
            "libgcc.a",
            &["-lgcc"],
            "helpers that compilers call. gcc links libgcc by itself; Rust libraries bring most in \
             compiler_builtins",
        ),
        "mingw32" => Provider::new(
            Kind::CRuntime,
            "libmingw32.a",
            &["-lmingw32"],
            "MinGW's start-up support: gcc and clang link it by themselves; ld called directly, or \
             -nostdlib, does not",
        ),
        "mingwex" => Provider::new(
            if glibc().find(symbol).is_some_and(|(p, _)| p == "libm") {
                Kind::Libm
            } else {
                Kind::Libc
            },
            "libmingwex.a",
            &["-lmingwex"],
            "MinGW's additions to the C library, mathematics among them (libm.a is empty): gcc and \
             clang link it by themselves",
        ),
        "winpthread" => Provider::new(
            Kind::Pthread,
            "winpthreads",
            &["-lwinpthread"],
            "POSIX threads and clocks on Windows: gcc's posix variant links it by itself, the win32 \
             variant does not",
        ),
        "msvcrt" => Provider::new(
            Kind::Libc,
            "msvcrt.dll",
            &["-lmsvcrt"],
            "the C library: msvcrt.dll, or ucrtbase.dll (-lucrt) in MinGW builds for UCRT. gcc and \
             clang link their default by themselves; ld called directly, or -nostdlib, does not",
        ),
        _ => Provider::new(
            Kind::Libc,
            "ucrtbase.dll",
            &["-lucrt"],
            "only the newer C library has it, not msvcrt.dll: use a MinGW built for UCRT",
        ),
    })
}

fn in_system_dll(environment: Environment, symbol: &str) -> Option<Provider> {
    let (provider, _) = windows_dlls().find(symbol)?;
    let (dll, library) = provider.split_once(' ')?;
    let (link, why) = if environment == WindowsMsvc {
        (
            format!("{library}.lib"),
            format!("a function of Windows; the SDK's import library is {library}.lib"),
        )
    } else {
        let by_default = ["kernel32", "advapi32", "shell32", "user32"].contains(&library);
        (
            format!("-l{library}"),
            if by_default {
                "a function of Windows; gcc and clang link this import library by themselves"
            } else {
                "a function of Windows; its import library must come after the libraries that need it"
            }
            .to_owned(),
        )
    };
    Some(Provider::new(Kind::SystemDll, dll, &[&link], &why))
}

fn in_apple(symbol: &str) -> Option<Provider> {
    apple().find(symbol)?;
    let kind = if glibc().find(symbol).is_some_and(|(p, _)| p == "libm") {
        Kind::Libm
    } else if symbol.starts_with("_Unwind_") {
        Kind::Unwinder
    } else if symbol.starts_with("pthread_") {
        Kind::Pthread
    } else if ["dlopen", "dlsym", "dlclose", "dlerror", "dladdr"].contains(&symbol) {
        Kind::Libdl
    } else {
        Kind::Libc
    };
    Some(Provider::new(
        kind,
        "libSystem",
        &["-lSystem"],
        "Apple keeps libc, libm, threads, the loader, the unwinder and the compiler's runtime in \
         libSystem: clang links it by itself; ld called directly needs -lSystem and the SDK \
         (-syslibroot)",
    ))
}

fn in_modules(symbol: &str) -> Option<Provider> {
    let module = match pkgconfig().find(symbol) {
        Some((module, _)) => module,
        None => pkgconfig().find_prefix(symbol)?,
    };
    Some(Provider::new(
        Kind::PkgConfig,
        module,
        &[&format!("$(pkg-config --libs {module})")],
        "GLib and GStreamer are installed with pkg-config modules; the .pc file of the plugin should \
         have this one in Requires.private",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read() {
        for (table, providers, symbols) in [
            (glibc(), 5, 2500),
            (musl(), 1, 1000),
            (gcc(), 3, 500),
            (windows_crt(), 9, 2000),
            (windows_dlls(), 40, 8000),
            (apple(), 1, 2500),
            (pkgconfig(), 30, 1000),
        ] {
            assert!(table.providers.len() >= providers, "{:?}", table.providers);
            assert!(
                table.symbols.len() + table.prefixes.len() >= symbols,
                "{:?} {}",
                table.providers,
                table.symbols.len()
            );
        }
    }
}
