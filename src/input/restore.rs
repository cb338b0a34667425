//! Running again over libraries of an earlier run: makes thinned ones whole again from their workspace
//! library, or refuses. So nothing that a library lost is ever overwritten, and a run that was killed
//! half way through is completed by running again.

use std::collections::{BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, GlobalKind};
use crate::input::archive::read::{Archive, ArchiveMember, IndexEntry};
use crate::input::marker::{self, Marker, Part, Role};
use crate::input::{MappedFile, library_file_name, library_name};

/// What an earlier run left at the place of the workspace library.
#[derive(Debug)]
pub struct Former<'d> {
    file: &'d MappedFile,
    archive: Archive<'d>,
    marker: Option<Marker>,
}

impl<'d> Former<'d> {
    /// Reads the file that the workspace library will replace.
    ///
    /// # Errors
    /// `output-is-input` for a file that is no archive: it would be somebody else's.
    pub fn read(file: &'d MappedFile) -> Result<Self> {
        let mut archive = file.archive().map_err(|e| {
            let what = e.0.first().map_or("", |d| d.message.as_str());
            Diagnostic::new(
                Code::OutputUnwritable,
                format!("the workspace library would replace a file that is none: {what}"),
            )
            .file(&file.path)
            .hint("choose another name for it, or remove the file")
        })?;
        let marker = take_marker(&mut archive);
        Ok(Self {
            file,
            archive,
            marker,
        })
    }

    fn members_by_digest(&self) -> HashMap<String, ArchiveMember<'d>> {
        let members = self.archive.members.par_iter();
        members.map(|m| (marker::digest(m.data), *m)).collect()
    }

    /// Refuses to replace the workspace library where a library that is not given needs it.
    fn check_others(&self, files: &[MappedFile]) -> Result<()> {
        let given: HashSet<String> = files.iter().map(|f| library_name(&f.path)).collect();
        let listed = self.marker.iter().flat_map(|m| &m.libraries);
        let missing: BTreeSet<&String> = listed.filter(|l| !given.contains(*l)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut errors = Vec::new();
        for file in files.iter().chain([self.file]) {
            let name = file.path.file_name().unwrap_or_default();
            for library in &missing {
                let other = library_file_name(library, name);
                let path = file.path.with_file_name(other);
                if errors
                    .iter()
                    .any(|e: &Diagnostic| e.file.as_deref() == Some(&path))
                {
                    continue;
                }
                let Ok(other) = MappedFile::open(&path) else {
                    continue;
                };
                let parts = match other.slices() {
                    Ok(Some(slices)) => slices.parts.into_iter().map(|(_, file)| file).collect(),
                    _ => vec![other],
                };
                let thinned = |part: &MappedFile| {
                    Archive::parse(part.data())
                        .ok()
                        .and_then(|mut archive| take_marker(&mut archive))
                        .is_some_and(|m| m.role == Role::Plugin)
                };
                if parts.iter().any(thinned) {
                    errors.push(
                        Diagnostic::new(
                            Code::InputAlreadyThinned,
                            format!(
                                "this library needs what it lost to {}, which would be overwritten",
                                self.file.path
                            ),
                        )
                        .file(&path)
                        .hint("give it too, or remove it, or choose another workspace library"),
                    );
                }
            }
        }
        Error::all(errors)
    }

    /// Refuses to replace an archive without our marker that holds what the libraries need.
    fn check_unmarked(&self, archives: &[Archive<'d>]) -> Result<()> {
        if self.marker.is_some() {
            return Ok(());
        }
        let mut needed: HashSet<&[u8]> = HashSet::new();
        let mut defined: HashSet<&[u8]> = HashSet::new();
        for member in archives.iter().flat_map(|a| &a.members) {
            format::for_each_global(format::classify(member.data), member.data, &mut |s| {
                if s.kind.is_definition() {
                    defined.insert(s.name);
                } else if s.kind == GlobalKind::Undefined {
                    needed.insert(s.name);
                }
            })?;
        }
        for member in &self.archive.members {
            let mut held = None;
            format::for_each_global(format::classify(member.data), member.data, &mut |s| {
                if s.kind.is_definition() && needed.contains(s.name) && !defined.contains(s.name) {
                    held = Some(s.name);
                }
            })?;
            if let Some(symbol) = held {
                return Err(Diagnostic::new(
                    Code::InputAlreadyThinned,
                    "this file, which would be overwritten, holds what the libraries need",
                )
                .file(&self.file.path)
                .member(member.name)
                .symbol(symbol)
                .hint("build the libraries again, or choose another workspace library")
                .into());
            }
        }
        Ok(())
    }
}

/// Takes our marker out of an archive.
fn take_marker(archive: &mut Archive<'_>) -> Option<Marker> {
    // It is the last one; `ranlib` and `strip` keep the order.
    let at = archive
        .members
        .iter()
        .rposition(|m| m.name == marker::MEMBER)?;
    let member = archive.members.get(at)?;
    let marker = Marker::read(member.name, member.data)?;
    archive.members.remove(at);
    archive.index.retain(|entry| entry.member != at);
    for entry in &mut archive.index {
        if entry.member > at {
            entry.member -= 1;
        }
    }
    Some(marker)
}

/// Takes the markers out of `archives` and makes thinned ones whole. `former` is what stands at the
/// workspace library's place, for work in place. Gives the number of libraries that were thinned.
///
/// # Errors
/// `input-already-thinned` for every library that cannot be made whole, and where the former
/// workspace library holds what another library lost.
pub fn restore<'d>(
    files: &'d [MappedFile],
    archives: &mut [Archive<'d>],
    former: Option<&Former<'d>>,
) -> Result<usize> {
    let markers: Vec<Option<Marker>> = archives.iter_mut().map(take_marker).collect();
    let mut errors = Vec::new();
    let mut thinned = 0;
    let mut shared: Option<HashMap<String, ArchiveMember<'d>>> = None;
    for ((file, archive), marker) in files.iter().zip(archives.iter_mut()).zip(&markers) {
        let Some(marker) = marker else {
            continue;
        };
        thinned += 1;
        if let Err(e) = make_whole(archive, marker, former, &mut shared) {
            errors.push(e.file(&file.path));
        }
    }
    Error::all(errors)?;
    if let Some(former) = former {
        former.check_others(files)?;
        former.check_unmarked(archives)?;
    }
    Ok(thinned)
}

fn make_whole<'d>(
    archive: &mut Archive<'d>,
    marker: &Marker,
    former: Option<&Former<'d>>,
    shared: &mut Option<HashMap<String, ArchiveMember<'d>>>,
) -> Result<(), Diagnostic> {
    let thinned = |message: &str| Diagnostic::new(Code::InputAlreadyThinned, message);
    const AGAIN: &str = "build the library again, and give it as cargo made it";
    if marker.role == Role::Workspace {
        return Err(thinned("this is the workspace library of an earlier run")
            .hint("give the plugin libraries only"));
    }
    let Some(parts) = &marker.restore else {
        let message = format!("this library was made by {} before", marker.strategy.name());
        return Err(thinned(&message).hint(AGAIN));
    };
    let Some(former) = former else {
        return Err(thinned(
            "this library was thinned before, and its workspace library is not at hand",
        )
        .hint(
            "give the libraries as cargo made them, or work in place with that workspace library",
        ));
    };
    let shared = shared.get_or_insert_with(|| former.members_by_digest());
    let changed = || thinned("this library was thinned before, and changed since").hint(AGAIN);
    let mut own = archive.members.iter().copied();
    let mut members = Vec::new();
    // Where its own members are now, for the index of what stayed.
    let mut places = Vec::new();
    for part in parts {
        match part {
            Part::Own(count) => {
                for _ in 0..*count {
                    places.push(members.len());
                    members.push(own.next().ok_or_else(changed)?);
                }
            }
            Part::Shared(digest) => {
                let member = shared.get(digest).ok_or_else(|| {
                    thinned("this library was thinned before, and the workspace library does not hold what it lost")
                        .hint(AGAIN)
                })?;
                members.push(*member);
            }
        }
    }
    if own.next().is_some() {
        return Err(changed());
    }
    archive.members = members;
    // What it says of the members that came back is not in it; their objects say it.
    archive.index = std::mem::take(&mut archive.index)
        .into_iter()
        .filter_map(|entry| {
            let member = *places.get(entry.member)?;
            Some(IndexEntry { member, ..entry })
        })
        .collect();
    Ok(())
}
