//! Names that formats, their linkers or their runtimes give a meaning to.

use super::{Format, coff, elf, macho};

/// Is this a name that linkers or loaders of the format give a meaning to?
#[must_use]
pub fn is_reserved_name(format: Format, name: &[u8]) -> bool {
    match format {
        // `.symver` names: their version belongs to the dynamic symbol.
        Format::Elf => memchr::memchr(b'@', name).is_some(),
        Format::Coff => coff::RESERVED.contains(&name),
        Format::MachO => macho::shared_by_all(name) || macho::is_objc_name(name),
    }
}

/// The table whose bound this symbol is: `__start_X`, `__stop_X`, and Apple's `section$start$SEGMENT$X` and
/// `section$end$SEGMENT$X`.
#[must_use]
pub fn bound_stem(name: &[u8]) -> Option<&[u8]> {
    let stem = elf::bound_stem(name).or_else(|| macho::bound_stem(name));
    stem.filter(|stem| !stem.is_empty())
}

/// The name that a table's section, or (a whole symbol) its bound, has where `suffix` tells it from others
/// of its name.
#[must_use]
pub fn renamed_table(format: Format, name: &[u8], suffix: &str) -> Vec<u8> {
    match format {
        Format::MachO => macho::renamed_table(name, suffix),
        Format::Elf | Format::Coff => [name, suffix.as_bytes()].concat(),
    }
}

/// What of an original's name may begin the name of a symbol that other objects ask for.
#[must_use]
pub fn shareable(format: Format, name: &[u8]) -> &[u8] {
    match format {
        Format::MachO => macho::shareable(name),
        Format::Elf | Format::Coff => name,
    }
}

/// Is `new` the bound `name`, or that with a [`renamed_table`]'s name?
#[must_use]
pub fn is_bound_of(format: Format, name: &[u8], new: &[u8]) -> bool {
    match format {
        Format::MachO => name == new || macho::is_renamed_table(name, new),
        Format::Elf | Format::Coff => new.starts_with(name),
    }
}

/// Is a definition of this name written weak and hidden, so that a program has one of all libraries'?
#[must_use]
pub fn is_shared_by_all(format: Format, name: &[u8]) -> bool {
    format == Format::MachO && macho::shared_by_all(name)
}

/// Is this a symbol of which a program has one, whatever compiler made the object?
#[must_use]
pub fn is_one_in_a_program(name: &[u8]) -> bool {
    elf::alive::is_one_in_a_program(name)
}

/// Does a compiler give the name to a constant whose address nobody asks for, or to what is each library's own?
#[must_use]
pub fn is_made_by_compiler(format: Format, name: &[u8]) -> bool {
    // Each library's own personality routine, where exceptions go by DWARF.
    let personality = || name.starts_with(b"DW.ref.");
    match format {
        Format::Elf => personality(),
        Format::Coff => personality() || coff::is_made_by_compiler(name),
        // Its assemblers put such into sections of literals.
        Format::MachO => false,
    }
}

/// What starts a program, or a DLL, as the C runtimes call it.
pub const ENTRIES: [&[u8]; 6] = [
    b"main",
    b"_main",
    b"wmain",
    b"WinMain",
    b"wWinMain",
    b"DllMain",
];

/// Does a compiler's or a sanitizer's runtime, or a tool, find the tables of this name?
#[must_use]
pub fn is_table_of_a_runtime(stem: &[u8]) -> bool {
    elf::alive::is_table_of_a_runtime(stem)
}

/// Does every program have sections of this name, whose parts are tables besides (COFF)?
#[must_use]
pub fn is_of_all(stem: &[u8]) -> bool {
    coff::is_of_all(stem)
}

/// Does a backtrace begin or end at this function? std finds them by their names, and prints nothing where it
/// finds none (`std::sys::backtrace`).
#[must_use]
pub fn is_mark_of_backtraces(name: &[u8]) -> bool {
    const MARKS: [&[u8]; 2] = [
        b"__rust_begin_short_backtrace",
        b"__rust_end_short_backtrace",
    ];
    let is_in = |mark: &&[u8]| name.windows(mark.len()).any(|w| w == *mark);
    MARKS.iter().any(is_in)
}

/// What a program tells a sanitizer's runtime, which has a weak one of its own, or none: options, and hooks that it
/// calls. `name` is as C has it.
#[must_use]
pub fn is_word_to_a_sanitizer(name: &[u8]) -> bool {
    const HOOKS: [&[u8]; 5] = [
        b"__sanitizer_malloc_hook",
        b"__sanitizer_free_hook",
        b"__sanitizer_report_error_summary",
        b"__sanitizer_sandbox_on_notify",
        b"__sanitizer_on_print",
    ];
    const WORDS: [&[u8]; 7] = [
        b"_default_options",
        b"_default_suppressions",
        b"_on_report",
        b"_on_error",
        b"_on_initialize",
        b"_on_finalize",
        b"_is_turned_off",
    ];
    const RUNTIMES: [&[u8]; 10] = [
        b"asan", b"lsan", b"ubsan", b"tsan", b"msan", b"hwasan", b"rtsan", b"nsan", b"memprof",
        b"scudo",
    ];
    let said = name.strip_prefix(b"__").unwrap_or_default();
    HOOKS.contains(&name)
        || WORDS.iter().any(|word| {
            said.strip_suffix(*word)
                .is_some_and(|runtime| RUNTIMES.contains(&runtime))
        })
}

#[cfg(test)]
mod tests {
    use super::is_word_to_a_sanitizer;

    #[test]
    fn words_to_sanitizers() {
        assert!(is_word_to_a_sanitizer(b"__asan_default_options"));
        assert!(is_word_to_a_sanitizer(b"__lsan_default_suppressions"));
        assert!(is_word_to_a_sanitizer(b"__tsan_on_report"));
        assert!(!is_word_to_a_sanitizer(b"__asan_init"));
        assert!(!is_word_to_a_sanitizer(b"__my_default_options"));
    }
}
