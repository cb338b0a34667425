//! Features that are asked for, as the generated wrapper packages turn them on: cargo takes `feature`,
//! `package/feature` and `dependency/feature` for several packages at once, and one package of the wrapper can
//! only name features of what it depends on.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Metadata, Node, Package, PackageId};

use super::cargo::Opened;
use super::discover::Found;
use crate::error::{Code, Diagnostic, Result};
use crate::nearest::did_you_mean;

/// What a wrapper package turns on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Features of the plugin.
    pub own: BTreeSet<String>,
    /// Packages that the plugin depends on, each with a feature: the wrapper depends on them too.
    pub others: Vec<Other>,
}

/// A feature of a package that a plugin depends on.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    /// Its place in [`Features::packages`].
    pub package: usize,
    pub feature: String,
    /// `cfg(…)` or triple of the targets on which the plugin depends on it.
    pub platform: Option<String>,
}

/// The features asked for, plugin by plugin.
#[derive(Debug, Default)]
pub struct Features {
    pub asked: Vec<Asked>,
    pub packages: Vec<Package>,
}

/// The features of the request: for each plugin those that it or a dependency of its has, as cargo does for
/// several packages.
///
/// # Errors
/// `request-invalid` for a feature that nobody has, and cargo's.
pub fn find(opened: &Opened<'_>, plugins: &[Found]) -> Result<Features> {
    let request = opened.cargo.request;
    let mut features = Features::default();
    for plugin in plugins {
        let own = plugin.package.features.keys();
        let own = own.filter(|_| request.all_features).cloned().collect();
        let others = Vec::new();
        features.asked.push(Asked { own, others });
    }
    let mut asked: Vec<&str> = request
        .features
        .iter()
        .flat_map(|f| f.split([',', ' ']))
        .filter(|f| !f.is_empty())
        .collect();
    // What turns a dependency on comes before what is for one that is on.
    asked.sort_by_key(|f| (f.contains('/'), f.contains('?')));
    let mut graph = None;
    for feature in asked {
        let (package, name) = match feature.split_once('/') {
            Some((package, name)) => (Some(package), name),
            None => (None, feature),
        };
        let mut taken = false;
        for (plugin, asked) in plugins.iter().zip(&mut features.asked) {
            let meant = package.is_none_or(|p| p == plugin.package.name.as_str());
            if meant && plugin.package.features.contains_key(name) {
                taken = true;
                asked.own.insert(name.to_owned());
            }
        }
        if !taken && let Some(dependency) = package {
            if graph.is_none() {
                graph = Some(Graph::read(opened)?);
            }
            if let Some(graph) = &graph {
                taken = graph.turn_on(plugins, dependency, name, &mut features)?;
            }
        }
        if !taken {
            return Err(unknown(feature, package, name, plugins).into());
        }
    }
    if let Some(graph) = graph {
        features.packages = graph.metadata.packages;
    }
    Ok(features)
}

fn unknown(feature: &str, package: Option<&str>, name: &str, plugins: &[Found]) -> Diagnostic {
    let known = plugins.iter().flat_map(|p| p.package.features.keys());
    let mut known: Vec<&str> = known.map(String::as_str).collect();
    let mut wanted = name;
    if let Some(package) = package
        && !plugins.iter().any(|p| p.package.name.as_str() == package)
    {
        wanted = package;
        known = plugins
            .iter()
            .flat_map(|p| p.package.dependencies.iter().map(called))
            .collect();
    }
    known.sort_unstable();
    known.dedup();
    let hint = did_you_mean(wanted, known.iter().copied()).unwrap_or_else(|| {
        let what = if wanted == name {
            "features"
        } else {
            "dependencies"
        };
        format!("their {what} are {}", known.join(", "))
    });
    Diagnostic::new(
        Code::RequestInvalid,
        match package {
            Some(_) => format!("no plugin has the feature or dependency of `{feature}`"),
            None => format!("no plugin has the feature `{feature}`"),
        },
    )
    .hint(hint)
}

/// A dependency's name in the Cargo.toml that has it.
fn called(dependency: &Dependency) -> &str {
    dependency.rename.as_deref().unwrap_or(&dependency.name)
}

/// All packages that plugins depend on, optional ones too.
struct Graph {
    metadata: Metadata,
}

impl Graph {
    fn read(opened: &Opened<'_>) -> Result<Self> {
        let manifest = opened.root().join("Cargo.toml");
        let mut args = opened.platform_args();
        args.extend(["--manifest-path", manifest.as_str()].map(str::to_owned));
        args.extend(opened.cargo.network_args().into_iter().map(str::to_owned));
        // Optional dependencies are in no graph without their features; but without the network they need not be
        // at hand.
        let all: Vec<String> = args
            .iter()
            .cloned()
            .chain(["--all-features".to_owned()])
            .collect();
        let metadata = opened
            .cargo
            .metadata(&all)
            .or_else(|_| opened.cargo.metadata(&args))?;
        Ok(Self { metadata })
    }

    fn node(&self, id: &PackageId) -> Option<&Node> {
        let resolve = self.metadata.resolve.as_ref()?;
        resolve.nodes.iter().find(|n| n.id == *id)
    }

    /// Turns the feature on wherever a plugin has the dependency. Is there one?
    fn turn_on(
        &self,
        plugins: &[Found],
        dependency: &str,
        feature: &str,
        features: &mut Features,
    ) -> Result<bool> {
        // `name?/feature` does not turn the dependency on.
        let (name, weak) = match dependency.strip_suffix('?') {
            Some(name) => (name, true),
            None => (dependency, false),
        };
        let mut taken = false;
        for (plugin, asked) in plugins.iter().zip(&mut features.asked) {
            let dependencies = plugin.package.dependencies.iter();
            for found in dependencies.filter(|d| called(d) == name) {
                if found.kind == DependencyKind::Development {
                    continue;
                }
                taken = true;
                if found.optional && weak && !is_on(plugin, name, asked) {
                    continue;
                }
                if found.optional && !weak {
                    asked.own.extend(turned_on_by(plugin, name)?);
                }
                if found.kind != DependencyKind::Normal {
                    return Err(Diagnostic::new(
                        Code::RequestInvalid,
                        format!(
                            "`{dependency}/{feature}` is a feature of a build dependency of `{}`, which a \
                             generated workspace cannot turn on",
                            plugin.package.name
                        ),
                    )
                    .file(&plugin.package.manifest_path)
                    .hint("give the plugin a feature that turns it on")
                    .into());
                }
                let package = self.package(plugin, found);
                let Some(package) = package else {
                    return Err(Diagnostic::new(
                        Code::RequestInvalid,
                        format!(
                            "`{}` has no dependency `{name}` for this target",
                            plugin.package.name
                        ),
                    )
                    .file(&plugin.package.manifest_path)
                    .into());
                };
                self.check(package, feature)?;
                asked.others.push(Other {
                    package,
                    feature: feature.to_owned(),
                    platform: found.target.as_ref().map(ToString::to_string),
                });
            }
        }
        Ok(taken)
    }

    /// The very package that cargo takes for a plugin's dependency.
    fn package(&self, plugin: &Found, dependency: &Dependency) -> Option<usize> {
        let node = self.node(&plugin.package.id)?;
        let extern_name = dependency.rename.as_ref().map(|r| r.replace('-', "_"));
        self.metadata.packages.iter().position(|p| {
            p.name.as_str() == dependency.name
                && dependency.req.matches(&p.version)
                && node.deps.iter().any(|d| {
                    d.pkg == p.id && extern_name.as_ref().is_none_or(|name| *name == d.name)
                })
        })
    }

    fn check(&self, package: usize, feature: &str) -> Result<()> {
        let Some(package) = self.metadata.packages.get(package) else {
            return Ok(());
        };
        if package.features.contains_key(feature) {
            return Ok(());
        }
        let known = package.features.keys().map(String::as_str);
        let diagnostic = Diagnostic::new(
            Code::RequestInvalid,
            format!(
                "`{}` {} has no feature `{feature}`",
                package.name, package.version
            ),
        );
        Err(match did_you_mean(feature, known) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
        .into())
    }
}

/// Does what is asked for turn an optional dependency on, as far as the plugin's own features say?
fn is_on(plugin: &Found, dependency: &str, asked: &Asked) -> bool {
    let direct = [
        dependency.to_owned(),
        format!("dep:{dependency}"),
        format!("{dependency}/"),
    ];
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = asked.own.iter().map(String::as_str).collect();
    open.push("default");
    while let Some(feature) = open.pop() {
        if direct.iter().take(2).any(|d| d == feature) || feature.starts_with(&direct[2]) {
            return true;
        }
        if seen.insert(feature) {
            let more = plugin.package.features.get(feature);
            open.extend(more.into_iter().flatten().map(String::as_str));
        }
    }
    false
}

/// The feature that turns an optional dependency on and nothing else; none where it always is.
fn turned_on_by(plugin: &Found, dependency: &str) -> Result<Option<String>> {
    let only = [format!("dep:{dependency}")];
    let mut features = plugin.package.features.iter();
    match features.find(|(_, list)| **list == only) {
        Some((name, _)) => Ok(Some(name.clone())),
        None => Err(Diagnostic::new(
            Code::RequestInvalid,
            format!(
                "`{dependency}` is an optional dependency of `{}` that no feature turns on alone",
                plugin.package.name
            ),
        )
        .file(&plugin.package.manifest_path)
        .hint(format!("give it the feature `x = [\"dep:{dependency}\"]`"))
        .into()),
    }
}
