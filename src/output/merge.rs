//! One archive of the members of several, for those who want a single file.

use std::borrow::Cow;
use std::io::BufWriter;

use camino::Utf8Path;
use foldhash::{HashSet, HashSetExt};

use super::archive::ArchiveWriter;
use super::commit::{create, output_error};
use crate::error::Result;
use crate::format::{self, MemberKind};
use crate::input::archive::ArchiveKind;
use crate::input::{MappedFile, library_name, marker, read_archives};
use crate::plan::OutputMember;
use crate::protocol::event::Steps;

/// Writes to `staged`, for `target`, the members of `files` in their order, each under a name of its
/// own. Markers are left out: they say what a library lacks, and this one lacks nothing.
///
/// # Errors
/// Those of reading and writing archives.
pub fn merge(files: &[MappedFile], staged: &Utf8Path, target: &Utf8Path) -> Result<u64> {
    let archives = read_archives(files, &Steps::untold())?;
    let kind = archives.first().map_or(ArchiveKind::Gnu, |a| a.kind);
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut members = Vec::new();
    for (file, archive) in files.iter().zip(&archives) {
        let library = library_name(&file.path);
        for (at, member) in (0..).zip(&archive.members) {
            if member.name == marker::MEMBER {
                continue;
            }
            let name = own_name(member.name, &library, &mut seen);
            let mut symbols = Vec::new();
            if format::classify(member.data) == MemberKind::Bitcode {
                let of_it = archive.index.iter().filter(|e| e.member == at);
                symbols.extend(of_it.map(|e| e.symbol));
            }
            members.push(OutputMember {
                name: Cow::Owned(name),
                data: Cow::Borrowed(member.data),
                symbols,
            });
        }
    }
    let archive = ArchiveWriter::new(kind, &members).map_err(|e| e.in_file(target))?;
    let mut out = BufWriter::with_capacity(1 << 16, create(staged, target)?);
    archive
        .write(&mut out)
        .map_err(|e| output_error(&e, target))?;
    Ok(archive.len())
}

/// `lib.o`, `gstjson.lib.o`, `gstjson.2.lib.o`: debuggers and extractors find members by name.
fn own_name(name: &[u8], library: &str, seen: &mut HashSet<Vec<u8>>) -> Vec<u8> {
    let mut own = name.to_vec();
    let mut number = 1;
    while !seen.insert(own.clone()) {
        let prefix = match number {
            1 => format!("{library}."),
            n => format!("{library}.{n}."),
        };
        own = [prefix.as_bytes(), name].concat();
        number += 1;
    }
    own
}

#[cfg(test)]
mod tests {
    use foldhash::{HashSet, HashSetExt};

    use super::own_name;

    #[test]
    fn every_member_gets_a_name_of_its_own() {
        let mut seen = HashSet::new();
        let names = [("a", "x"), ("b", "x"), ("b", "x"), ("b", "y")];
        let own = names.map(|(library, name)| own_name(name.as_bytes(), library, &mut seen));
        assert_eq!(own, [&b"x"[..], b"b.x", b"b.2.x", b"y"]);
    }
}
