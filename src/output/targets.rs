//! Where a run writes what, and what it must not write over.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Code, Diagnostic, Error, Result};
use crate::input::library_file_name;
use crate::protocol::request::{CombineRequest, Output};

/// Where everything is written.
pub struct Targets {
    pub libraries: Vec<Utf8PathBuf>,
    pub workspace: Utf8PathBuf,
    /// Folder of metadata files.
    pub dir: Utf8PathBuf,
}

impl Targets {
    /// # Errors
    /// `output-is-input`, `input-duplicate`, `request-invalid` where there is no library.
    pub fn new(
        request: &CombineRequest,
        workspace_library: &str,
        paths: &[Utf8PathBuf],
    ) -> Result<Self> {
        if paths.is_empty() {
            return Err(Diagnostic::new(Code::RequestInvalid, "no library is given")
                .hint("name the plugins' static libraries, or a Cargo.toml")
                .into());
        }
        let targets = match &request.output {
            Output::InPlace(workspace) => Self {
                libraries: paths.to_vec(),
                workspace: workspace.clone(),
                dir: workspace.parent().unwrap_or(Utf8Path::new("")).to_owned(),
            },
            Output::Dir(dir) => {
                let first = paths.first().map_or("", |p| p.as_str());
                Self {
                    libraries: paths
                        .iter()
                        .map(|p| dir.join(p.file_name().unwrap_or_default()))
                        .collect(),
                    workspace: dir.join(library_file_name(workspace_library, first)),
                    dir: dir.clone(),
                }
            }
        };
        targets.check(&request.output, paths)?;
        Ok(targets)
    }

    /// Refuses outputs that would overwrite one of `paths`, or each other.
    ///
    /// # Errors
    /// `output-is-input`, `input-duplicate`.
    pub fn check(&self, output: &Output, paths: &[Utf8PathBuf]) -> Result<()> {
        let real = |p: &Utf8Path| p.canonicalize_utf8().unwrap_or_else(|_| p.to_owned());
        let inputs: HashSet<Utf8PathBuf> = paths.iter().map(|p| real(p)).collect();
        let mut errors = Vec::new();
        let is_input = |target: &Utf8Path| inputs.contains(&real(target));
        let overwrites = |target: &Utf8Path| {
            Diagnostic::new(Code::OutputIsInput, "this output would overwrite an input")
                .file(target)
                .hint("choose another folder, or ask for work in place")
        };
        if is_input(&self.workspace) {
            errors.push(overwrites(&self.workspace));
        }
        if matches!(output, Output::Dir(_)) {
            let mut seen = HashSet::from([&self.workspace]);
            for (i, target) in self.libraries.iter().enumerate() {
                if is_input(target) {
                    errors.push(overwrites(target));
                }
                if !seen.insert(target) {
                    let name = target.file_name().unwrap_or_default();
                    errors.push(
                        Diagnostic::new(
                            Code::InputDuplicate,
                            format!("two libraries would be written as {name}"),
                        )
                        .file(paths.get(i).map_or(target.as_path(), |p| p.as_path()))
                        .hint("rename one of them, or the workspace library"),
                    );
                }
            }
        }
        Error::all(errors)
    }
}
