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

/// The part of a name before `$`, by which linkers join sections.
fn stem(name: &[u8]) -> &[u8] {
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
    use super::{Role, joined, registry, role};
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
    fn tables_of_the_program() {
        let of = |name| registry(name, role(name, false));
        assert_eq!(of(b".mine$b"), Some(&b".mine"[..]));
        assert_eq!(of(b".mine"), None);
        assert_eq!(of(b".CRT$XCU"), None);
        assert_eq!(of(b".rsrc$01"), None);
    }

    #[test]
    fn sorted_names_stay_whole() {
        assert_eq!(joined(b".text$unlikely"), b".text");
        assert_eq!(joined(b".CRT$XLB"), b".CRT$XLB");
        assert_eq!(joined(b".tls$ZZZ"), b".tls$ZZZ");
        assert_eq!(joined(b".mine$b"), b".mine$b");
    }
}
