//! Of whom a request speaks: the libraries, what is known of their plugins, the manifest.

use camino::Utf8PathBuf;

use crate::error::{Code, Diagnostic, Result};
use crate::exports::{self, Asked, ExportRules};
use crate::input;
use crate::manifest::{self, Manifest, default_workspace_library, given_library_name};
use crate::protocol::event::Events;
use crate::protocol::request::{CombineRequest, LibraryInput, ManifestSource, Source, Workspace};
use crate::protocol::response::Plugin;
use crate::workspace;

/// The plugins of a run, wherever they came from.
pub struct Subject {
    pub plugins: Vec<Plugin>,
    pub manifest: Option<Manifest>,
    pub target: Option<String>,
    /// The libraries for further CPUs of one platform, each in the plugins' order.
    pub further: Vec<Vec<Utf8PathBuf>>,
    /// What the libraries depend on.
    pub inputs: Vec<Utf8PathBuf>,
    pub warnings: Vec<Diagnostic>,
}

impl Subject {
    pub fn find(
        source: &Source,
        manifest: Option<&ManifestSource>,
        asked: Asked<'_>,
        events: &dyn Events,
    ) -> Result<Self> {
        match source {
            Source::Libraries(libraries) => {
                let manifest = manifest.map(manifest::load).transpose()?;
                Ok(Self {
                    plugins: plugins_of(libraries, manifest.as_ref(), asked)?,
                    manifest,
                    target: None,
                    further: Vec::new(),
                    inputs: libraries.iter().map(|l| l.path.clone()).collect(),
                    warnings: Vec::new(),
                })
            }
            Source::Workspace(source) => {
                events.phase("build");
                let manifest = workspace::manifest(source, manifest, events)?;
                let built = workspace::build(source, manifest.as_ref(), events)?;
                Ok(Self {
                    plugins: built.plugins,
                    manifest,
                    target: built.target,
                    further: Vec::new(),
                    inputs: built.inputs,
                    warnings: built.warnings,
                })
            }
        }
    }

    /// The plugins of a workspace, built for each of `targets`: CPUs of one platform.
    pub fn for_targets(
        workspace: &Workspace,
        targets: &[String],
        manifest: Option<&ManifestSource>,
        asked: Asked<'_>,
        events: &dyn Events,
    ) -> Result<Self> {
        let find = |target: &String| {
            let source = Source::Workspace(workspace.with_target(target));
            Self::find(&source, manifest, asked, events)
        };
        let (first, others) = targets
            .split_first()
            .ok_or_else(|| Diagnostic::new(Code::Internal, "no target"))?;
        let mut all = find(first)?;
        for target in others {
            all.join(find(target)?);
        }
        Ok(all)
    }

    /// Adds the libraries for another CPU. Discovery does not ask for which one: the plugins are the same.
    fn join(&mut self, other: Self) {
        self.further.push(other.paths());
        for (own, other) in self.plugins.iter_mut().zip(other.plugins) {
            for native in other.native_static_libs {
                if !own.native_static_libs.contains(&native) {
                    own.native_static_libs.push(native);
                }
            }
        }
        self.inputs.extend(other.inputs);
        self.inputs.sort();
        self.inputs.dedup();
        for warning in other.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    pub fn paths(&self) -> Vec<Utf8PathBuf> {
        let paths = self.plugins.iter().map(|p| p.path.clone());
        paths.map(Option::unwrap_or_default).collect()
    }

    /// Name of the workspace library: the request's, the manifest's, or a default.
    pub fn workspace_library(&self, request: &CombineRequest) -> String {
        let asked = request.workspace_library.as_deref();
        let manifest = self.manifest.as_ref();
        let given = asked.map(given_library_name);
        let given = given.or_else(|| manifest.and_then(Manifest::workspace_library));
        given.map_or_else(
            || default_workspace_library(self.plugins.iter().map(|p| p.library.as_str())),
            str::to_owned,
        )
    }
}

/// The plugins of which only the libraries are given.
///
/// # Errors
/// Where the manifest speaks of others.
pub fn plugins_of(
    libraries: &[LibraryInput],
    manifest: Option<&Manifest>,
    asked: Asked<'_>,
) -> Result<Vec<Plugin>> {
    let rules = ExportRules::new(manifest, asked);
    let plugins: Vec<Plugin> = libraries.iter().map(|l| plugin_of(l, &rules)).collect();
    if let Some(manifest) = manifest {
        let named = plugins
            .iter()
            .map(|p| (p.library.clone(), p.package.clone()));
        exports::check_entries(manifest, &named.collect::<Vec<_>>())?;
    }
    Ok(plugins)
}

/// What is known of a plugin of which only the library is given.
fn plugin_of(library: &LibraryInput, rules: &ExportRules<'_>) -> Plugin {
    let name = input::library_name(&library.path);
    let entry = rules.entry(&name, library.package.as_deref());
    let plugin = entry
        .and_then(|e| e.plugin.as_deref())
        .unwrap_or_else(|| exports::plugin_name(&name))
        .to_owned();
    Plugin {
        plugin,
        package: library
            .package
            .clone()
            .or_else(|| entry.and_then(|e| e.package.clone())),
        file_name: library.path.file_name().unwrap_or_default().to_owned(),
        path: Some(library.path.clone()),
        native_static_libs: library.native_static_libs.clone(),
        library: name,
        ..Plugin::default()
    }
}
