//! Answers an `inspect` request.

use std::collections::{BTreeMap, HashMap};

use camino::Utf8PathBuf;
use rayon::prelude::*;

use super::live::live;
use super::melded::Melded;
use super::providers::{Provider, ProviderKind, provider};
use super::survey::{self, LibrarySurvey, MemberSurvey, NameMap};
use super::target::{self, Environment, TargetInfo};
use super::{
    CrateSizes, Explanation, External, Inspection, Kinds, LibraryInspection, Place, Sharing,
    exports,
};
use crate::analysis::{self, Analysis};
use crate::combine::select_exports;
use crate::error::{Code, Diagnostic, Result};
use crate::exports::ExportRules;
use crate::format::{self, Format, GlobalKind, Machine, MemberKind};
use crate::identity::members::MemberClasses;
use crate::input::{self, Inputs, MappedFile, MemberId};
use crate::manifest::{self, Manifest};
use crate::plan::partition::Partition;
use crate::protocol::event::Events;
use crate::protocol::request::{InspectRequest, LibraryInput, Source};
use crate::protocol::response::{Plugin, Response};
use crate::workspace;

/// How many places of a symbol are listed.
const PLACES: usize = 6;

/// Carries out the request.
///
/// # Errors
/// Those of [`inspect`], and of building a workspace.
pub fn run(request: &InspectRequest, events: &dyn Events) -> Result<Response> {
    let mut response = Response::new("inspect");
    let (libraries, manifest) = match &request.source {
        Source::Libraries(libraries) => {
            let manifest = request.manifest.as_ref().map(manifest::load).transpose()?;
            (libraries.clone(), manifest)
        }
        Source::Workspace(source) => {
            events.phase("build");
            let manifest = workspace::manifest(source, request.manifest.as_ref(), events)?;
            let built = workspace::build(source, manifest.as_ref(), events)?;
            let libraries = built
                .plugins
                .iter()
                .filter_map(|plugin| {
                    Some(LibraryInput {
                        path: plugin.path.clone()?,
                        package: plugin.package.clone(),
                        native_static_libs: plugin.native_static_libs.clone(),
                    })
                })
                .collect();
            response.target = built.target;
            response.warnings = built.warnings;
            response.plugins = built.plugins;
            (libraries, manifest)
        }
    };
    let target = request.target.clone().or_else(|| response.target.clone());
    let (inspection, warnings) = inspect(
        request,
        target.as_deref(),
        &libraries,
        manifest.as_ref(),
        events,
    )?;
    response.warnings.extend(warnings);
    response.inspection = Some(inspection);
    Ok(response)
}

/// Inspects `libraries`; what the request says of exports, symbols and target holds.
///
/// # Errors
/// Those of opening and reading the libraries; `request-invalid` for an unknown target.
/// A member that cannot be read is a warning.
pub fn inspect(
    request: &InspectRequest,
    target: Option<&str>,
    libraries: &[LibraryInput],
    manifest: Option<&Manifest>,
    events: &dyn Events,
) -> Result<(Inspection, Vec<Diagnostic>)> {
    let environments = match target {
        Some(target) => {
            let named = Environment::from_target(target);
            if named.is_empty() {
                return Err(Diagnostic::new(
                    Code::RequestInvalid,
                    format!("`{target}` is no target that inspect knows"),
                )
                .hint(
                    "give a target triple (x86_64-pc-windows-msvc), or one of linux, musl, android, \
                     msvc, mingw, windows, apple",
                )
                .into());
            }
            named
        }
        None => Vec::new(),
    };
    if libraries.is_empty() {
        let asked = if environments.is_empty() {
            &Environment::KNOWN[..]
        } else {
            &environments
        };
        let inspection = Inspection {
            explanations: explain(&request.symbols, asked, None),
            ..Inspection::default()
        };
        return Ok((inspection, Vec::new()));
    }

    events.phase("read");
    let paths: Vec<Utf8PathBuf> = libraries.iter().map(|l| l.path.clone()).collect();
    let parts = parts(input::open_all(&paths)?, libraries)?;
    let (mut files, mut libraries, mut architectures) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        files.push(part.file);
        libraries.push(part.library);
        architectures.push(part.architecture);
    }
    let libraries = libraries.as_slice();
    let inputs = Inputs::read(&files)?;

    events.phase("inspect");
    let members = survey::members(&inputs);
    let surveys: Vec<LibrarySurvey<'_>> = (0..inputs.libraries.len() as u32)
        .into_par_iter()
        .map(|id| survey::library(&inputs, input::LibraryId(id), &members))
        .collect();
    let set = Set {
        inputs: &inputs,
        members: &members,
        surveys: &surveys,
    };
    let mut warnings: Vec<Diagnostic> = members.iter().filter_map(|m| m.problem.clone()).collect();
    warnings.extend(embedded_bitcode(&inputs));
    let target = set.target(&environments);
    if !request.symbols.is_empty() {
        let inspection = Inspection {
            explanations: explain(&request.symbols, &[target.environment], Some(&set)),
            target: Some(target),
            ..Inspection::default()
        };
        return Ok((inspection, warnings));
    }

    let rules = ExportRules::new(manifest, &request.exports);
    let given = !request.exports.is_empty()
        || manifest.is_some_and(|m| {
            !m.exports.is_empty() || m.plugins.iter().any(|p| !p.exports.is_empty())
        });
    let shared = set.shared();
    let mut inspection = Inspection {
        externals: set.externals(target.environment),
        target: Some(target),
        ..Inspection::default()
    };
    let per_library: Vec<Result<LibraryInspection>> = inputs
        .libraries
        .par_iter()
        .zip(&surveys)
        .zip(libraries)
        .zip(architectures)
        .map(|(((library, survey), given_as), architecture)| {
            let package = given_as.package.as_deref();
            let shown = exports::shown(&inputs, library, package, survey, &rules, given)?;
            let mut kinds = Kinds::default();
            for sizes in survey.by_crate.values() {
                kinds += *sizes;
            }
            let shared_bytes: u64 = library
                .member_ids()
                .filter(|id| shared.contains_key(&id.index()))
                .map(|id| inputs.member(id).data.len() as u64)
                .sum();
            let mut needed: Vec<String> = survey
                .needed
                .keys()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect();
            needed.sort_unstable();
            Ok(LibraryInspection {
                library: library.name.clone(),
                architecture,
                path: library.path.to_owned(),
                bytes: library.bytes,
                members: library.member_ids().count() as u64,
                kinds,
                crates: sorted_crates(survey.by_crate.iter().map(|(k, v)| (*k, (*v, 1)))),
                shared_bytes,
                unique_bytes: kinds.total().saturating_sub(shared_bytes),
                exports: shown.exports,
                exports_guessed: shown.guessed,
                leaked: shown.leaked,
                externals: needed,
            })
        })
        .collect();
    for library in per_library {
        let library = library?;
        inspection.kinds += library.kinds;
        inspection.libraries.push(library);
    }
    let mut crates: NameMap<&str, (Kinds, u32)> = NameMap::default();
    for survey in &surveys {
        for (krate, kinds) in &survey.by_crate {
            let of_set = crates.entry(krate).or_default();
            of_set.0 += *kinds;
            of_set.1 += 1;
        }
    }
    inspection.crates = sorted_crates(crates.into_iter());
    if request.melded {
        events.phase("meld");
        inspection.melded = Some(melded(&inputs, libraries, &rules)?);
    }
    inspection.sharing = set.sharing(&shared);
    Ok((inspection, warnings))
}

/// A library, or one architecture's part of it.
struct Part {
    file: MappedFile,
    library: LibraryInput,
    architecture: Option<String>,
}

/// Splits universal libraries.
fn parts(files: Vec<MappedFile>, libraries: &[LibraryInput]) -> Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(files.len());
    for (file, library) in files.into_iter().zip(libraries) {
        let Some(slices) = file.slices()? else {
            parts.push(Part {
                file,
                library: library.clone(),
                architecture: None,
            });
            continue;
        };
        parts.extend(slices.parts.into_iter().map(|(slice, file)| Part {
            file,
            library: library.clone(),
            architecture: Some(slice.architecture()),
        }));
    }
    Ok(parts)
}

/// Warns of libraries with bitcode that their platform's stores refuse.
fn embedded_bitcode(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    let of_library = |library: &input::Library<'_>| {
        let found: Vec<(MemberId, u64)> = library
            .member_ids()
            .filter_map(|id| {
                let member = inputs.member(id);
                Some((id, format::embedded_bitcode(member.kind, member.data)?))
            })
            .collect();
        let (first, _) = found.first()?;
        let bytes: u64 = found.iter().map(|(_, bytes)| bytes).sum();
        let message = format!(
            "{} members embed {bytes} bytes of bitcode, which Apple's stores refuse",
            found.len()
        );
        Some(
            Diagnostic::new(Code::EmbeddedBitcode, message)
                .file(library.path)
                .member(inputs.member(*first).name)
                .hint("drop it: dragonfire dedup --drop-bitcode"),
        )
    };
    inputs.libraries.par_iter().filter_map(of_library).collect()
}

/// What melding the libraries would keep.
fn melded(
    inputs: &Inputs<'_>,
    libraries: &[LibraryInput],
    rules: &ExportRules<'_>,
) -> Result<Melded> {
    input::check_one_format(inputs)?;
    let plugins: Vec<Plugin> = libraries
        .iter()
        .map(|l| Plugin {
            package: l.package.clone(),
            ..Plugin::default()
        })
        .collect();
    let exports = select_exports(inputs, &plugins, rules)?;
    let classes = MemberClasses::new(inputs);
    let sharing = analysis::Sharing::Universe;
    let analysis = Analysis::new(inputs, &classes, &exports, sharing)?;
    let partition = Partition::new(&analysis);
    Ok(live(inputs, &analysis, &partition).melded)
}

/// Largest first.
pub(super) fn sorted_crates<'d>(
    crates: impl Iterator<Item = (&'d str, (Kinds, u32))>,
) -> Vec<CrateSizes> {
    let mut sizes: Vec<CrateSizes> = crates
        .map(|(krate, (kinds, libraries))| CrateSizes {
            krate: krate.to_owned(),
            bytes: kinds.total(),
            kinds,
            libraries,
        })
        .collect();
    sizes.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.krate.cmp(&b.krate)));
    sizes
}

/// The demangled name, where it differs.
pub(super) fn demangled(symbol: &str) -> Option<String> {
    let symbol = symbol
        .strip_prefix('_')
        .filter(|s| s.starts_with("_R") || s.starts_with("_ZN"))
        .unwrap_or(symbol);
    let demangled = rustc_demangle::try_demangle(symbol).ok()?;
    Some(format!("{demangled:#}"))
}

/// The libraries given, surveyed.
struct Set<'a, 'd> {
    inputs: &'a Inputs<'d>,
    members: &'a [MemberSurvey<'d>],
    surveys: &'a [LibrarySurvey<'d>],
}

impl Set<'_, '_> {
    /// What the libraries are for: as said, else as their symbols tell.
    fn target(&self, said: &[Environment]) -> TargetInfo {
        let mut kinds: BTreeMap<(Format, Machine), usize> = BTreeMap::new();
        for member in &self.inputs.members {
            if let MemberKind::Object(format, machine) = member.kind {
                *kinds.entry((format, machine)).or_default() += 1;
            }
        }
        let (format, machine) = kinds
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map_or((Format::Elf, Machine::Other(0)), |(kind, _)| kind);
        let is_lib = self
            .inputs
            .libraries
            .iter()
            .any(|l| l.path.extension() == Some("lib"));
        let mut found = target::detect(format, machine, is_lib, |symbol| {
            let name = symbol.as_bytes();
            self.surveys
                .iter()
                .any(|s| s.needed.contains_key(name) || s.defined.contains_key(name))
        });
        // A word like `windows` leaves a choice to what was found.
        if let Some(first) = said.first() {
            if !said.contains(&found.environment) {
                found.environment = *first;
            }
            "given".clone_into(&mut found.known_by);
        }
        found
    }

    /// Members that more than one library holds, with the first of their kind.
    fn shared(&self) -> HashMap<usize, usize> {
        let classes = MemberClasses::new(self.inputs);
        let ids = || (0..self.inputs.members.len() as u32).map(MemberId);
        let mut several = vec![false; classes.len()];
        for id in ids() {
            let class = classes.class(id) as usize;
            let first = classes.representatives.get(class);
            let elsewhere = first.is_some_and(|first| {
                self.inputs.member(*first).library != self.inputs.member(id).library
            });
            if let Some(several) = several.get_mut(class) {
                *several |= elsewhere;
            }
        }
        ids()
            .filter_map(|id| {
                let class = classes.class(id) as usize;
                let first = classes.representatives.get(class)?;
                several.get(class)?.then_some((id.index(), first.index()))
            })
            .collect()
    }

    fn sharing(&self, shared: &HashMap<usize, usize>) -> Sharing {
        let mut sharing = Sharing::default();
        for (index, member) in self.inputs.members.iter().enumerate() {
            let bytes = member.data.len() as u64;
            match shared.get(&index) {
                None => sharing.unique += bytes,
                Some(first) => {
                    sharing.shared_copies += bytes;
                    if *first == index {
                        sharing.shared_once += bytes;
                    }
                }
            }
        }
        sharing
    }

    /// What the libraries need from elsewhere, and who has it.
    fn externals(&self, environment: Environment) -> Vec<External> {
        let mut by_name: BTreeMap<&[u8], External> = BTreeMap::new();
        for (library, survey) in self.inputs.libraries.iter().zip(self.surveys) {
            for (name, need) in &survey.needed {
                let external = by_name.entry(name).or_insert_with(|| {
                    let symbol = String::from_utf8_lossy(name).into_owned();
                    External {
                        demangled: demangled(&symbol),
                        weak: true,
                        needed_by: Vec::new(),
                        krate: need.krate.to_owned(),
                        provider: self.provider(environment, name, &symbol),
                        symbol,
                    }
                });
                external.weak &= need.weak;
                // Slices of one library are one.
                if !external.needed_by.contains(&library.name) {
                    external.needed_by.push(library.name.clone());
                }
            }
        }
        let mut externals: Vec<External> = by_name.into_values().collect();
        for external in &mut externals {
            if external.weak && external.provider.kind == ProviderKind::Unknown {
                "every reference is weak: the code looks whether it is there and does without; a newer \
                 C library may have it"
                    .clone_into(&mut external.provider.why);
            }
        }
        externals
    }

    fn provider(&self, environment: Environment, name: &[u8], symbol: &str) -> Provider {
        let given = self
            .inputs
            .libraries
            .iter()
            .zip(self.surveys)
            .find(|(_, survey)| survey.defined.contains_key(name));
        match given {
            Some((library, _)) => Provider::given_library(&library.name),
            None => provider(environment, symbol),
        }
    }

    /// Where the libraries define and need a symbol; definitions first.
    fn places(&self, symbol: &str) -> Vec<Place> {
        let names = [symbol.to_owned(), format!("_{symbol}")];
        let mut places: Vec<(bool, Place)> = Vec::new();
        for (index, survey) in self.members.iter().enumerate() {
            for global in &survey.globals {
                if !names.iter().any(|n| n.as_bytes() == global.name) {
                    continue;
                }
                let Some(member) = self.inputs.members.get(index) else {
                    continue;
                };
                let how = match global.kind {
                    GlobalKind::Defined if !global.default_visibility => "defined, hidden",
                    GlobalKind::Defined => "defined",
                    GlobalKind::WeakDefined => "weakly defined",
                    GlobalKind::Common => "common",
                    GlobalKind::Undefined => "needed",
                    GlobalKind::WeakUndefined => "weakly needed",
                };
                places.push((
                    !global.kind.is_definition(),
                    Place {
                        library: self.inputs.library(member.library).name.clone(),
                        member: String::from_utf8_lossy(member.name).into_owned(),
                        how: how.to_owned(),
                    },
                ));
            }
        }
        places.sort_by_key(|(need, _)| *need);
        places.truncate(PLACES);
        places.into_iter().map(|(_, place)| place).collect()
    }
}

/// Explains each symbol in each environment. Without libraries, environments that know nothing of
/// a symbol are left out where another does.
fn explain(
    symbols: &[String],
    environments: &[Environment],
    set: Option<&Set<'_, '_>>,
) -> Vec<Explanation> {
    let mut explanations = Vec::new();
    for symbol in symbols {
        let mut of_symbol: Vec<Explanation> = environments
            .iter()
            .map(|&environment| Explanation {
                symbol: symbol.clone(),
                demangled: demangled(symbol),
                environment,
                provider: match set {
                    Some(set) => set.provider(environment, symbol.as_bytes(), symbol),
                    None => provider(environment, symbol),
                },
                places: set.map(|set| set.places(symbol)).unwrap_or_default(),
            })
            .collect();
        let at_home = |e: &Explanation| {
            !matches!(
                e.provider.kind,
                ProviderKind::Unknown | ProviderKind::Foreign
            )
        };
        if of_symbol.iter().any(at_home) {
            of_symbol.retain(at_home);
        } else {
            of_symbol.truncate(1);
        }
        explanations.append(&mut of_symbol);
    }
    explanations
}
