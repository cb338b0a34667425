//! Of whom a request speaks: the libraries, what is known of their plugins, the manifest.

use camino::Utf8PathBuf;

use crate::error::{Diagnostic, Result};
use crate::exports::{self, ExportRules};
use crate::input;
use crate::manifest::{self, Manifest};
use crate::protocol::event::Events;
use crate::protocol::request::{CombineRequest, LibraryInput, ManifestSource, Source};
use crate::protocol::response::Plugin;
use crate::workspace;

/// The plugins of a run, wherever they came from.
pub struct Subject {
    pub plugins: Vec<Plugin>,
    pub manifest: Option<Manifest>,
    pub target: Option<String>,
    /// What the libraries depend on.
    pub inputs: Vec<Utf8PathBuf>,
    pub warnings: Vec<Diagnostic>,
}

impl Subject {
    pub fn find(
        source: &Source,
        manifest: Option<&ManifestSource>,
        exports: &[String],
        events: &dyn Events,
    ) -> Result<Self> {
        match source {
            Source::Libraries(libraries) => {
                let manifest = manifest.map(manifest::load).transpose()?;
                let rules = ExportRules::new(manifest.as_ref(), exports);
                let plugins = libraries.iter().map(|l| plugin_of(l, &rules)).collect();
                Ok(Self {
                    plugins,
                    manifest,
                    target: None,
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
                    inputs: built.inputs,
                    warnings: built.warnings,
                })
            }
        }
    }

    pub fn paths(&self) -> Vec<Utf8PathBuf> {
        let paths = self.plugins.iter().map(|p| p.path.clone());
        paths.map(Option::unwrap_or_default).collect()
    }

    pub fn workspace_library<'a>(&'a self, request: &'a CombineRequest) -> &'a str {
        request.workspace_library.as_deref().unwrap_or_else(|| {
            self.manifest
                .as_ref()
                .map_or(manifest::DEFAULT_WORKSPACE_LIBRARY, |m| {
                    m.workspace_library()
                })
        })
    }
}

/// What is known of a plugin of which only the library is given.
fn plugin_of(library: &LibraryInput, rules: &ExportRules<'_>) -> Plugin {
    let name = input::library_name(&library.path);
    let entry = rules.entry(&name, library.package.as_deref());
    let plugin = entry
        .and_then(|e| e.plugin.as_deref())
        .unwrap_or_else(|| exports::plugin_name(&name));
    Plugin {
        plugin: plugin.to_owned(),
        package: library
            .package
            .clone()
            .or_else(|| entry.map(|e| e.package.clone())),
        file_name: library.path.file_name().unwrap_or_default().to_owned(),
        path: Some(library.path.clone()),
        native_static_libs: library.native_static_libs.clone(),
        library: name,
        ..Plugin::default()
    }
}
