//! What COFF section names mean to linkers, compilers and runtimes.

use crate::format::model::KeepRule;

/// What a section of a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It lives when something refers to it.
    Plain,
    /// It lives when anything of its object does.
    Kept(KeepRule),
    /// Records of function beginnings, ends and unwind data.
    Unwind,
    DwarfUnwind,
    /// Not for the program, or a table of symbol numbers that does not outlive them.
    Dropped,
}

/// Tables of symbol table indexes: guarded calls, jumps and exception continuations, safe handlers.
/// Without them the linker takes the object for one that was not compiled with such guards.
const SYMBOL_TABLES: [&[u8]; 5] = [b".gfids", b".giats", b".gljmp", b".gehcont", b".sxdata"];

/// Sections that are collected by their relocations. Linkers keep any other section that is no COMDAT
/// with the object it stands in.
const COLLECTED: [&[u8]; 6] = [b".text", b".data", b".rdata", b".bss", b".xdata", b".tls"];

/// Constructors, destructors and other tables that a runtime walks through.
const RUN: [&[u8]; 5] = [
    b".CRT",
    b".ctors",
    b".dtors",
    b".init_array",
    b".fini_array",
];

/// Sections that every program has, whose parts compilers cut and linkers sort.
const OF_ALL: [&[u8]; 4] = [b".text", b".data", b".rdata", b".bss"];

/// Parts that compilers cut by kinds: of code, and of data.
const KINDS_OF_CODE: [&[u8]; 13] = [
    b"mn",
    b"x",
    b"di",
    b"yd",
    b"zy",
    b"zz",
    b"np",
    b"hot",
    b"unlikely",
    b"startup",
    b"exit",
    b"nz",
    b"00",
];
const KINDS_OF_DATA: [&[u8]; 11] = [
    b"r", b"rs", b"T", b"zz", b"zzz", b"zzzdbg", b"brc", b"voltmd", b"sxdata", b"00", b"nz",
];

/// The part of a name before `$`, by which linkers join sections.
pub(super) fn stem(name: &[u8]) -> &[u8] {
    name.split(|b| *b == b'$').next().unwrap_or(name)
}

/// The part behind it.
pub(super) fn suffix(name: &[u8]) -> Option<&[u8]> {
    name.get(stem(name).len() + 1..)
}

pub(super) fn is_or_begins(name: &[u8], stems: &[&[u8]]) -> bool {
    stems.iter().any(|stem| {
        name.strip_prefix(*stem)
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'$' | b'.')))
    })
}

pub(super) fn role(name: &[u8], comdat: bool) -> Role {
    if is_or_begins(name, &[b".pdata"]) {
        Role::Unwind
    } else if is_or_begins(name, &[b".eh_frame"]) {
        Role::DwarfUnwind
    } else if is_or_begins(name, &SYMBOL_TABLES) || matches!(name, b".llvmbc" | b".llvmcmd") {
        Role::Dropped
    } else if is_or_begins(name, &RUN) {
        Role::Kept(KeepRule::InitArray)
    } else if comdat || is_or_begins(name, &COLLECTED) {
        Role::Plain
    } else {
        Role::Kept(KeepRule::Retained)
    }
}

/// The name that the parts of a table of the program's own share: `.table` of `.table$a`, its bounds
/// and elements, which linkers sort.
pub(super) fn registry(name: &[u8], role: Role) -> Option<&[u8]> {
    let kept = role == Role::Kept(KeepRule::Retained);
    table(name).filter(|_| kept)
}

/// The same of a COMDAT, which need not live.
pub(super) fn table(name: &[u8]) -> Option<&[u8]> {
    let stem = stem(name);
    let own = role(name, false) == Role::Kept(KeepRule::Retained)
        && stem.len() < name.len()
        && stem != b".rsrc";
    own.then_some(stem)
}

/// Does every program have sections of this name, so that no table is the only one there?
pub fn is_of_all(stem: &[u8]) -> bool {
    OF_ALL.contains(&stem)
}

/// Names that compilers give to constants whose address nobody asks for.
const CONSTANTS: [&[u8]; 7] = [
    // Floating point and vector constants, string literals (MSVC's mangling).
    b"__real@",
    b"__xmm@",
    b"__ymm@",
    b"__zmm@",
    b"??_C@",
    // Pointers that MinGW's compilers load addresses from.
    b".refptr.",
    b".rdata$.refptr.",
];

/// Does a compiler give the name to such a constant, or to what it says of what is thrown?
pub fn is_made_by_compiler(name: &[u8]) -> bool {
    CONSTANTS.iter().any(|stem| name.starts_with(stem)) || is_of_thrown(name)
}

/// MSVC's description of what is thrown (`_TI`, its flags and the number of its types), and of the types that catch it
/// (`_CTA` with their number, `_CT` of one). Words of the user begin so, too.
fn is_of_thrown(name: &[u8]) -> bool {
    let is_number = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_digit);
    if let Some(rest) = name.strip_prefix(b"_TI") {
        let flags = rest.iter().take_while(|c| b"CVU".contains(c)).count();
        return is_number(&rest[flags..]);
    }
    let types = name.strip_prefix(b"_CT").unwrap_or_default();
    types.starts_with(b"??_R") || types.strip_prefix(b"A").is_some_and(is_number)
}

/// What follows `$` in the name of a part of such a section, unless compilers cut it by kinds: a symbol's name, or
/// the user's own word, by which linkers sort.
pub(super) fn part(name: &[u8]) -> Option<&[u8]> {
    let stem = stem(name);
    let part = suffix(name).filter(|part| !part.is_empty() && is_of_all(stem))?;
    let kind = part.split(|b| *b == b'$').next().unwrap_or(part);
    let (kinds, profiled): (&[&[u8]], _) = match stem {
        b".text" => (&KINDS_OF_CODE, b"lp"),
        _ => (&KINDS_OF_DATA, b"dk"),
    };
    let is_profiled = kind.strip_prefix(profiled).and_then(<[u8]>::first);
    // GCC's constants, `.refptr.x`, and what clang calls private.
    let of_compiler = part.starts_with(b".") || part.starts_with(b"LDFCM");
    let by_kind = kinds.contains(&kind) || is_profiled.is_some_and(u8::is_ascii_digit);
    (!by_kind && !of_compiler).then_some(part)
}

/// Is the part named after the symbol? The section's name has it without the target's decoration, and weak definitions
/// stand there by another name.
pub(super) fn is_named_after(part: &[u8], symbol: &[u8]) -> bool {
    fn plain(name: &[u8]) -> &[u8] {
        let begin = name.iter().position(|b| !matches!(b, b'_' | b'@' | 1));
        let name = name.get(begin.unwrap_or(0)..).unwrap_or(name);
        match name.iter().rposition(|b| *b == b'@') {
            Some(at) if name[at + 1..].iter().all(u8::is_ascii_digit) => &name[..at],
            _ => name,
        }
    }
    if let Some(weak) = symbol.strip_prefix(b".weak.") {
        let rest = plain(weak).strip_prefix(plain(part));
        return rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.' | b'@')));
    }
    let kind_before = part.strip_suffix(symbol);
    kind_before.is_some_and(|kind| kind.is_empty() || kind.ends_with(b"$"))
        || plain(part) == plain(symbol)
}

/// What only the unwinder looks for.
pub(super) fn is_unwind_data(name: &[u8]) -> bool {
    stem(name) == b".xdata"
}

/// Unwind data of one function, by MinGW's naming: `.xdata$function`.
pub(super) fn is_of_one_function(name: &[u8]) -> bool {
    stem(name) == b".xdata" && name.len() > b".xdata".len()
}

/// The name of such a section, for the function in a section `.text$function`.
pub(super) fn of_function(kind: &[u8], code: &[u8]) -> Vec<u8> {
    [kind, code.get(stem(code).len()..).unwrap_or_default()].concat()
}

pub(super) fn is_tls(name: &[u8]) -> bool {
    stem(name) == b".tls"
}

/// Is the section part of a DLL's import tables?
pub(super) fn is_import(name: &[u8]) -> bool {
    stem(name) == b".idata"
}

/// The name under which a section joins others: without what follows `$`, except where linkers sort
/// by it.
pub(super) fn joined(name: &[u8]) -> &[u8] {
    let stem = stem(name);
    let sorted = stem == b".tls" || !COLLECTED.contains(&stem);
    if sorted { name } else { stem }
}

#[cfg(test)]
mod tests {
    use super::{Role, is_made_by_compiler, is_named_after, joined, part, registry, role};
    use crate::format::model::KeepRule;

    #[test]
    fn names_say_what_lives() {
        assert_eq!(role(b".text$foo", true), Role::Plain);
        assert_eq!(role(b".data", false), Role::Plain);
        assert_eq!(role(b".pdata$foo", false), Role::Unwind);
        assert_eq!(role(b".CRT$XCU", false), Role::Kept(KeepRule::InitArray));
        assert_eq!(role(b".registry$b", false), Role::Kept(KeepRule::Retained));
        assert_eq!(role(b".gfids$y", false), Role::Dropped);
        assert_eq!(role(b".datax", true), Role::Plain);
    }

    #[test]
    fn what_is_thrown_is_told_from_words_of_the_user() {
        for name in [
            "_TI1H",
            "_TIC2PEAD",
            "_CTA1H",
            "_CT??_R0H@84",
            "__real@3ff0000000000000",
        ] {
            assert!(is_made_by_compiler(name.as_bytes()), "{name}");
        }
        for name in [
            "_TIFFOpen",
            "_TICount",
            "_CTAdd",
            "_CTRun",
            "_TI",
            "_CT",
            "real",
        ] {
            assert!(!is_made_by_compiler(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn tables_of_the_program() {
        let of = |name| registry(name, role(name, false));
        assert_eq!(of(b".mine$b"), Some(&b".mine"[..]));
        assert_eq!(of(b".mine"), None);
        assert_eq!(of(b".CRT$XCU"), None);
        assert_eq!(of(b".rsrc$01"), None);
    }

    #[test]
    fn parts_that_compilers_cut() {
        for name in [
            &b".text$mn"[..],
            b".text$unlikely$f",
            b".text$lp00f",
            b".rdata$zzz",
            b".data$r",
            b".rdata$.refptr.x",
            b".data$.LDFCM0",
            b".data$LDFCM0",
            b".xdata$x",
            b".mine$a",
            b".rdata",
        ] {
            assert_eq!(part(name), None, "{}", name.escape_ascii());
        }
        assert_eq!(part(b".rdata$zETW1"), Some(&b"zETW1"[..]));
        assert_eq!(part(b".text$lpf"), Some(&b"lpf"[..]));
        assert!(is_named_after(b"_ZN1aEv", b"_ZN1aEv"));
        assert!(is_named_after(b"_ZN1aEv", b"__ZN1aEv"));
        assert!(is_named_after(b"f", b"_f@8"));
        assert!(is_named_after(b"f", b"@f@8"));
        assert!(is_named_after(b"some$f", b"f"));
        assert!(is_named_after(b"f", b".weak.f.default.other"));
        assert!(is_named_after(b"f", b".weak._f.other"));
        assert!(!is_named_after(b"f", b".weak.fg.other"));
        assert!(!is_named_after(b"tab_m", b"entry"));
        assert!(!is_named_after(b"zf", b"f"));
    }

    #[test]
    fn sorted_names_stay_whole() {
        assert_eq!(joined(b".text$unlikely"), b".text");
        assert_eq!(joined(b".CRT$XLB"), b".CRT$XLB");
        assert_eq!(joined(b".tls$ZZZ"), b".tls$ZZZ");
        assert_eq!(joined(b".mine$b"), b".mine$b");
    }
}
