//! Native libraries of a static library, from rustc's `native-static-libs` note.

use std::borrow::Cow;

/// The start of the note's message.
pub const NOTE: &str = "native-static-libs: ";

/// The libraries of a note as linker arguments: without what rustc leaks, each once, in an order that
/// a linker of one pass is content with.
#[must_use]
pub fn clean(note: &str) -> Vec<String> {
    let mut arguments: Vec<Vec<&str>> = Vec::new();
    let words: Vec<Cow<'_, str>> = note.split_whitespace().filter_map(without_leak).collect();
    let mut words = words.iter().map(|word| &**word);
    while let Some(word) = words.next() {
        let mut argument = vec![word];
        if ["-framework", "-weak_framework", "-Xlinker"].contains(&word) {
            argument.extend(words.next());
        }
        arguments.push(argument);
    }
    // A linker that reads once needs a library after all that uses it: the last one stays. Other
    // flags (`-Wl,-Bstatic`) stay where they are.
    let mut kept: Vec<Vec<&str>> = Vec::new();
    for argument in arguments.into_iter().rev() {
        if is_library(&argument) && kept.contains(&argument) {
            continue;
        }
        kept.push(argument);
    }
    let words = kept.into_iter().rev().flatten();
    words.map(str::to_owned).collect()
}

/// The note as cargo-c keeps it: in a .pc file, `Libs.private`.
#[must_use]
pub fn note_of_pkg_config(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| line.strip_prefix("Libs.private:"))
        .map(str::trim)
}

fn is_library(argument: &[&str]) -> bool {
    match argument {
        [flag, _] => flag.ends_with("framework"),
        [word] => {
            let lower = word.to_ascii_lowercase();
            word.starts_with("-l") || lower.starts_with("/defaultlib:") || lower.ends_with(".lib")
        }
        _ => false,
    }
}

/// The argument without what rustc leaks: import libraries that crates bring along, which exist only
/// in cargo's folders. What `windows.0.52.0` holds is in the static library already; `winapi_user32`
/// is a copy of the system's `user32`, which every toolchain has. GCC's shared unwinder is for linkers that are
/// called without a compiler: GCC and clang add the one that suits the program, and a static program has another.
#[must_use]
pub fn without_leak(argument: &str) -> Option<Cow<'_, str>> {
    let lower = argument.to_ascii_lowercase();
    let (flag, suffix) = match (lower.strip_prefix("-l"), lower.strip_suffix(".lib")) {
        (Some(_), _) => ("-l", ""),
        (None, Some(_)) => ("", ".lib"),
        (None, None) => return Some(Cow::Borrowed(argument)),
    };
    let name = lower.strip_prefix(flag)?.strip_suffix(suffix)?;
    if (flag, name) == ("-l", "gcc_s") {
        return None;
    }
    if name == "windows" || name.starts_with("windows.") {
        return None;
    }
    Some(match name.strip_prefix("winapi_") {
        Some(system) => Cow::Owned(format!("{flag}{system}{suffix}")),
        None => Cow::Borrowed(argument),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gnu_keeps_the_last() {
        assert_eq!(
            clean("-lgcc_s -lm -lc -lglib-2.0 -lm -lgcc_s -lc"),
            ["-lglib-2.0", "-lm", "-lc"]
        );
        assert_eq!(
            clean("-Wl,-Bstatic -lz -Wl,-Bdynamic -lz"),
            ["-Wl,-Bstatic", "-Wl,-Bdynamic", "-lz"]
        );
        assert!(clean("").is_empty());
    }

    #[test]
    fn mingw_and_msvc_lose_what_leaks() {
        assert_eq!(
            clean("-lwindows.0.52.0 -lwinapi_kernel32 -lkernel32 -lwindowsapp -lntdll"),
            ["-lkernel32", "-lwindowsapp", "-lntdll"]
        );
        assert_eq!(
            clean(
                "windows.0.48.5.lib WINAPI_user32.lib kernel32.lib ntdll.lib kernel32.lib \
                 legacy_stdio_definitions.lib /defaultlib:msvcrt"
            ),
            [
                "user32.lib",
                "ntdll.lib",
                "kernel32.lib",
                "legacy_stdio_definitions.lib",
                "/defaultlib:msvcrt"
            ]
        );
    }

    #[test]
    fn cargo_c_files() {
        let text = "prefix=/usr\nName: x\nLibs: -L${prefix} -lx\nLibs.private: -lgcc_s -lc\n";
        assert_eq!(note_of_pkg_config(text), Some("-lgcc_s -lc"));
        assert_eq!(note_of_pkg_config("Name: x"), None);
    }

    #[test]
    fn frameworks_are_pairs() {
        assert_eq!(
            clean("-framework Security -framework CoreFoundation -liconv -framework Security"),
            [
                "-framework",
                "CoreFoundation",
                "-liconv",
                "-framework",
                "Security"
            ]
        );
        assert_eq!(clean("-framework"), ["-framework"]);
    }
}
