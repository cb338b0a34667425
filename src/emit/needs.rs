//! Which of rustc's native libraries the live code of a plugin needs. rustc names what any function of
//! any dependency may need; after prelink or meld it is known which functions there are.

use super::native;
use crate::format::Format;
use crate::inspect::providers::provider;
use crate::inspect::providers::tables::is_system_library;
use crate::protocol::inspection::{Environment, ProviderKind};

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

/// `ws2_32` of `-lws2_32`, `ws2_32.lib` and `/defaultlib:WS2_32.lib`.
fn stem(arg: &str) -> String {
    let arg = arg.to_ascii_lowercase();
    let arg = arg.strip_prefix("-l").unwrap_or(&arg);
    let arg = arg.rsplit([':', '/', '\\']).next().unwrap_or(arg);
    arg.strip_suffix(".lib").unwrap_or(arg).to_owned()
}

#[cfg(test)]
mod tests {
    use super::needed;
    use crate::format::Format;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
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
