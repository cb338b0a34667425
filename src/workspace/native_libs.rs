//! Native libraries of a static library, from rustc's `native-static-libs` note.

/// The start of the note's message.
pub const NOTE: &str = "native-static-libs: ";

/// The libraries of a note, one linker argument (or `-framework X`) each: without what rustc leaks,
/// each once, in an order that a linker of one pass is content with.
#[must_use]
pub fn clean(note: &str) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut words = note.split_whitespace();
    while let Some(word) = words.next() {
        let pair = ["-framework", "-weak_framework", "-Xlinker"].contains(&word);
        match pair.then(|| words.next()).flatten() {
            Some(second) => arguments.push(format!("{word} {second}")),
            None => arguments.push(word.to_owned()),
        }
    }
    arguments.retain(|a| !is_leaked(a));
    once(&arguments)
}

/// The libraries of several static libraries together, in the order of a link that has them all.
#[must_use]
pub fn merge<'a>(lists: impl IntoIterator<Item = &'a [String]>) -> Vec<String> {
    let all: Vec<String> = lists.into_iter().flatten().cloned().collect();
    once(&all)
}

/// Each library once. A linker that reads once needs a library after all that uses it: the last one
/// stays. Other flags (`-Wl,-Bstatic`) stay where they are.
fn once(arguments: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for argument in arguments.iter().rev() {
        if !is_library(argument) || !kept.contains(argument) {
            kept.push(argument.clone());
        }
    }
    kept.reverse();
    kept
}

fn is_library(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    argument.starts_with("-l")
        || argument.starts_with("-framework ")
        || argument.starts_with("-weak_framework ")
        || lower.starts_with("/defaultlib:")
        || lower.ends_with(".lib")
}

/// Import libraries that crates bring along and link in: they exist only in cargo's folders, and what
/// they import comes from the system's libraries, which are listed besides.
fn is_leaked(argument: &str) -> bool {
    let name = argument.strip_prefix("-l").unwrap_or(argument);
    let lower = name.to_ascii_lowercase();
    let name = lower.strip_suffix(".lib").unwrap_or(&lower);
    if name == lower && !argument.starts_with("-l") {
        return false;
    }
    name == "windows" || name.starts_with("windows.") || name.starts_with("winapi_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gnu_keeps_the_last() {
        assert_eq!(
            clean("-lgcc_s -lm -lc -lglib-2.0 -lm -lgcc_s -lc"),
            ["-lglib-2.0", "-lm", "-lgcc_s", "-lc"]
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
                "ntdll.lib",
                "kernel32.lib",
                "legacy_stdio_definitions.lib",
                "/defaultlib:msvcrt"
            ]
        );
    }

    #[test]
    fn frameworks_are_pairs() {
        assert_eq!(
            clean("-framework Security -framework CoreFoundation -liconv -framework Security"),
            [
                "-framework CoreFoundation",
                "-liconv",
                "-framework Security"
            ]
        );
        assert_eq!(clean("-framework"), ["-framework"]);
    }

    #[test]
    fn several_lists() {
        let (a, b) = (clean("-lx -lm"), clean("-ly -lm -lc"));
        assert_eq!(merge([&a[..], &b[..]]), ["-lx", "-ly", "-lm", "-lc"]);
    }
}
