//! Drops embedded bitcode from members before anything else looks at them: members that differ only in
//! it are one then.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::format;
use crate::input::MappedFile;
use crate::input::archive::read::Archive;

/// A member in place of another.
#[derive(Debug)]
pub struct Replacement {
    archive: usize,
    member: usize,
    data: Vec<u8>,
}

/// The members of `archives`, read from `files`, that have embedded bitcode, without it.
///
/// # Errors
/// `object-malformed`.
pub fn without(files: &[MappedFile], archives: &[Archive<'_>]) -> Result<Vec<Replacement>> {
    let all: Vec<(usize, usize)> = archives
        .iter()
        .enumerate()
        .flat_map(|(archive, a)| (0..a.members.len()).map(move |member| (archive, member)))
        .collect();
    let results: Vec<Result<Option<Replacement>>> = all
        .into_par_iter()
        .map(|(archive, member)| {
            let found = archives.get(archive).and_then(|a| a.members.get(member));
            let Some(found) = found else {
                return Ok(None);
            };
            let data = format::drop_bitcode(format::classify(found.data), found.data);
            let data = data.map_err(|e| {
                let e = e.in_member(found.name);
                match files.get(archive) {
                    Some(file) => e.in_file(&file.path),
                    None => e,
                }
            })?;
            Ok(data.map(|data| Replacement {
                archive,
                member,
                data,
            }))
        })
        .collect();
    Ok(Error::collect(results)?.into_iter().flatten().collect())
}

/// Puts the replacements in their places.
pub fn replace<'d>(archives: &mut [Archive<'d>], replacements: &'d [Replacement]) {
    for new in replacements {
        let archive = archives.get_mut(new.archive);
        if let Some(member) = archive.and_then(|a| a.members.get_mut(new.member)) {
            member.data = &new.data;
        }
    }
}
