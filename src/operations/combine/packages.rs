//! What mobile platforms ship: an .xcframework, and Android's folder of ABIs.
//!
//! A bundle has one library for each platform, and Xcode links that file alone. So plugins and what they
//! share are put together in one archive: linkers take of it what a program names, as of several files.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::universal::{Scratch, join};
use crate::emit::xcframework::{BundleLibrary, HEADERS, INFO, MODULE_MAP, info_plist, module_map};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::universal::Slice;
use crate::input::{MappedFile, library_file_name};
use crate::output::commit::{Stage, output_error};
use crate::output::merge::merge;
use crate::protocol::request::Packages as Asked;
use crate::protocol::response::{FileKind, Response, WrittenFile};
use crate::workspace::targets::{Group, android_abi, twice};

/// Folders of headers go no deeper than this, unless a link leads back.
const DEEPEST: usize = 64;

/// The packages of a run, on their way.
pub struct Packages<'r> {
    asked: &'r Asked,
    bundle: Option<Bundle>,
    written: Vec<WrittenFile>,
}

struct Bundle {
    /// Without its suffix.
    name: String,
    target: Utf8PathBuf,
    staged: Utf8PathBuf,
    /// Files within the folder of headers, sorted; `None` where there is no such folder.
    headers: Option<Vec<Utf8PathBuf>>,
    libraries: Vec<BundleLibrary>,
}

impl<'r> Packages<'r> {
    /// Looks at all that can be wrong before anything is built.
    ///
    /// # Errors
    /// `target-unsuitable`, `target-duplicate`, `input-not-found`, `input-unreadable`, `output-unwritable`.
    pub fn open(asked: &'r Asked, groups: &[Group], stage: &mut Stage) -> Result<Self> {
        if !asked.is_empty() {
            check_targets(asked, groups)?;
        }
        let bundle = asked.xcframework.as_ref();
        Ok(Self {
            asked,
            bundle: bundle
                .map(|target| Bundle::open(target, asked.headers.as_deref(), stage))
                .transpose()?,
            written: Vec::new(),
        })
    }

    /// The headers: what is packaged depends on them too.
    pub fn inputs(&self) -> Vec<Utf8PathBuf> {
        let headers = self.bundle.iter().filter_map(|b| b.headers.as_ref());
        let folder = self.asked.headers.as_deref().unwrap_or(Utf8Path::new(""));
        headers.flatten().map(|h| folder.join(h)).collect()
    }

    /// Adds a set of libraries, of which `staged` are the file names and places.
    ///
    /// # Errors
    /// Those of reading what was staged, and of writing.
    pub fn add(
        &mut self,
        group: &Group,
        response: &Response,
        staged: &[(String, Utf8PathBuf)],
        stage: &mut Stage,
    ) -> Result<()> {
        if let (Some(bundle), Some(identifier)) = (&mut self.bundle, group.identifier()) {
            let link = response.link.as_ref();
            let natives = link.map_or(&[][..], |l| l.native_static_libs.as_slice());
            let headers = self.asked.headers.as_deref();
            bundle.add(identifier, group, natives, headers, staged)?;
        }
        let abi = group.targets.first().and_then(|t| android_abi(t));
        if let (Some(dir), Some(abi)) = (&self.asked.jni_libs, abi) {
            // As everywhere, the workspace library goes first.
            let (workspace, plugins) = match staged.split_last() {
                Some((workspace, plugins)) => (Some(workspace), plugins),
                None => (None, staged),
            };
            for (name, from) in workspace.into_iter().chain(plugins) {
                let target = dir.join(abi).join(name);
                let to = stage.file(&target)?;
                fs::copy(from, to).map_err(|e| output_error(&e, &target))?;
                self.written.push(WrittenFile {
                    kind: FileKind::JniLibrary,
                    path: target,
                });
            }
        }
        Ok(())
    }

    /// Completes the packages, and says in the response what was written.
    ///
    /// # Errors
    /// `output-unwritable`, `output-disk-full`.
    pub fn finish(mut self, response: &mut Response) -> Result<()> {
        if let Some(bundle) = self.bundle {
            let plist = info_plist(&bundle.libraries, bundle.headers.is_some());
            let path = bundle.staged.join(INFO);
            fs::write(path, plist).map_err(|e| output_error(&e, &bundle.target))?;
            self.written.push(WrittenFile {
                kind: FileKind::Xcframework,
                path: bundle.target,
            });
        }
        response.files.append(&mut self.written);
        Ok(())
    }
}

/// Every target has to belong to one of the packages, and each package needs one.
fn check_targets(asked: &Asked, groups: &[Group]) -> Result<()> {
    let (bundle, jni) = (asked.xcframework.is_some(), asked.jni_libs.is_some());
    let abi = |t: &String| android_abi(t);
    let mut errors = Vec::new();
    let mut unsuitable = |message: String, hint: &str| {
        errors.push(Diagnostic::new(Code::TargetUnsuitable, message).hint(hint));
    };
    let (mut apple, mut android) = (false, Vec::new());
    for group in groups {
        for target in &group.targets {
            let fits_jni = jni.then(|| abi(target)).flatten();
            if bundle && group.platform().is_some() {
                apple = true;
            } else if let Some(abi) = fits_jni {
                android.push((abi, target));
            } else {
                let message = format!("the libraries for {target} go into none of the packages");
                unsuitable(message, HINT);
            }
        }
    }
    if errors.is_empty() {
        if bundle && !apple {
            let message = "an .xcframework is for Apple's targets, and none is given";
            errors.push(Diagnostic::new(Code::TargetUnsuitable, message).hint(HINT));
        }
        if jni && android.is_empty() {
            let message = "jniLibs are for Android's targets, and none is given";
            errors.push(Diagnostic::new(Code::TargetUnsuitable, message).hint(HINT));
        }
    }
    for (i, (abi, target)) in android.iter().enumerate() {
        if let Some((_, other)) = android.iter().take(i).find(|(a, _)| a == abi) {
            errors.push(twice(target, Some(other), &format!("both {abi}")));
        }
    }
    Error::all(errors)
}

const HINT: &str = "an .xcframework takes targets such as aarch64-apple-ios, jniLibs such as \
                    aarch64-linux-android; run once more without packages for others";

impl Bundle {
    fn open(target: &Utf8Path, headers: Option<&Utf8Path>, stage: &mut Stage) -> Result<Self> {
        let headers = headers.map(|h| list_headers(h, target)).transpose()?;
        let staged = stage.folder(target, |old| {
            let empty = || fs::read_dir(old).is_ok_and(|mut d| d.next().is_none());
            old.is_dir() && (old.join(INFO).is_file() || empty())
        })?;
        Ok(Self {
            name: target.file_stem().unwrap_or_default().to_owned(),
            target: target.to_owned(),
            staged,
            headers,
            libraries: Vec::new(),
        })
    }

    fn add(
        &mut self,
        identifier: String,
        group: &Group,
        natives: &[String],
        headers: Option<&Utf8Path>,
        staged: &[(String, Utf8PathBuf)],
    ) -> Result<()> {
        let Some(platform) = group.platform() else {
            return Ok(());
        };
        let unwritable = |e: std::io::Error| output_error(&e, &self.target);
        let name = self.name.strip_prefix("lib").unwrap_or(&self.name);
        let file_name = library_file_name(name, "");
        let folder = self.staged.join(&identifier);
        fs::create_dir(&folder).map_err(unwritable)?;
        one_library(staged, &folder.join(&file_name), &self.target)?;
        if let (Some(files), Some(from)) = (&self.headers, headers) {
            let to = folder.join(HEADERS);
            fs::create_dir(&to).map_err(unwritable)?;
            for file in files {
                let to = to.join(file);
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent).map_err(unwritable)?;
                }
                let from = from.join(file);
                let contents = fs::read(&from).map_err(|e| unreadable(&e, &from))?;
                fs::write(to, contents).map_err(unwritable)?;
            }
            let is_map = |f: &Utf8PathBuf| f.file_name() == Some(MODULE_MAP);
            let is_header = |f: &&Utf8PathBuf| f.extension() == Some("h");
            let of_c: Vec<Utf8PathBuf> = files.iter().filter(is_header).cloned().collect();
            if !files.iter().any(is_map) && !of_c.is_empty() {
                let map = module_map(&self.name, &of_c, natives);
                fs::write(to.join(MODULE_MAP), map).map_err(unwritable)?;
            }
        }
        self.libraries.push(BundleLibrary {
            identifier,
            file_name,
            architectures: group.architectures().collect(),
            platform: platform.platform,
            variant: platform.variant,
        });
        Ok(())
    }
}

/// Puts the libraries of a set together in one, each architecture by itself.
fn one_library(staged: &[(String, Utf8PathBuf)], to: &Utf8Path, target: &Utf8Path) -> Result<()> {
    let mut architectures: Vec<(Slice, Vec<MappedFile>)> = Vec::new();
    let mut whole = Vec::new();
    for (name, path) in staged {
        let mut file = MappedFile::open(path)?;
        // Members of one name are told apart by their library's.
        file.path = Utf8PathBuf::from(name);
        let Some(slices) = file.slices()? else {
            whole.push(file);
            continue;
        };
        for (slice, part) in slices.parts {
            match architectures.iter_mut().find(|(s, _)| s.is_of(&slice)) {
                Some((_, files)) => files.push(part),
                None => architectures.push((slice, vec![part])),
            }
        }
    }
    if architectures.is_empty() {
        merge(&whole, to, target)?;
        return Ok(());
    }
    let scratch = Scratch::new()?;
    let dir = scratch.path()?;
    let mut parts = Vec::new();
    for (slice, files) in &architectures {
        let part = dir.join(format!("{}.a", parts.len()));
        merge(files, &part, target)?;
        parts.push((*slice, part));
    }
    let parts: Vec<(Slice, &Utf8PathBuf)> = parts.iter().map(|(s, p)| (*s, p)).collect();
    join(&parts, false, to).map_err(|e| output_error(&e, target))?;
    Ok(())
}

/// The files below the folder of headers, sorted, without hidden ones.
fn list_headers(folder: &Utf8Path, bundle: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    if !folder.is_dir() {
        return Err(
            Diagnostic::new(Code::InputNotFound, "there is no such folder of headers")
                .file(folder)
                .hint("give the folder that C programs include from")
                .into(),
        );
    }
    let real = |p: &Utf8Path| {
        let known = p.ancestors().find_map(|a| a.canonicalize_utf8().ok());
        known.unwrap_or_else(|| p.to_owned())
    };
    if camino::absolute_utf8(bundle).is_ok_and(|b| real(&b).starts_with(real(folder))) {
        return Err(Diagnostic::new(
            Code::OutputIsInput,
            "the bundle would be written into its own folder of headers",
        )
        .file(bundle)
        .hint("choose another folder")
        .into());
    }
    let mut found = Vec::new();
    list(folder, Utf8Path::new(""), DEEPEST, &mut found)?;
    found.sort();
    Ok(found)
}

fn list(
    folder: &Utf8Path,
    below: &Utf8Path,
    depth: usize,
    found: &mut Vec<Utf8PathBuf>,
) -> Result<()> {
    let here = folder.join(below);
    if depth == 0 {
        return Err(Diagnostic::new(
            Code::InputUnreadable,
            "folders of headers are nested too deep: a link leads back",
        )
        .file(&here)
        .into());
    }
    let entries = here.read_dir_utf8().map_err(|e| unreadable(&e, &here))?;
    for entry in entries {
        let entry = entry.map_err(|e| unreadable(&e, &here))?;
        if entry.file_name().starts_with('.') {
            continue;
        }
        let name = below.join(entry.file_name());
        if folder.join(&name).is_dir() {
            list(folder, &name, depth - 1, found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

fn unreadable(error: &std::io::Error, path: &Utf8Path) -> Diagnostic {
    Diagnostic::new(
        Code::InputUnreadable,
        format!("cannot read the headers: {error}"),
    )
    .file(path)
}
