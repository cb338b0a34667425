//! Universal libraries: each architecture's slices are combined by themselves, and joined again.

use std::fs::{self, File};
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};

use super::slice::{Done, Run};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::universal::{self, Slice};
use crate::input::{MappedFile, Slices};
use crate::inspect::debug_cost;
use crate::output::commit::{Stage, output_error};
use crate::protocol::response::{Response, Totals};

/// The slices of all libraries, by architecture in the order of the first library.
#[derive(Debug)]
pub struct Universal {
    architectures: Vec<Architecture>,
    /// Of each library, and of the workspace library at last: offsets of 64 bits.
    wide: Vec<bool>,
    /// Bytes of each library as it came.
    before: Vec<u64>,
}

/// One architecture's slices.
#[derive(Debug)]
struct Architecture {
    name: String,
    files: Vec<MappedFile>,
    former: Option<MappedFile>,
    /// Their headers; the workspace library's is like the first one's.
    slices: Vec<Slice>,
}

impl Universal {
    /// Splits the files; `former` is the one that stands in the workspace library's place. `None` where
    /// none is universal.
    ///
    /// # Errors
    /// `mixed-formats` where not all are, or not for the same architectures; those of malformed ones.
    pub fn split(files: &[MappedFile], former: Option<&MappedFile>) -> Result<Option<Self>> {
        let split = |file: &MappedFile| file.slices();
        let all = files.iter().map(split).collect::<Result<Vec<_>>>()?;
        let before = former.map(split).transpose()?;
        let (Some(first), Some(example)) = (files.first(), all.iter().position(Option::is_some))
        else {
            return match (before.flatten(), former, files.first()) {
                (Some(_), Some(former), Some(file)) => Err(mixed(file, &former.path).into()),
                _ => Ok(None),
            };
        };
        let example = files.get(example).map_or(&first.path, |f| &f.path);
        let mut whole = Self {
            architectures: Vec::new(),
            wide: Vec::new(),
            before: files.iter().map(|f| f.data().len() as u64).collect(),
        };
        for (file, slices) in files.iter().zip(all) {
            let Slices { wide, parts } = slices.ok_or_else(|| mixed(file, example))?;
            whole.wide.push(wide);
            if whole.wide.len() == 1 {
                let new = |(slice, part): (Slice, MappedFile)| Architecture {
                    name: slice.architecture(),
                    files: vec![part],
                    former: None,
                    slices: vec![slice],
                };
                whole.architectures = parts.into_iter().map(new).collect();
                continue;
            }
            if parts.len() != whole.architectures.len() {
                return Err(apart(file, &first.path).into());
            }
            for (slice, part) in parts {
                let own = whole.find(&slice).ok_or_else(|| apart(file, &first.path))?;
                own.files.push(part);
                own.slices.push(slice);
            }
        }
        whole.wide.extend(whole.wide.first().copied());
        for own in &mut whole.architectures {
            own.slices.extend(own.slices.first().copied());
        }
        if let (Some(former), Some(slices)) = (former, before) {
            let slices = slices.ok_or_else(|| mixed(former, &first.path))?;
            for (slice, part) in slices.parts {
                // What it holds for another architecture would be lost.
                let own = whole
                    .find(&slice)
                    .ok_or_else(|| apart(former, &first.path))?;
                own.former = Some(part);
            }
        }
        Ok(Some(whole))
    }

    /// The same libraries for each of several CPUs.
    ///
    /// # Errors
    /// Those of malformed libraries, `mixed-formats` where two are for one CPU, `object-unsupported`
    /// where they are for a system without universal files.
    pub fn of_targets(all: Vec<Vec<MappedFile>>) -> Result<Self> {
        let count = all.first().map_or(0, Vec::len);
        let mut whole = Self {
            architectures: Vec::new(),
            wide: vec![false; count + 1],
            before: vec![0; count],
        };
        for files in all {
            let mut slices = Vec::with_capacity(files.len() + 1);
            for (file, before) in files.iter().zip(&mut whole.before) {
                let archive = file.archive()?;
                let mut members = archive.members.iter();
                let slice = members.find_map(|m| universal::slice_of(m.data));
                slices.push(slice.ok_or_else(|| {
                    Diagnostic::new(
                        Code::ObjectUnsupported,
                        "this library has no object of which a universal file could be made",
                    )
                    .file(&file.path)
                })?);
                *before += file.data().len() as u64;
            }
            slices.extend(slices.first().copied());
            let Some((first, slice)) = files.first().zip(slices.first()) else {
                continue;
            };
            let other = whole.find(slice).and_then(|a| a.files.first());
            if let Some(other) = other {
                let message = format!("this and {} are for one architecture", other.path);
                return Err(Diagnostic::new(Code::MixedFormats, message)
                    .file(&first.path)
                    .into());
            }
            whole.architectures.push(Architecture {
                name: slice.architecture(),
                files,
                former: None,
                slices,
            });
        }
        Ok(whole)
    }

    /// The libraries of each architecture.
    #[must_use]
    pub fn architectures(&self) -> Vec<&[MappedFile]> {
        let all = self.architectures.iter();
        all.map(|a| a.files.as_slice()).collect()
    }

    fn find(&mut self, slice: &Slice) -> Option<&mut Architecture> {
        let same = |a: &&mut Architecture| a.slices.first().is_some_and(|s| s.is_of(slice));
        self.architectures.iter_mut().find(same)
    }

    /// Combines every architecture's slices and stages the joined libraries.
    ///
    /// # Errors
    /// `request-invalid` for a report, and those of a run.
    pub fn make(&self, run: &Run<'_>, stage: &mut Stage) -> Result<Done> {
        if run.request.report.is_some() {
            return Err(Diagnostic::new(
                Code::RequestInvalid,
                "a report speaks of one architecture, and these libraries have several",
            )
            .hint("leave it out, or split the libraries with lipo")
            .into());
        }
        // The workspace library is committed first.
        let targets = &run.targets.libraries;
        let workspace = stage.file(&run.targets.workspace)?;
        let mut joined = targets
            .iter()
            .map(|t| stage.file(t))
            .collect::<Result<Vec<_>>>()?;
        joined.push(workspace);

        let scratch = Scratch::new()?;
        let dir = scratch.path()?;
        let mut done: Vec<Done> = Vec::new();
        let mut number = 0;
        for own in &self.architectures {
            let made = run.make(&own.files, own.former.as_ref(), &mut |_| {
                number += 1;
                Ok(dir.join(format!("{number}.a")))
            });
            done.push(made.map_err(|e| own.name_in(e))?);
        }
        let mut sizes = Vec::with_capacity(joined.len());
        for (at, to) in joined.iter().enumerate() {
            let target = targets.get(at).unwrap_or(&run.targets.workspace);
            let parts: Vec<(Slice, &Utf8PathBuf)> = self
                .architectures
                .iter()
                .zip(&done)
                .filter_map(|(a, d)| Some((*a.slices.get(at)?, d.staged.get(at)?)))
                .collect();
            let wide = self.wide.get(at).copied().unwrap_or(false);
            sizes.push(join(&parts, wide, to).map_err(|e| output_error(&e, target))?);
        }
        let mut done = done.into_iter().zip(&self.architectures);
        let (mut all, first) = done
            .next()
            .ok_or_else(|| Diagnostic::new(Code::Internal, "a universal file without slices"))?;
        first.name_warnings(&mut all.response);
        for (mut more, own) in done {
            own.name_warnings(&mut more.response);
            add(&mut all.response, more.response);
            for argument in more.linker_args {
                if !all.linker_args.contains(&argument) {
                    all.linker_args.push(argument);
                }
            }
        }
        settle(&mut all.response, &self.before, &sizes);
        all.staged = joined;
        Ok(all)
    }
}

impl Architecture {
    fn name_in(&self, error: Error) -> Error {
        let name = |mut d: Diagnostic| {
            d.message = format!("{}: {}", self.name, d.message);
            d
        };
        Error(error.0.into_iter().map(name).collect())
    }

    fn name_warnings(&self, response: &mut Response) {
        for warning in &mut response.warnings {
            warning.message = format!("{}: {}", self.name, warning.message);
        }
    }
}

fn mixed(file: &MappedFile, other: &Utf8Path) -> Diagnostic {
    let message = format!("one of this and {other} is universal, the other is not");
    Diagnostic::new(Code::MixedFormats, message)
        .file(&file.path)
        .hint("give libraries of the same architectures")
}

fn apart(file: &MappedFile, other: &Utf8Path) -> Diagnostic {
    let message = format!("this and {other} are for different architectures");
    Diagnostic::new(Code::MixedFormats, message)
        .file(&file.path)
        .hint("give libraries of the same architectures")
}

/// A folder for what goes into a universal file; removed in the end.
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        tempfile::tempdir().map(Self).map_err(|e| {
            Diagnostic::new(Code::OutputUnwritable, format!("no scratch folder: {e}")).into()
        })
    }

    pub(super) fn path(&self) -> Result<&Utf8Path> {
        Utf8Path::from_path(self.0.path()).ok_or_else(|| {
            Diagnostic::new(
                Code::OutputUnwritable,
                "the scratch folder's name is no UTF-8",
            )
            .into()
        })
    }
}

/// Writes a universal file; gives its size.
pub(super) fn join(parts: &[(Slice, &Utf8PathBuf)], wide: bool, to: &Utf8Path) -> io::Result<u64> {
    let mut slices = Vec::with_capacity(parts.len());
    for (slice, path) in parts {
        slices.push(Slice {
            size: fs::metadata(path)?.len(),
            ..*slice
        });
    }
    let header = universal::header(&mut slices, wide);
    let mut out = io::BufWriter::new(File::create(to)?);
    out.write_all(&header)?;
    let mut at = header.len() as u64;
    for (slice, (_, path)) in slices.iter().zip(parts) {
        let padding = slice.offset.saturating_sub(at);
        io::copy(&mut io::Read::take(io::repeat(0), padding), &mut out)?;
        io::copy(&mut File::open(path)?, &mut out)?;
        at = slice.offset.saturating_add(slice.size);
    }
    out.flush()?;
    Ok(at)
}

/// Adds another architecture's figures.
fn add(all: &mut Response, more: Response) {
    for (all, more) in all.plugins.iter_mut().zip(more.plugins) {
        all.members_before += more.members_before;
        all.members_kept += more.members_kept;
        all.members_moved += more.members_moved;
        all.debug_bytes_removed += more.debug_bytes_removed;
        all.debug_bytes += more.debug_bytes;
        for (all, more) in [
            (&mut all.exports, more.exports),
            (&mut all.externals, more.externals),
        ] {
            all.extend(more);
            all.sort_unstable();
            all.dedup();
        }
    }
    if let (Some(all), Some(more)) = (&mut all.workspace_library, more.workspace_library) {
        all.members += more.members;
        all.debug_bytes += more.debug_bytes;
    }
    if let (Some(all), Some(more)) = (&mut all.totals, more.totals) {
        debug_cost::join(&mut all.debug_crates, more.debug_crates);
    }
    all.warnings.extend(more.warnings);
}

/// Says the sizes of the universal files.
fn settle(response: &mut Response, before: &[u64], sizes: &[u64]) {
    let former = response.totals.take().unwrap_or_default();
    let mut totals = Totals {
        debug_crates: former.debug_crates,
        ..Totals::default()
    };
    for ((plugin, before), size) in response.plugins.iter_mut().zip(before).zip(sizes) {
        plugin.bytes_before = *before;
        plugin.bytes_after = *size;
        totals.bytes_before += plugin.bytes_before;
        totals.bytes_after += plugin.bytes_after;
        totals.debug_bytes_removed += plugin.debug_bytes_removed;
        totals.debug_bytes += plugin.debug_bytes;
    }
    if let (Some(workspace), Some(size)) = (&mut response.workspace_library, sizes.last()) {
        workspace.bytes = *size;
        totals.debug_bytes += workspace.debug_bytes;
        totals.bytes_after += *size;
    }
    response.totals = Some(totals);
}
