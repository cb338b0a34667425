//! `inspect`: what is in libraries, by crate and kind, and who provides what they lack.

use camino::Utf8PathBuf;
use rayon::prelude::*;

use crate::analysis::exports::{decoration, define, select_exports, symbols};
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::{self, Analysis};
use crate::error::{Code, Diagnostic, Result};
use crate::exports::{ExportRules, NameRules};
use crate::format;
use crate::input::{self, Inputs, MappedFile, MemberId};
use crate::inspect::crates::sorted_crates;
use crate::inspect::exports;
use crate::inspect::live::live;
use crate::inspect::personalities;
use crate::inspect::set::{Set, explain};
use crate::inspect::survey::{self, LibrarySurvey, NameMap};
use crate::manifest::{self, Manifest};
use crate::plan::partition::Partition;
use crate::protocol::asked::AsksExports as _;
use crate::protocol::event::Events;
use crate::protocol::inspection::{Environment, Inspection, Kinds, LibraryInspection};
use crate::protocol::melded::Melded;
use crate::protocol::request::{Granularity, InspectRequest, LibraryInput, Source};
use crate::protocol::response::{ExportsBy, Plugin, Response};
use crate::workspace;

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
    let personalities = personalities::find(&inputs);
    let limit = format::max_personalities(inputs.format());
    warnings.extend(limit.and_then(|l| analysis::personalities::warning(&personalities, l)));
    let target = set.target(&environments);
    if !request.symbols.is_empty() {
        let inspection = Inspection {
            explanations: explain(&request.symbols, &[target.environment], Some(&set)),
            target: Some(target),
            ..Inspection::default()
        };
        return Ok((inspection, warnings));
    }

    let rules = ExportRules::new(manifest, request.asked());
    let decoration = decoration(&inputs);
    let shared = set.shared();
    let mut inspection = Inspection {
        externals: set.externals(target.environment),
        personalities: personalities.into_iter().collect(),
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
            // A member that cannot be read is a warning here.
            let symbols = symbols(&inputs, library, None).unwrap_or_default();
            let plugin = Plugin {
                package: given_as.package.clone(),
                ..Plugin::default()
            };
            let defined = define(library, Some(&plugin), &symbols, decoration);
            let (names, found) = rules.shown(&defined)?;
            let shown = exports::shown(&inputs, survey, &names);
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
                exports_guessed: found.by != ExportsBy::Asked,
                exports_found: found,
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
        inspection.melded = Some(melded(&inputs, libraries, &rules, manifest)?);
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
    manifest: Option<&Manifest>,
) -> Result<Melded> {
    input::check_one_format(inputs)?;
    let plugins: Vec<Plugin> = libraries
        .iter()
        .map(|l| Plugin {
            package: l.package.clone(),
            ..Plugin::default()
        })
        .collect();
    let exports = select_exports(inputs, &plugins, rules)?.exports;
    let classes = MemberClasses::new(inputs);
    let sharing = analysis::Sharing::Universe;
    let names = NameRules::new(manifest, decoration(inputs))?;
    let analysis = Analysis::new(inputs, &classes, &exports, &names, sharing)?;
    let partition = Partition::new(&analysis, Granularity::Plugin);
    Ok(live(inputs, &analysis, &partition).melded)
}
