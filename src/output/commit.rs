//! Makes outputs appear whole or not at all: files are written into a staging folder beside their
//! targets, and renamed over them when all are complete.

use std::fs::{self, File};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use foldhash::HashMap;
use tempfile::TempDir;

use super::stale;
use crate::error::{Code, Diagnostic, Result};
use crate::input::MappedFile;

/// Staging folders' names begin like this.
const PREFIX: &str = ".dragonfire-";

/// Files on their way to their targets. Dropped before [`Stage::commit`], it leaves nothing behind.
#[derive(Debug, Default)]
pub struct Stage {
    /// A staging folder for every folder that has a target.
    dirs: Vec<(Utf8PathBuf, TempDir)>,
    /// In the order of their commit.
    files: Vec<StagedFile>,
    /// Folders made for the targets, outermost first: removed again where nothing is committed.
    made: Vec<Utf8PathBuf>,
    committed: bool,
    /// Leave a target alone that has these very bytes.
    keep_same: bool,
    /// Where links lead to, of all targets so far and of what must not be one.
    taken: HashMap<Utf8PathBuf, Taken>,
}

/// Why nothing more is written to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Input,
    Output,
}

#[derive(Debug)]
struct StagedFile {
    staged: Utf8PathBuf,
    target: Utf8PathBuf,
    place: Place,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A file of its folder, or nothing yet.
    File,
    /// A folder, which is replaced whole.
    Folder,
    /// A device, a pipe: it is written into, for nobody wants another in its place.
    Stream,
}

/// An I/O error on an output, with the code for its kind.
#[must_use]
pub fn output_error(error: &io::Error, file: &Utf8Path) -> Diagnostic {
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    );
    if full {
        Diagnostic::new(Code::OutputDiskFull, "no space is left for the output")
            .file(file)
            .hint("free some space, or write to another folder; nothing was changed")
    } else {
        Diagnostic::new(
            Code::OutputUnwritable,
            format!("cannot write the output: {error}"),
        )
        .file(file)
    }
}

impl Stage {
    /// With `keep_same`, targets that would not change keep their dates. Build systems that wait
    /// for an output to become newer than its inputs need it to be written.
    #[must_use]
    pub fn new(keep_same: bool) -> Self {
        let mut stage = Self::default();
        stage.keep_same = keep_same;
        stage
    }

    /// Files that nothing but [`Self::file`], the libraries themselves, is written over.
    pub fn protect<'p>(&mut self, inputs: impl IntoIterator<Item = &'p Utf8Path>) {
        for input in inputs {
            if let Ok(real) = input.canonicalize_utf8() {
                self.taken.entry(real).or_insert(Taken::Input);
            }
        }
    }

    /// A file to write for `target`. Targets are committed in the order of these calls.
    ///
    /// # Errors
    /// `output-unwritable`, `output-disk-full`, `output-is-input` for a target that another output has.
    pub fn file(&mut self, target: &Utf8Path) -> Result<Utf8PathBuf> {
        let special = |m: fs::Metadata| !m.is_dir() && (!m.is_file() || target.starts_with("/dev"));
        // `/dev/stdout` is a link to what has no path, or to a file that others have open.
        if fs::metadata(target).is_ok_and(special) {
            let anywhere = Utf8PathBuf::from_path_buf(std::env::temp_dir());
            let parent = anywhere.unwrap_or_else(|_| Utf8PathBuf::from("."));
            return self.stage(target.to_owned(), parent, Place::Stream);
        }
        // What a link points to is replaced, not the link.
        let target = target
            .canonicalize_utf8()
            .unwrap_or_else(|_| target.to_owned());
        if target.is_dir() {
            return Err(Diagnostic::new(
                Code::OutputUnwritable,
                "a folder is in the place of this output",
            )
            .file(&target)
            .into());
        }
        if self.taken.insert(target.clone(), Taken::Output) == Some(Taken::Output) {
            return Err(
                Diagnostic::new(Code::OutputIsInput, "two outputs would be written here")
                    .file(&target)
                    .hint("give each a file of its own")
                    .into(),
            );
        }
        let parent = folder_of(&target);
        self.stage(target, parent, Place::File)
    }

    /// An empty folder to fill for `target`, which it replaces whole. Committed in the order of these
    /// calls and those of [`Self::file`].
    ///
    /// # Errors
    /// As [`Self::file`]; also where something else than an earlier result is there, by `is_ours`.
    pub fn folder(
        &mut self,
        target: &Utf8Path,
        is_ours: impl Fn(&Utf8Path) -> bool,
    ) -> Result<Utf8PathBuf> {
        let target = target
            .canonicalize_utf8()
            .unwrap_or_else(|_| target.to_owned());
        if target.exists() && !is_ours(&target) {
            return Err(Diagnostic::new(
                Code::OutputUnwritable,
                "something else than an earlier result is in the place of this output",
            )
            .file(&target)
            .hint("remove it, or choose another name")
            .into());
        }
        let staged = self.stage(target.clone(), folder_of(&target), Place::Folder)?;
        fs::create_dir(&staged).map_err(|e| output_error(&e, &target))?;
        Ok(staged)
    }

    fn stage(
        &mut self,
        target: Utf8PathBuf,
        parent: Utf8PathBuf,
        place: Place,
    ) -> Result<Utf8PathBuf> {
        let known = self.dirs.iter().position(|(p, _)| *p == parent);
        let at = match known {
            Some(at) => at,
            None => {
                self.make_dir(&parent)?;
                stale::sweep(&parent, PREFIX);
                let dir = tempfile::Builder::new()
                    .prefix(PREFIX)
                    .tempdir_in(&parent)
                    .map_err(|e| output_error(&e, &parent))?;
                if let Some(dir) = Utf8Path::from_path(dir.path()) {
                    stale::sign(dir);
                }
                self.dirs.push((parent, dir));
                self.dirs.len() - 1
            }
        };
        let dir = self
            .dirs
            .get(at)
            .and_then(|(parent, d)| Some(parent.join(d.path().file_name()?.to_str()?)));
        let Some(dir) = dir else {
            return Err(Diagnostic::new(Code::Internal, "no staging folder").into());
        };
        let staged = dir.join(self.files.len().to_string());
        self.files.push(StagedFile {
            staged: staged.clone(),
            target,
            place,
        });
        Ok(staged)
    }

    /// Writes a small file for `target`.
    ///
    /// # Errors
    /// As [`Self::file`], and `output-is-input` where the target is protected.
    pub fn write(&mut self, target: &Utf8Path, contents: &[u8]) -> Result<()> {
        let real = target.canonicalize_utf8();
        if real.is_ok_and(|real| self.taken.get(&real) == Some(&Taken::Input)) {
            return Err(Diagnostic::new(
                Code::OutputIsInput,
                "this output would overwrite an input",
            )
            .file(target)
            .hint("give it a file of its own")
            .into());
        }
        let staged = self.file(target)?;
        fs::write(staged, contents).map_err(|e| output_error(&e, target).into())
    }

    fn make_dir(&mut self, dir: &Utf8Path) -> Result<()> {
        let missing = dir
            .ancestors()
            .take_while(|d| !d.as_str().is_empty() && !d.exists())
            .count();
        let ancestors: Vec<&Utf8Path> = dir.ancestors().take(missing).collect();
        for dir in ancestors.into_iter().rev() {
            match fs::create_dir(dir) {
                Ok(()) => self.made.push(dir.to_owned()),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(output_error(&e, dir).into()),
            }
        }
        Ok(())
    }

    /// Renames every file over its target, in order.
    ///
    /// # Errors
    /// `output-unwritable`. Targets before the failing one have been replaced then: every state
    /// between is one that links.
    pub fn commit(mut self) -> Result<()> {
        // A file that is replaced hands on who may read it.
        for file in self.files.iter().filter(|f| f.place == Place::File) {
            if let Ok(old) = fs::metadata(&file.target) {
                fs::set_permissions(&file.staged, old.permissions())
                    .map_err(|e| output_error(&e, &file.target))?;
            }
        }
        self.committed = true;
        for file in &self.files {
            let same = || same_bytes(&file.staged, &file.target);
            if self.keep_same && file.place == Place::File && same() {
                continue;
            }
            file.put().map_err(|e| output_error(&e, &file.target))?;
        }
        Ok(())
    }
}

impl StagedFile {
    fn put(&self) -> io::Result<()> {
        if self.place == Place::Stream {
            let mut target = File::options().append(true).open(&self.target)?;
            io::copy(&mut File::open(&self.staged)?, &mut target)?;
            return Ok(());
        }
        if !(self.place == Place::Folder && self.target.exists()) {
            return fs::rename(&self.staged, &self.target);
        }
        // A folder cannot be renamed over one with contents. The old one goes with the staging folder.
        let old = self.staged.with_extension("old");
        fs::rename(&self.target, &old)?;
        fs::rename(&self.staged, &self.target).inspect_err(|_| {
            let _ = fs::rename(&old, &self.target);
        })
    }
}

fn folder_of(target: &Utf8Path) -> Utf8PathBuf {
    match target.parent() {
        Some(p) if !p.as_str().is_empty() => p.to_owned(),
        _ => Utf8PathBuf::from("."),
    }
}

fn same_bytes(a: &Utf8Path, b: &Utf8Path) -> bool {
    match (MappedFile::open(a), MappedFile::open(b)) {
        (Ok(a), Ok(b)) => a.data() == b.data(),
        _ => false,
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.dirs.clear();
        if !self.committed {
            for dir in self.made.iter().rev() {
                // Fails where somebody else has put something there: then it stays.
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// Creates a staged file.
///
/// # Errors
/// `output-unwritable`, `output-disk-full`.
pub fn create(staged: &Utf8Path, target: &Utf8Path) -> Result<File> {
    File::create(staged).map_err(|e| output_error(&e, target).into())
}

#[cfg(test)]
mod tests {
    use super::Stage;
    use crate::error::Code;
    use camino::{Utf8Path, Utf8PathBuf};
    use std::fs;

    fn names(folder: &Utf8Path) -> Vec<String> {
        let entries = folder.read_dir_utf8().unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_replaced_whole_or_not_at_all() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).unwrap();
        let target = root.join("bundle");
        let fill = |name: &str| {
            let mut stage = Stage::new(false);
            let staged = stage
                .folder(&target, |old| !old.join("foreign").exists())
                .unwrap();
            fs::write(staged.join(name), name).unwrap();
            stage
        };
        drop(fill("first"));
        assert!(names(&root).is_empty());
        fill("first").commit().unwrap();
        assert_eq!(names(&target), ["first"]);
        drop(fill("second"));
        assert_eq!(names(&target), ["first"]);
        fill("second").commit().unwrap();
        assert_eq!(names(&target), ["second"]);
        assert_eq!(names(&root), ["bundle"]);

        fs::write(target.join("foreign"), "").unwrap();
        let refused = Stage::new(false).folder(&target, |old| !old.join("foreign").exists());
        assert_eq!(refused.unwrap_err().code(), Code::OutputUnwritable);
    }
}
