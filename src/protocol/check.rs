//! What the types of a request cannot say.

use camino::Utf8Path;

use super::request::{CombineRequest, ManifestSource, Output, Request, Source, Workspace};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::manifest;

impl Request {
    /// Checks what the types do not express; every fault is reported.
    ///
    /// # Errors
    /// `request-invalid`, with the place in the request.
    pub fn check(&self) -> Result<()> {
        let mut faults = Faults(Vec::new());
        if let Some(ManifestSource::Inline(manifest)) = self.manifest()
            && manifest.schema != manifest::SCHEMA
        {
            faults.add(
                "$.manifest.schema",
                "has a manifest of a schema that is not known",
            );
        }
        if let Some(ManifestSource::Inline(manifest)) = self.manifest() {
            let plugins = manifest.plugins.iter().enumerate();
            for (i, _) in plugins.filter(|(_, entry)| entry.subject().1.is_empty()) {
                let at = format!("$.manifest.plugins[{i}]");
                faults.add(&at, "has an entry with neither `package` nor `library`");
            }
        }
        match self {
            Self::Capabilities(_) => {}
            Self::Discover(r) => {
                if let Some(workspace) = &r.workspace {
                    faults.workspace("$.workspace", workspace);
                    faults.one_target("$.workspace", workspace);
                }
                if r.workspace.is_some() != r.libraries.is_empty() {
                    faults.add(
                        "$.workspace",
                        "names a workspace or libraries, one of the two",
                    );
                }
                for (i, library) in r.libraries.iter().enumerate() {
                    faults.path(&format!("$.libraries[{i}].path"), &library.path);
                }
            }
            Self::Build(r) => faults.workspace("$.workspace", &r.workspace),
            Self::Dedup(r) | Self::Prelink(r) | Self::Meld(r) => faults.combine(r),
            Self::Inspect(r) => {
                let no_library = matches!(&r.source, Source::Libraries(l) if l.is_empty());
                // Symbols can be explained without any library at hand.
                if !no_library || r.symbols.is_empty() {
                    faults.source(&r.source);
                    faults.one_target_of(&r.source);
                }
            }
            Self::Exports(r) => {
                faults.source(&r.source);
                faults.one_target_of(&r.source);
            }
            Self::Why(r) => {
                faults.source(&r.source);
                faults.one_target_of(&r.source);
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
        if workspace.target.is_some() && !workspace.targets.is_empty() {
            self.add(
                &format!("{at}.targets"),
                "has both one target and a list of them",
            );
        }
        let targets = workspace.target.iter().chain(&workspace.targets);
        if targets.into_iter().any(String::is_empty) {
            self.add(&format!("{at}.targets"), "has an empty target");
        }
    }

    fn one_target(&mut self, at: &str, workspace: &Workspace) {
        if workspace.targets.len() > 1 {
            self.add(
                &format!("{at}.targets"),
                "names several targets, and this operation is about one",
            );
        }
    }

    fn one_target_of(&mut self, source: &Source) {
        if let Source::Workspace(workspace) = source {
            self.one_target("$.source.workspace", workspace);
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
        self.packages(request);
        if let Some(name) = &request.workspace_library
            && !manifest::is_library_name(name)
        {
            self.add(
                "$.workspace_library",
                "names a workspace library that is no library name",
            );
        }
        if !request.remap_path_prefix.iter().all(|r| r.contains('=')) {
            self.add("$.remap_path_prefix", "has a rule without `=`");
        }
        let others = [
            request.exports.is_empty(),
            request.presets.is_empty(),
            request.exports_of.is_empty(),
        ];
        if !request.used_by.is_empty() && others.contains(&false) {
            self.add("$.used_by", "says in two ways what is exported");
        }
        if request.threads == Some(0) {
            self.add("$.threads", "asks for no threads at all");
        }
    }

    fn packages(&mut self, request: &CombineRequest) {
        let workspace = match &request.source {
            Source::Workspace(workspace) => Some(workspace),
            Source::Libraries(_) => None,
        };
        let in_place = matches!(request.output, Output::InPlace(_));
        if in_place && workspace.is_some_and(|w| w.targets.len() > 1) {
            self.add(
                "$.output",
                "has no folder for the libraries of several targets",
            );
        }
        let packages = &request.packages;
        if packages.is_empty() {
            return;
        }
        if workspace.is_none() || in_place {
            self.add(
                "$.packages",
                "asks for packages, which are made of a workspace's libraries in a folder",
            );
        }
        if packages.headers.is_some() && packages.xcframework.is_none() {
            self.add("$.packages.headers", "has headers for no .xcframework");
        }
        if let Some(bundle) = &packages.xcframework
            && (bundle.extension() != Some("xcframework") || bundle.file_stem().is_none())
        {
            self.add(
                "$.packages.xcframework",
                "names a bundle that does not end with .xcframework",
            );
        }
        for (at, path) in [
            ("headers", &packages.headers),
            ("jni_libs", &packages.jni_libs),
        ] {
            if let Some(path) = path {
                self.path(&format!("$.packages.{at}"), path);
            }
        }
    }
}
