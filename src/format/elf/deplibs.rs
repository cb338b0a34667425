//! Libraries that an object asks its linker for: `.deplibs` (SHT_LLVM_DEPENDENT_LIBRARIES of LLVM's
//! "Extensions", zero-terminated names), which Clang writes for `#pragma comment(lib, "m")` and LLD reads.

use std::collections::HashSet;

use object::elf;

use super::read::malformed;
use crate::error::Diagnostic;

pub(super) const NAME: &[u8] = b".deplibs";
pub(super) const SECTION_TYPE: u32 = 0x6fff_4c04;
pub(super) const FLAGS: u64 = elf::SHF_MERGE.0 | elf::SHF_STRINGS.0;

/// Can the section be read?
///
/// # Errors
/// `object-malformed`.
pub(super) fn check(contents: &[u8]) -> Result<(), Diagnostic> {
    match contents.last() {
        None | Some(0) => Ok(()),
        Some(_) => Err(malformed("a name of a dependent library does not end").symbol(NAME)),
    }
}

/// Every name once, in input order; `None` where there is none.
pub(super) fn join<'d>(sections: impl IntoIterator<Item = &'d [u8]>) -> Option<Vec<u8>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for contents in sections {
        for name in contents.split(|b| *b == 0) {
            if !name.is_empty() && seen.insert(name) {
                all.extend_from_slice(name);
                all.push(0);
            }
        }
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::{check, join};

    #[test]
    fn every_name_once_in_input_order() {
        let sections = [&b"m\0pthread\0"[..], b"", b"dl\0m\0", b"\0pthread\0"];
        assert_eq!(join(sections).as_deref(), Some(&b"m\0pthread\0dl\0"[..]));
        assert_eq!(join([&b""[..], b"\0"]), None);
        assert!(check(b"m\0").is_ok() && check(b"").is_ok());
        assert!(check(b"m\0pth").is_err());
    }
}
