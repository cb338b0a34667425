//! What is done for one architecture: read, plan, write, prove, answer.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::natives;
use super::subject::Subject;
use crate::analysis::exports::{decoration, defined_names, select_exports, select_used};
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::{self, Analysis, Sharing};
use crate::emit;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::{ExportRules, NameRules};
use crate::format::output::DebugOptions;
use crate::format::{self, Format};
use crate::input::archive::ArchiveKind;
use crate::input::restore::{self, Former};
use crate::input::{self, Inputs, MappedFile, bitcode, program};
use crate::inspect::debug_cost;
use crate::inspect::live::{Live, live};
use crate::inspect::sharing::sharing;
use crate::output::archive::{ArchiveWriter, Kinds};
use crate::output::targets::Targets;
use crate::output::{commit, mark};
use crate::plan::debug::DebugLines;
use crate::plan::objects::Objects;
use crate::plan::partition::Partition;
use crate::plan::{self, OutputLibrary, OutputSet};
use crate::protocol::asked::AsksExports as _;
use crate::protocol::event::{Counted, Events, Steps, Unit};
use crate::protocol::request::{
    CombineRequest, Debug, DebugCompress, Granularity, Source, Strategy,
};
use crate::protocol::response::{ExportsBy, ExportsFound, Response, Totals, WorkspaceLibrary};
use crate::protocol::sharing::SharingGroups;
use crate::report::{self, gather::gather};
use crate::verify::proof::Proof;
use crate::verify::{self, Promise, Promises};

/// What is done, to whom.
pub struct Run<'a> {
    pub strategy: Strategy,
    pub request: &'a CombineRequest,
    pub subject: &'a Subject,
    pub targets: &'a Targets,
    pub events: &'a dyn Events,
}

/// What a run made, apart from the files.
pub struct Done {
    pub response: Response,
    /// What was asked for, or dedup in its place.
    pub strategy: Strategy,
    pub format: Format,
    pub linker_args: Vec<String>,
    /// The report.
    pub page: Option<String>,
    /// The archives: plugin libraries, then the workspace library.
    pub staged: Vec<Utf8PathBuf>,
}

impl Run<'_> {
    /// The strategy that is carried out, with a warning where it is not the one asked for.
    fn strategy_for(&self, inputs: &Inputs<'_>) -> (Strategy, Option<Diagnostic>) {
        if self.strategy == Strategy::Dedup || !self.request.or_dedup {
            return (self.strategy, None);
        }
        let Err(error) = check_writable(inputs) else {
            return (self.strategy, None);
        };
        let reason = error.0.into_iter().next();
        let reason = reason.map_or(String::new(), |d| format!(": {}", d.message));
        let warning = Diagnostic::new(
            Code::ObjectUnsupported,
            format!("deduplicated in place of {}{reason}", self.strategy.name()),
        );
        (Strategy::Dedup, Some(warning))
    }

    /// Combines libraries of one architecture. `former` is what stands in the workspace library's
    /// place; `place` says where to write what is for a target.
    pub fn make(
        &self,
        files: &[MappedFile],
        former: Option<&MappedFile>,
        place: &mut dyn FnMut(&Utf8Path) -> Result<Utf8PathBuf>,
    ) -> Result<Done> {
        let (request, targets) = (self.request, self.targets);
        let former = former.map(Former::read).transpose()?;
        let bytes = files.iter().map(|f| f.data().len() as u64).sum();
        let steps = Steps::new(self.events, Unit::Bytes, bytes);
        let mut archives = input::read_archives(files, &steps)?;
        let restored = restore::restore(files, &mut archives, former.as_ref())?;
        let clean = match request.drop_bitcode {
            true => bitcode::without(files, &archives)?,
            false => Vec::new(),
        };
        bitcode::replace(&mut archives, &clean);
        let inputs = Inputs::new(files, archives)?;
        input::check_one_format(&inputs)?;

        self.events.phase("plan");
        let (strategy, instead) = self.strategy_for(&inputs);
        let Planned {
            mut set,
            classes,
            live,
            sharing,
            proof,
            found,
        } = plan(strategy, request, self.subject, &inputs, self.events)?;
        set.warnings.extend(instead);
        set.workspace.name = input::library_name(&targets.workspace);
        mark::mark(&mut set, strategy, &inputs);
        if restored > 0 {
            set.warnings.push(
                Diagnostic::new(
                    Code::InputAlreadyThinned,
                    format!("{restored} libraries were thinned before: made whole first"),
                )
                .file(&targets.workspace),
            );
        }

        self.events.phase("write");
        let kinds = Kinds::new(request.archive, &inputs);
        let sizes = write_archives(&set, targets, &kinds, place, self.events)?;
        let debug_bytes = debug_bytes(strategy, &set);
        let debug_crates = proof.as_ref().map_or_else(Vec::new, |(analysis, ..)| {
            debug_cost::by_library(&inputs, analysis, &set, &debug_bytes)
        });
        self.events.phase("verify");
        prove(strategy, &inputs, &set, targets, &sizes.staged, proof)?;
        let page = request.report.as_ref().map(|_| {
            self.events.phase("report");
            let libraries = sizes.libraries.iter().copied();
            let written: Vec<u64> = libraries.chain([sizes.workspace]).collect();
            report::page(&gather(
                strategy.name(),
                &inputs,
                &classes,
                &set,
                &written,
                live,
                &debug_crates,
            ))
        });
        let mut response = respond(
            strategy,
            self.subject,
            &inputs,
            targets,
            &set,
            &sizes,
            &debug_bytes,
        );
        if strategy != Strategy::Dedup && matches!(self.request.source, Source::Libraries(_)) {
            let target = response.target.clone();
            natives::fill_in(&mut response.plugins, &set, &inputs, target.as_deref());
        }
        response.sharing = sharing;
        for (plugin, found) in response.plugins.iter_mut().zip(found) {
            plugin.exports_found = Some(found);
        }
        if let Some(totals) = &mut response.totals {
            let crates = debug_crates.into_iter().flatten();
            debug_cost::join(&mut totals.debug_crates, crates);
        }
        Ok(Done {
            response,
            strategy,
            format: inputs.format(),
            linker_args: set.linker_args,
            page,
            staged: sizes.staged,
        })
    }
}

/// Can objects such as these be written?
fn check_writable(inputs: &Inputs<'_>) -> Result<()> {
    let mut members = inputs.members.iter();
    members.try_for_each(|m| {
        let checked = format::check_writable(m.kind, m.data);
        checked.map_err(|e| e.in_member(m.name).in_file(inputs.library(m.library).path))
    })
}

/// A strategy's result, and what a report says of it.
struct Planned<'d> {
    set: OutputSet<'d>,
    classes: MemberClasses,
    /// Where a report is wanted, of a strategy on atoms.
    live: Option<Live>,
    /// Of meld, where not all libraries share with all.
    sharing: Option<SharingGroups>,
    /// What the result is proven against, of a strategy on atoms.
    proof: Option<(Analysis<'d>, Partition, DebugLines)>,
    /// How exports were chosen, by library, for a strategy on atoms.
    found: Vec<ExportsFound>,
}

fn plan<'d>(
    strategy: Strategy,
    request: &CombineRequest,
    subject: &Subject,
    inputs: &Inputs<'d>,
    events: &dyn Events,
) -> Result<Planned<'d>> {
    let classes = MemberClasses::new(inputs);
    let within = match strategy {
        Strategy::Dedup => {
            refuse_debug(request, strategy)?;
            refuse_program(request, strategy)?;
            return Ok(Planned {
                set: plan::dedup::plan(inputs, &classes)?,
                classes,
                live: None,
                sharing: None,
                proof: None,
                found: Vec::new(),
            });
        }
        Strategy::Prelink => Sharing::None,
        Strategy::Meld => Sharing::Universe,
    };
    let wanted = wanted_debug(request, subject);
    if wanted == Some(Debug::Keep) {
        return Err(Diagnostic::new(
            Code::RequestInvalid,
            format!("{} cannot keep all debug information", strategy.name()),
        )
        .hint("`full` keeps what lives, with variables and types; dedup keeps all")
        .into());
    }
    let rules = ExportRules::new(subject.manifest.as_ref(), request.asked());
    // First: exports that are in intermediate code are not found.
    analysis::refuse_bitcode(inputs)?;
    let mut names = NameRules::new(subject.manifest.as_ref(), decoration(inputs))?;
    let selected = if request.used_by.is_empty() {
        select_exports(inputs, &subject.plugins, &rules)?
    } else {
        let program = program::names(&request.used_by, inputs)?;
        names.meet(program.met);
        select_used(inputs, &subject.plugins, &program.needed)?
    };
    check_writable(inputs)?;
    let steps = Steps::new(events, Unit::Members, classes.len() as u64);
    // For one program its size counts, not what is shipped.
    let merges = !request.used_by.is_empty();
    let analysis = Analysis::watched(
        inputs,
        &classes,
        &selected.exports,
        &names,
        within,
        &steps,
        merges,
    )?;
    analysis.check(inputs)?;
    let partition = Partition::new(&analysis, granularity(request));
    let name = subject.workspace_library(request);
    let debug = DebugLines::new(inputs, &analysis, &partition, wanted);
    let remap = request.remap();
    let options = DebugOptions {
        compress: request.debug_compress == DebugCompress::Zlib,
        remap: &remap,
    };
    let objects = Objects::new(
        &analysis,
        &partition,
        request.symbols,
        inputs,
        &name,
        (&debug, options),
    );
    let mut set = plan::meld::plan(inputs, &objects, events)?;
    set.warnings.splice(0..0, selected.warnings);
    let crates_said = rules.speak_of_crates();
    for (library, found) in set.libraries.iter_mut().zip(&selected.found) {
        let said = matches!(found.by, ExportsBy::Asked | ExportsBy::Program);
        library.exports_said = said || crates_said;
    }
    let order = plan::ctor_order::warnings(inputs, &analysis, &partition);
    set.warnings.extend(order);
    let live = request
        .report
        .is_some()
        .then(|| live(inputs, &analysis, &partition));
    let sharing = match strategy {
        Strategy::Meld => sharing(inputs, &analysis, &partition),
        _ => None,
    };
    Ok(Planned {
        set,
        classes,
        live,
        sharing,
        proof: Some((analysis, partition, debug)),
        found: selected.found,
    })
}

/// What the request says of debug information, or else the manifest.
fn wanted_debug(request: &CombineRequest, subject: &Subject) -> Option<Debug> {
    let manifest = subject.manifest.as_ref();
    request.debug.or_else(|| manifest?.debug)
}

/// One program takes all that is made for it.
fn granularity(request: &CombineRequest) -> Granularity {
    match request.granularity {
        Granularity::Auto if !request.used_by.is_empty() => Granularity::Plugin,
        asked => asked,
    }
}

/// Dedup exports nothing.
fn refuse_program(request: &CombineRequest, strategy: Strategy) -> Result<()> {
    if request.used_by.is_empty() || request.or_dedup {
        return Ok(());
    }
    Err(Diagnostic::new(
        Code::RequestInvalid,
        format!("{} keeps members whole, whoever uses them", strategy.name()),
    )
    .hint("leave `used_by` out, or use prelink or meld")
    .into())
}

/// Dedup leaves members as they are. Where it stands in for another strategy, it does what it can.
fn refuse_debug(request: &CombineRequest, strategy: Strategy) -> Result<()> {
    let other = request.debug.is_some_and(|d| d != Debug::Keep);
    if !other || request.or_dedup {
        return Ok(());
    }
    Err(Diagnostic::new(
        Code::RequestInvalid,
        format!(
            "{} keeps members whole, debug information too",
            strategy.name()
        ),
    )
    .hint("leave `debug` out, or use prelink or meld")
    .into())
}

/// Reads the staged archives again and checks them.
fn prove(
    strategy: Strategy,
    inputs: &Inputs<'_>,
    set: &OutputSet<'_>,
    targets: &Targets,
    staged: &[Utf8PathBuf],
    proof: Option<(Analysis<'_>, Partition, DebugLines)>,
) -> Result<()> {
    let mut order: Vec<&Utf8Path> = targets.libraries.iter().map(|p| p.as_path()).collect();
    order.push(&targets.workspace);
    let files = staged
        .iter()
        .map(|p| MappedFile::open(p))
        .collect::<Result<Vec<_>>>()?;
    let written = Inputs::read(&files)?;
    let atomic = strategy != Strategy::Dedup;
    let mut defined: Vec<Vec<&[u8]>> = Vec::new();
    if !atomic {
        defined = defined_names(inputs)?;
    }
    let libraries: Vec<Promise<'_>> = set
        .libraries
        .iter()
        .enumerate()
        .map(|(i, library)| Promise {
            exports: library.exports.iter().map(Vec::as_slice).collect(),
            externals: atomic.then(|| library.externals.iter().map(Vec::as_slice).collect()),
            defined: defined.get_mut(i).map(std::mem::take).unwrap_or_default(),
        })
        .collect();
    let promises = Promises {
        libraries,
        met: set.met.iter().map(|n| n.as_slice()).collect(),
        hidden: set.hidden.iter().map(|n| n.as_slice()).collect(),
    };
    let proof = proof.as_ref().map(|(analysis, partition, debug)| Proof {
        inputs,
        analysis,
        partition,
        made: &set.made,
        debug,
    });
    verify::verify(&written, &order, &promises, atomic, proof.as_ref())
}

/// Bytes written.
struct Sizes {
    libraries: Vec<u64>,
    workspace: u64,
    /// Where the archives are until they are committed: plugin libraries, then the workspace library.
    staged: Vec<Utf8PathBuf>,
}

/// Stages every archive, the workspace library first: it is also committed first, so that every
/// state between links.
fn write_archives(
    set: &OutputSet<'_>,
    targets: &Targets,
    kinds: &Kinds,
    place: &mut dyn FnMut(&Utf8Path) -> Result<Utf8PathBuf>,
    events: &dyn Events,
) -> Result<Sizes> {
    let mut work = Vec::with_capacity(set.libraries.len() + 1);
    work.push((
        &set.workspace,
        kinds.workspace,
        &targets.workspace,
        place(&targets.workspace)?,
    ));
    let libraries = set.libraries.iter().zip(&kinds.libraries);
    for ((library, kind), target) in libraries.zip(&targets.libraries) {
        work.push((library, *kind, target, place(target)?));
    }
    let all = set.libraries.iter().chain([&set.workspace]);
    let bytes = all.flat_map(|l| &l.members).map(|m| m.data.len() as u64);
    let steps = Steps::new(events, Unit::Bytes, bytes.sum());
    let results: Vec<Result<u64>> = work
        .par_iter()
        .with_max_len(1)
        .map(|(library, kind, target, staged)| {
            write_archive(library, *kind, target, staged, &steps)
        })
        .collect();
    let sizes = Error::collect(results)?;
    let workspace = sizes.first().copied().unwrap_or(0);
    let mut staged: Vec<Utf8PathBuf> = work.into_iter().map(|w| w.3).collect();
    staged.rotate_left(1);
    Ok(Sizes {
        staged,
        libraries: sizes.into_iter().skip(1).collect(),
        workspace,
    })
}

fn write_archive(
    library: &OutputLibrary<'_>,
    kind: ArchiveKind,
    target: &Utf8Path,
    staged: &Utf8Path,
    steps: &Steps<'_>,
) -> Result<u64> {
    let archive = ArchiveWriter::new(kind, &library.members).map_err(|e| e.in_file(target))?;
    let file = commit::create(staged, target)?;
    let to = Counted { to: file, steps };
    let mut out = io::BufWriter::with_capacity(1 << 16, to);
    archive
        .write(&mut out)
        .map_err(|e| commit::output_error(&e, target))?;
    Ok(archive.len())
}

fn respond(
    strategy: Strategy,
    subject: &Subject,
    inputs: &Inputs<'_>,
    targets: &Targets,
    set: &OutputSet<'_>,
    sizes: &Sizes,
    debug_bytes: &[u64],
) -> Response {
    let mut response = Response::new(strategy.name());
    response.target.clone_from(&subject.target);
    response.inputs.clone_from(&subject.inputs);
    response.warnings.clone_from(&subject.warnings);
    response.warnings.extend(set.warnings.iter().cloned());
    let mut totals = Totals {
        bytes_after: sizes.workspace,
        reach_sets: set.reach_sets,
        ..Totals::default()
    };
    for (i, output) in set.libraries.iter().enumerate() {
        let mut plugin = subject.plugins.get(i).cloned().unwrap_or_default();
        if let Some(library) = inputs.libraries.get(i) {
            plugin.bytes_before = library.bytes;
            plugin.members_before = library.members.len() as u64;
        }
        plugin.path = targets.libraries.get(i).cloned();
        plugin.bytes_after = sizes.libraries.get(i).copied().unwrap_or(0);
        plugin.members_kept = output.members_kept;
        plugin.members_moved = output.members_moved;
        plugin.debug_bytes_removed = output.debug_bytes_removed;
        let texts = |names: &[Vec<u8>]| {
            let names = names
                .iter()
                .map(|n| String::from_utf8_lossy(n).into_owned());
            names.collect::<Vec<_>>()
        };
        plugin.exports = texts(&output.exports);
        plugin.externals = texts(&output.externals);
        if strategy != Strategy::Dedup {
            let natives = &plugin.native_static_libs;
            plugin.native_static_libs =
                emit::needs::needed(inputs.format(), natives, &plugin.externals);
        }
        plugin.debug_bytes = debug_bytes.get(i).copied().unwrap_or(0);
        totals.debug_bytes += plugin.debug_bytes;
        totals.bytes_before += plugin.bytes_before;
        totals.bytes_after += plugin.bytes_after;
        totals.debug_bytes_removed += plugin.debug_bytes_removed;
        response.plugins.push(plugin);
    }
    let shared = debug_bytes.last().copied().unwrap_or(0);
    totals.debug_bytes += shared;
    for warning in &mut response.warnings {
        if warning.code == Code::LinkTimeOptimised {
            warning.message += &format!(
                "; {} of {} bytes are shared",
                sizes.workspace, totals.bytes_after
            );
        }
    }
    response.totals = Some(totals);
    response.workspace_library = Some(WorkspaceLibrary {
        library: input::library_name(&targets.workspace),
        file_name: targets.workspace.file_name().unwrap_or_default().to_owned(),
        path: targets.workspace.clone(),
        bytes: sizes.workspace,
        debug_bytes: shared,
        // The marker is none.
        members: set.workspace.members.len().saturating_sub(1) as u64,
    });
    response
}

/// Bytes of debug information that a strategy wrote: plugin libraries, then the workspace library.
fn debug_bytes(strategy: Strategy, set: &OutputSet<'_>) -> Vec<u64> {
    let of = |data: &[u8]| format::debug::debug_bytes(format::classify(data), data);
    let libraries = set.libraries.iter().chain([&set.workspace]);
    libraries
        .map(|library| match strategy {
            Strategy::Dedup => 0,
            _ => library.members.par_iter().map(|m| of(&m.data)).sum(),
        })
        .collect()
}
