//! What the types of a request cannot say.

use camino::Utf8Path;

use super::request::{CombineRequest, Output, Request, Source, Workspace};
use crate::error::{Code, Diagnostic, Error, Result};

impl Request {
    /// Checks what the types do not express; every fault is reported.
    ///
    /// # Errors
    /// `request-invalid`, with the place in the request.
    pub fn check(&self) -> Result<()> {
        let mut faults = Faults(Vec::new());
        match self {
            Self::Discover(r) | Self::Build(r) => faults.workspace("$.workspace", &r.workspace),
            Self::Dedup(r) | Self::Prelink(r) | Self::Meld(r) => faults.combine(r),
            Self::Inspect(r) => {
                let no_library = matches!(&r.source, Source::Libraries(l) if l.is_empty());
                // Symbols can be explained without any library at hand.
                if !no_library || r.symbols.is_empty() {
                    faults.source(&r.source);
                }
            }
            Self::Why(r) => {
                faults.source(&r.source);
                if r.what.is_empty() {
                    faults.add("$.what", "names no symbol or section");
                }
            }
            Self::Verify(r) => {
                if r.libraries.is_empty() {
                    faults.add("$.libraries", "names no library");
                }
            }
        }
        Error::all(faults.0)
    }
}

struct Faults(Vec<Diagnostic>);

impl Faults {
    fn add(&mut self, path: &str, what: &str) {
        self.0.push(Diagnostic::new(
            Code::RequestInvalid,
            format!("the request {what} (at `{path}`)"),
        ));
    }

    fn path(&mut self, at: &str, path: &Utf8Path) {
        if path.as_str().is_empty() {
            self.add(at, "has an empty path");
        }
    }

    fn workspace(&mut self, at: &str, workspace: &Workspace) {
        self.path(&format!("{at}.manifest_path"), &workspace.manifest_path);
        if workspace.jobs == Some(0) {
            self.add(&format!("{at}.jobs"), "asks for no jobs at all");
        }
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Workspace(workspace) => self.workspace("$.source.workspace", workspace),
            Source::Libraries(libraries) => {
                if libraries.is_empty() {
                    self.add("$.source.libraries", "names no library");
                }
                for (i, library) in libraries.iter().enumerate() {
                    self.path(&format!("$.source.libraries[{i}].path"), &library.path);
                }
            }
        }
    }

    fn combine(&mut self, request: &CombineRequest) {
        self.source(&request.source);
        match &request.output {
            Output::Dir(dir) => self.path("$.output.dir", dir),
            Output::InPlace(library) => self.path("$.output.in-place", library),
        }
        if let Some(name) = &request.workspace_library
            && (name.is_empty() || name.contains(['/', '\\', '\0']))
        {
            self.add(
                "$.workspace_library",
                "names a workspace library that is no file name",
            );
        }
        if request.threads == Some(0) {
            self.add("$.threads", "asks for no threads at all");
        }
    }
}
