//! Opens the input libraries: maps each file, reads its archive, classifies its members.
//!
//! In: paths. Out: [`Inputs`], whose members borrow from the mapped files. On the way [`restore`] makes
//! whole what an earlier run thinned (by its [`marker`]), and [`bitcode`] drops what Apple refuses.

pub mod archive;
pub mod bitcode;
pub mod crates;
pub mod marker;
pub mod program;
pub mod restore;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use memmap2::Mmap;
use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::universal::{self, Slice};
use crate::format::{self, Format, Machine, MemberKind};
use crate::input::archive::ArchiveKind;
use crate::input::archive::read::{Archive, IndexEntry, is_thin, thin_member_names};
use crate::protocol::event::Steps;

/// A library of the set, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LibraryId(pub u32);

/// A member of any library; ids run through the libraries in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

impl LibraryId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl MemberId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A universal file, split.
#[derive(Debug)]
pub struct Slices {
    /// Its offsets are 64 bits wide.
    pub wide: bool,
    /// Each as a file of its own.
    pub parts: Vec<(Slice, MappedFile)>,
}

/// A mapped file.
#[derive(Debug)]
pub struct MappedFile {
    pub path: Utf8PathBuf,
    map: Option<Arc<Mmap>>,
    /// What of the mapped file it is: all, or a universal file's slice.
    range: Range<usize>,
    /// The files of a thin archive's members, by name.
    thin: HashMap<Vec<u8>, MappedFile>,
}

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// `input-not-found`, `input-is-directory`, `input-unreadable`.
    pub fn open(path: &Utf8Path) -> Result<Self> {
        let fail = |e: std::io::Error| {
            let code = if e.kind() == std::io::ErrorKind::NotFound {
                Code::InputNotFound
            } else {
                Code::InputUnreadable
            };
            Diagnostic::new(code, format!("cannot read the library: {e}")).file(path)
        };
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Diagnostic::new(Code::InputIsDirectory, "this is a folder")
                .file(path)
                .hint("name the libraries in it")
                .into());
        }
        let map = if metadata.len() == 0 {
            None
        } else {
            // SAFETY: the inputs must not be truncated or written by others while we run, as for
            // every linker; we ourselves replace files only by renaming over them.
            Some(Arc::new(unsafe { Mmap::map(&file) }.map_err(fail)?))
        };
        Ok(Self {
            path: path.to_owned(),
            range: 0..map.as_ref().map_or(0, |m| m.len()),
            map,
            thin: HashMap::new(),
        })
    }

    /// Maps what a thin archive refers to.
    fn open_thin_members(&mut self) -> Result<()> {
        if !is_thin(self.data()) {
            return Ok(());
        }
        let names = thin_member_names(self.data()).map_err(|e| e.in_file(&self.path))?;
        let folder = self.path.parent().unwrap_or(Utf8Path::new(""));
        let mut files = HashMap::new();
        for name in names {
            if files.contains_key(name) {
                continue;
            }
            let missing = |why: &str| {
                Diagnostic::new(
                    Code::InputNotFound,
                    format!("a thin archive refers to it: {why}"),
                )
                .file(&self.path)
                .member(name)
            };
            let relative =
                std::str::from_utf8(name).map_err(|_| missing("its name is no UTF-8"))?;
            let file = Self::open(&folder.join(relative)).map_err(|e| {
                let why = e.0.first().map_or("", |d| d.message.as_str());
                missing(why)
            })?;
            files.insert(name.to_vec(), file);
        }
        self.thin = files;
        Ok(())
    }

    /// The files of a thin archive's members, sorted; of any other file none.
    pub fn thin_members(&self) -> impl Iterator<Item = &Utf8Path> {
        let mut paths: Vec<&Utf8Path> = self.thin.values().map(|f| f.path.as_path()).collect();
        paths.sort_unstable();
        paths.into_iter()
    }

    /// Reads the archive in this file.
    ///
    /// # Errors
    /// As [`Archive::parse`].
    pub fn archive(&self) -> Result<Archive<'_>> {
        Archive::parse_with(self.data(), &|name| self.thin.get(name).map(Self::data))
            .map_err(|e| e.in_file(&self.path))
    }

    #[must_use]
    pub fn data(&self) -> &[u8] {
        let map = self.map.as_deref();
        map.and_then(|m| m.get(self.range.clone()))
            .unwrap_or_default()
    }

    /// Takes the file's pages out of this process's memory. What is looked at again comes back from the
    /// system's cache.
    fn release(&self) {
        #[cfg(unix)]
        if let Some(map) = &self.map {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the mapping is shared and never written to, so no byte of it can be lost (madvise(2)).
            // A system that does not follow keeps the pages.
            let _ =
                unsafe { map.unchecked_advise_range(advice, self.range.start, self.range.len()) };
        }
        self.thin.values().for_each(Self::release);
    }

    /// A universal file's slices; `None` for any other file.
    ///
    /// # Errors
    /// As [`universal::slices`].
    pub fn slices(&self) -> Result<Option<Slices>> {
        let found = universal::slices(self.data()).map_err(|e| e.in_file(&self.path))?;
        let Some((wide, slices)) = found else {
            return Ok(None);
        };
        let part = |slice: Slice| {
            let start = self.range.start.saturating_add(slice.offset as usize);
            let file = Self {
                path: self.path.clone(),
                map: self.map.clone(),
                range: start..start.saturating_add(slice.size as usize),
                thin: HashMap::new(),
            };
            (slice, file)
        };
        Ok(Some(Slices {
            wide,
            parts: slices.into_iter().map(part).collect(),
        }))
    }
}

/// Maps all `paths`, collecting every failure.
///
/// # Errors
/// As [`MappedFile::open`], and `input-duplicate` for two paths of one file.
pub fn open_all(paths: &[Utf8PathBuf]) -> Result<Vec<MappedFile>> {
    let mut files = Vec::with_capacity(paths.len());
    let mut errors = Vec::new();
    let mut seen: HashMap<Utf8PathBuf, &Utf8PathBuf> = HashMap::new();
    for path in paths {
        let opened = MappedFile::open(path).and_then(|mut file| {
            file.open_thin_members()?;
            Ok(file)
        });
        match opened {
            Ok(file) => files.push(file),
            Err(e) => {
                errors.extend(e.0);
                continue;
            }
        }
        let real = path.canonicalize_utf8().unwrap_or_else(|_| path.clone());
        if let Some(first) = seen.get(&real) {
            errors.push(
                Diagnostic::new(
                    Code::InputDuplicate,
                    format!("this library is given twice (also as {first})"),
                )
                .file(path)
                .hint("name each library once"),
            );
        }
        seen.entry(real).or_insert(path);
    }
    Error::all(errors)?;
    Ok(files)
}

/// Reads the archives of `files`, in parallel.
///
/// # Errors
/// Those of [`Archive::parse`], for every file that has one.
pub fn read_archives<'d>(files: &'d [MappedFile], steps: &Steps<'_>) -> Result<Vec<Archive<'d>>> {
    let read = |file: &'d MappedFile| {
        let archive = file.archive();
        steps.add(file.data().len() as u64);
        archive
    };
    let results: Vec<Result<Archive<'d>>> = files.par_iter().map(read).collect();
    Error::collect(results)
}

/// One library.
#[derive(Debug)]
pub struct Library<'d> {
    /// File name without `lib` prefix and suffix.
    pub name: String,
    pub path: &'d Utf8Path,
    /// Size of the file in bytes.
    pub bytes: u64,
    pub kind: ArchiveKind,
    pub members: Range<u32>,
    /// The archive's own symbol index; [`IndexEntry::member`] counts within the library.
    pub index: Vec<IndexEntry<'d>>,
}

impl Library<'_> {
    pub fn member_ids(&self) -> impl Iterator<Item = MemberId> + use<> {
        self.members.clone().map(MemberId)
    }
}

/// One member of a library.
#[derive(Debug)]
pub struct Member<'d> {
    pub library: LibraryId,
    pub name: &'d [u8],
    pub data: &'d [u8],
    pub kind: MemberKind,
}

/// All libraries of a run.
#[derive(Debug)]
pub struct Inputs<'d> {
    pub libraries: Vec<Library<'d>>,
    pub members: Vec<Member<'d>>,
    files: &'d [MappedFile],
}

impl<'d> Inputs<'d> {
    /// Takes what has been read out of this process's memory, between stages that look at different sections.
    pub fn release(&self) {
        self.files.iter().for_each(MappedFile::release);
    }

    /// Are the libraries for linkers of the GNU kind? Two indexes mark the archives of Microsoft's.
    #[must_use]
    pub fn has_gnu_linkers(&self) -> bool {
        self.libraries.iter().all(|l| l.kind != ArchiveKind::Coff)
    }

    /// The machine of the first object.
    #[must_use]
    pub fn machine(&self) -> Option<Machine> {
        self.members.iter().find_map(|m| match m.kind {
            MemberKind::Object(_, machine) | MemberKind::ImportStub(machine) => Some(machine),
            MemberKind::Bitcode | MemberKind::Other => None,
        })
    }

    /// The format of the set, which [`check_one_format`] has found to be one; ELF where there are no
    /// objects.
    #[must_use]
    pub fn format(&self) -> Format {
        let mut formats = self.members.iter().filter_map(|m| match m.kind {
            MemberKind::Object(format, _) => Some(format),
            MemberKind::ImportStub(_) => Some(Format::Coff),
            MemberKind::Bitcode | MemberKind::Other => None,
        });
        formats.next().unwrap_or(Format::Elf)
    }

    /// Reads the archives of `files`, in parallel, ids in the order given.
    ///
    /// # Errors
    /// Those of [`Archive::parse`] and `archive-no-objects`, for every file that has one.
    pub fn read(files: &'d [MappedFile]) -> Result<Self> {
        Self::new(files, read_archives(files, &Steps::untold())?)
    }

    /// The inputs that `archives`, read from `files`, are.
    ///
    /// # Errors
    /// `archive-no-objects`.
    pub fn new(files: &'d [MappedFile], archives: Vec<Archive<'d>>) -> Result<Self> {
        let mut inputs = Self {
            libraries: Vec::new(),
            members: Vec::new(),
            files,
        };
        let mut errors = Vec::new();
        for (file, archive) in files.iter().zip(archives) {
            let library = LibraryId(inputs.libraries.len() as u32);
            let start = inputs.members.len() as u32;
            for member in &archive.members {
                inputs.members.push(Member {
                    library,
                    name: member.name,
                    data: member.data,
                    kind: format::classify(member.data),
                });
            }
            let end = inputs.members.len() as u32;
            let mut own = inputs.members[start as usize..].iter();
            if !own.any(|m| m.kind != MemberKind::Other) {
                errors.push(
                    Diagnostic::new(Code::ArchiveNoObjects, "this archive holds no object files")
                        .file(&file.path)
                        .hint("build the plugin with crate-type staticlib"),
                );
            }
            inputs.libraries.push(Library {
                name: library_name(&file.path),
                path: &file.path,
                bytes: file.data().len() as u64,
                kind: archive.kind,
                members: start..end,
                index: archive.index,
            });
        }
        Error::all(errors)?;
        Ok(inputs)
    }

    #[must_use]
    pub fn library(&self, id: LibraryId) -> &Library<'d> {
        &self.libraries[id.index()]
    }

    #[must_use]
    pub fn member(&self, id: MemberId) -> &Member<'d> {
        &self.members[id.index()]
    }
}

/// Refuses sets that no linker could take together.
///
/// # Errors
/// `mixed-formats`.
pub fn check_one_format(inputs: &Inputs<'_>) -> Result<()> {
    let mut first: Option<(String, MemberId)> = None;
    for (id, member) in (0u32..).map(MemberId).zip(&inputs.members) {
        let what = match member.kind {
            MemberKind::Object(format, machine) => format!("{format} {machine}"),
            MemberKind::ImportStub(machine) => format!("COFF {machine}"),
            MemberKind::Bitcode | MemberKind::Other => continue,
        };
        match &first {
            None => first = Some((what, id)),
            Some((known, at)) if *known != what => {
                let other = inputs.library(inputs.member(*at).library).path;
                return Err(Diagnostic::new(
                    Code::MixedFormats,
                    format!("this is {what}, but {other} has {known}"),
                )
                .file(inputs.library(member.library).path)
                .member(member.name)
                .hint("give libraries of one target")
                .into());
            }
            Some(_) => {}
        }
    }
    check_one_system(inputs)
}

/// Refuses sets of which no program could be made for any one system. An object may be for two (macOS and
/// Mac Catalyst), or say nothing.
fn check_one_system(inputs: &Inputs<'_>) -> Result<()> {
    let mut known: Option<(Vec<u32>, MemberId)> = None;
    for (id, member) in (0u32..).map(MemberId).zip(&inputs.members) {
        let systems = format::systems(member.kind, member.data);
        if systems.is_empty() {
            continue;
        }
        let Some((common, at)) = &mut known else {
            known = Some((systems, id));
            continue;
        };
        let both: Vec<u32> = common
            .iter()
            .copied()
            .filter(|s| systems.contains(s))
            .collect();
        if both.is_empty() {
            let names = |all: &[u32]| {
                let names: Vec<String> = all.iter().map(|&s| format::system_name(s)).collect();
                names.join(" and ")
            };
            let other = inputs.library(inputs.member(*at).library).path;
            return Err(Diagnostic::new(
                Code::MixedFormats,
                format!(
                    "this is for {}, but {other} has objects for {}",
                    names(&systems),
                    names(common)
                ),
            )
            .file(inputs.library(member.library).path)
            .member(member.name)
            .hint("give libraries of one target")
            .into());
        }
        *common = both;
    }
    Ok(())
}

/// `gstrsworkspace` named as `like` is: `libgstrsworkspace.a` or `gstrsworkspace.lib`.
#[must_use]
pub fn library_file_name(name: &str, like: &str) -> String {
    if like.to_ascii_lowercase().ends_with(".lib") {
        format!("{name}.lib")
    } else {
        format!("lib{name}.a")
    }
}

/// `libgstjson.a`, `gstjson.lib` -> `gstjson`.
#[must_use]
pub fn library_name(path: &Utf8Path) -> String {
    let file = path.file_name().unwrap_or_default();
    if let Some(stem) = file.strip_suffix(".lib") {
        return stem.to_owned();
    }
    let stem = file.strip_suffix(".a").unwrap_or(file);
    stem.strip_prefix("lib").unwrap_or(stem).to_owned()
}
