//! Libraries that an object asks its linker for: `.deplibs` (SHT_LLVM_DEPENDENT_LIBRARIES of LLVM's
//! "Extensions", zero-terminated names), which Clang writes for `#pragma comment(lib, "m")` and LLD reads.

use foldhash::{HashSet, HashSetExt};
use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader as _};

use super::read::malformed;
use super::tables;
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

/// The names that an object asks for; `None` where it cannot be read.
pub fn asked(data: &[u8]) -> Option<Vec<&[u8]>> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        names::<FileHeader32<Endianness>>(data)
    } else {
        names::<FileHeader64<Endianness>>(data)
    }
}

fn names<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> Option<Vec<&[u8]>> {
    let (endian, sections, _) = tables::<H>(data).ok()?;
    let mut all = Vec::new();
    for section in sections
        .iter()
        .filter(|s| s.sh_type(endian).0 == SECTION_TYPE)
    {
        let contents = section.data(endian, data).ok()?;
        all.extend(contents.split(|b| *b == 0).filter(|name| !name.is_empty()));
    }
    Some(all)
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
