//! Which native libraries the live code of a plugin needs. rustc names what any function of any dependency
//! may need; after prelink or meld it is known which functions there are. Of libraries that nobody says
//! anything of, what their code needs from elsewhere tells.

use std::collections::BTreeSet;

use foldhash::{HashSet, HashSetExt};

use super::native;
use crate::format::Format;
use crate::inspect::providers::tables::is_system_library;
use crate::inspect::providers::{at_home, provider};
use crate::protocol::inspection::{Environment, Provider, ProviderKind};

/// `natives` without the system libraries that provide none of `externals`, the symbols that programs
/// must get from elsewhere. Where one of those is unknown to us, all stay.
#[must_use]
pub fn needed(format: Format, natives: &[String], externals: &[String]) -> Vec<String> {
    // Elsewhere the C library brings all of them, or a linker option leaves out what is not used.
    if format != Format::Coff {
        return natives.to_vec();
    }
    let mut used: Vec<String> = Vec::new();
    for symbol in externals {
        let known = [Environment::WindowsMsvc, Environment::WindowsGnu]
            .into_iter()
            .map(|environment| provider(environment, symbol))
            .find(|p| !matches!(p.kind, ProviderKind::Unknown | ProviderKind::Foreign));
        let Some(provider) = known else {
            return natives.to_vec();
        };
        used.extend(provider.link.iter().map(|arg| stem(arg)));
    }
    native::units(natives)
        .into_iter()
        .filter(|unit| {
            unit.last().is_none_or(|arg| {
                let library = stem(arg);
                !is_system_library(&library) || used.contains(&library)
            })
        })
        .flatten()
        .collect()
}

/// The native libraries that provide `externals`, then those that `asked` names (what objects ask their
/// linkers for), as linker arguments, each before what it may need. What every compiler driver links by
/// itself is not named, nor what pkg-config must be asked for.
#[must_use]
pub fn found(environment: Environment, externals: &[String], asked: &[String]) -> Vec<String> {
    let driver = !matches!(environment, Environment::WindowsMsvc | Environment::Apple);
    let told = |provider: &Provider| {
        driver
            && ["-latomic", "-fopenmp"]
                .iter()
                .any(|arg| provider.link == [*arg])
    };
    let place = |provider: &Provider| match provider.kind {
        // Every program of Apple's has it.
        _ if provider.link == ["-lSystem"] => None,
        ProviderKind::SystemDll | ProviderKind::SystemLibrary | ProviderKind::Framework => Some(0),
        ProviderKind::CxxRuntime => Some(1),
        // Compiler drivers link these where they are told to, and no other runtime of compilers.
        ProviderKind::CompilerRuntime if told(provider) => Some(1),
        ProviderKind::Libm => Some(2),
        ProviderKind::Libdl => Some(3),
        ProviderKind::Pthread => Some(4),
        _ => None,
    };
    let mut all: BTreeSet<(u8, Vec<String>)> = BTreeSet::new();
    for symbol in externals {
        let known = at_home(environment, symbol);
        all.extend(known.and_then(|provider| Some((place(&provider)?, provider.link))));
    }
    // `-framework X` is two arguments; a list of libraries is as many.
    let provided = all.into_iter().flat_map(|(_, link)| match link.first() {
        Some(first) if first == "-framework" => vec![link],
        _ => link.into_iter().map(|arg| vec![arg]).collect(),
    });
    let asked = asked.iter().map(|arg| vec![arg.clone()]);
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    let units = asked.chain(provided);
    units
        .filter(|unit| seen.insert(unit.clone()))
        .flatten()
        .collect()
}

/// `ws2_32` of `-lws2_32`, `ws2_32.lib` and `/defaultlib:WS2_32.lib`.
fn stem(arg: &str) -> String {
    let arg = arg.to_ascii_lowercase();
    let arg = arg.strip_prefix("-l").unwrap_or(&arg);
    let arg = arg.rsplit([':', '/', '\\']).next().unwrap_or(arg);
    arg.strip_suffix(".lib").unwrap_or(arg).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{found, needed};
    use crate::format::Format;
    use crate::protocol::inspection::Environment;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn externals_name_their_libraries() {
        let of = |environment, externals: &[&str], asked: &[&str]| {
            found(environment, &strings(externals), &strings(asked)).join(" ")
        };
        let glibc = Environment::LinuxGlibc;
        let externals = [
            "_Znwm",
            "cos",
            "malloc",
            "_Unwind_Resume",
            "memcpy",
            "nobody_knows",
        ];
        assert_eq!(of(glibc, &externals, &["-lmine"]), "-lmine -lstdc++ -lm");
        assert_eq!(of(glibc, &["malloc", "deflate", "__divti3"], &[]), "");
        let runtimes = ["GOMP_parallel", "__atomic_load_16", "cos"];
        assert_eq!(of(glibc, &runtimes, &[]), "-fopenmp -latomic -lm");
        let mac = Environment::Apple;
        assert_eq!(
            of(
                mac,
                &[
                    "_SecRandomCopyBytes",
                    "_cos",
                    "_CFRelease",
                    "_SecKeyCreateSignature"
                ],
                &[]
            ),
            "-framework CoreFoundation -framework Security"
        );
        let msvc = Environment::WindowsMsvc;
        assert_eq!(
            of(
                msvc,
                &["__imp_WSAStartup", "memcpy", "__imp_CloseHandle"],
                &[]
            ),
            "kernel32.lib ws2_32.lib"
        );
    }

    #[test]
    fn system_libraries_stay_where_something_of_them_is_used() {
        let natives = strings(&[
            "kernel32.lib",
            "ws2_32.lib",
            "mine.lib",
            "/defaultlib:msvcrt",
        ]);
        let of = |externals: &[&str]| needed(Format::Coff, &natives, &strings(externals));
        assert_eq!(
            of(&["__imp_CloseHandle", "memcpy"]),
            strings(&["kernel32.lib", "mine.lib", "/defaultlib:msvcrt"])
        );
        assert_eq!(of(&[]), strings(&["mine.lib", "/defaultlib:msvcrt"]));
        assert_eq!(of(&["nobody_knows_this_one"]), natives);
        let gnu = strings(&["-lkernel32", "-lws2_32"]);
        assert_eq!(
            needed(
                Format::Coff,
                &gnu,
                &strings(&["WSAStartup", "___chkstk_ms"])
            ),
            strings(&["-lws2_32"])
        );
        let elf = strings(&["-lgcc_s", "-lm"]);
        assert_eq!(needed(Format::Elf, &elf, &[]), elf);
    }
}
