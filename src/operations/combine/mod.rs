//! `dedup`, `prelink` and `meld`: libraries in; plan, archives staged, proven, committed.
//!
//! In: a request that names libraries or a workspace. Out: the response, and files that replaced what
//! stood in their places, all or none. `slice` does one architecture, `universal` several, `sets` the
//! targets that were asked for, `packages` what mobile platforms ship.

mod natives;
mod packages;
mod sets;
mod slice;
pub(super) mod subject;
pub(super) mod universal;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use crate::emit::{self, MetadataFile};
use crate::error::{Code, Diagnostic, Result};
use crate::input::{self, MappedFile};
use crate::output::commit::Stage;
use crate::output::targets::Targets;
use crate::protocol::event::Events;
use crate::protocol::request::{CombineRequest, ManifestSource, Output, Source, Strategy};
use crate::protocol::response::{FileKind, Response, WrittenFile};
use slice::Run;
use subject::Subject;
use universal::Universal;

/// More only wait for each other, and take a system's processes.
const MOST_THREADS: u32 = 256;

/// Carries out `dedup`, `prelink` or `meld`.
///
/// # Errors
/// Every failure a user can cause; no output has changed then.
pub fn run(strategy: Strategy, request: &CombineRequest, events: &dyn Events) -> Result<Response> {
    let Some(threads) = request.threads else {
        return run_on_this_pool(strategy, request, events);
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.min(MOST_THREADS) as usize)
        .build()
        .map_err(|e| Diagnostic::new(Code::Internal, format!("cannot start threads: {e}")))?;
    pool.install(|| run_on_this_pool(strategy, request, events))
}

fn run_on_this_pool(
    strategy: Strategy,
    request: &CombineRequest,
    events: &dyn Events,
) -> Result<Response> {
    let mut stage = Stage::new(matches!(request.output, Output::InPlace(_)));
    let response = sets::make(strategy, request, events, &mut stage)?;
    events.phase("commit");
    stage.commit()?;
    Ok(response)
}

/// One set of libraries, complete but for its commit.
struct Made {
    response: Response,
    /// File names in link order, the workspace library's last, and where each is now.
    libraries: Vec<(String, Utf8PathBuf)>,
}

/// Combines the libraries of one target, or of several CPUs.
fn make_set(
    strategy: Strategy,
    request: &CombineRequest,
    mut subject: Subject,
    events: &dyn Events,
    stage: &mut Stage,
) -> Result<Made> {
    if matches!(request.source, Source::Libraries(_)) {
        emit::complete(&mut subject.plugins, &request.metadata);
        subject.target.clone_from(&request.target);
    }
    emit::check_names(&subject.plugins, &request.metadata)?;
    events.phase("read");
    let paths = subject.paths();
    let targets = Targets::new(request, &subject.workspace_library(request), &paths)?;
    let manifest = match &request.manifest {
        Some(ManifestSource::Path(path)) => Some(path),
        _ => None,
    };
    let others = request.used_by.iter().chain(manifest);
    let further = subject.further.iter().flatten();
    let inputs = paths.iter().chain(further).chain(others);
    stage.protect(inputs.map(|p| p.as_path()));
    let files = input::open_all(&paths)?;
    let thin = || files.iter().flat_map(MappedFile::thin_members);
    stage.protect(thin());
    subject.inputs.extend(thin().map(Utf8Path::to_owned));
    let former = match &request.output {
        Output::InPlace(workspace) if workspace.exists() => Some(MappedFile::open(workspace)?),
        _ => None,
    };
    let run = Run {
        strategy,
        request,
        subject: &subject,
        targets: &targets,
        events,
    };
    let done = if subject.further.is_empty() {
        let done = match Universal::split(&files, former.as_ref())? {
            None => run.make(&files, former.as_ref(), &mut |target| stage.file(target))?,
            Some(universal) => universal.make(&run, stage)?,
        };
        // It takes a while where they are large.
        files.into_par_iter().for_each(drop);
        done
    } else {
        let mut all = vec![files];
        for paths in &subject.further {
            targets.check(&request.output, paths)?;
            all.push(input::open_all(paths)?);
        }
        Universal::of_targets(all)?.make(&run, stage)?
    };
    let mut response = done.response;
    let metadata = emit::Subject {
        strategy: done.strategy,
        format: done.format,
        target: subject.target.as_deref(),
        plugins: &response.plugins,
        workspace_library: response.workspace_library.as_ref(),
        linker_args: &done.linker_args,
        inputs: &response.inputs,
        dir: &targets.dir,
    };
    let link = emit::link(&metadata);
    for file in emit::emit(&metadata, &request.metadata)? {
        write(file, stage, &mut response.files)?;
    }
    response.link = Some(link);
    if let (Some(path), Some(page)) = (&request.report, done.page) {
        stage.write(path, page.as_bytes())?;
        response.files.push(WrittenFile {
            kind: FileKind::Report,
            path: path.clone(),
        });
    }
    let names = targets.libraries.iter().chain([&targets.workspace]);
    let names = names.map(|p| p.file_name().unwrap_or_default().to_owned());
    Ok(Made {
        response,
        libraries: names.zip(done.staged).collect(),
    })
}

/// Stages a metadata file.
fn write(file: MetadataFile, stage: &mut Stage, written: &mut Vec<WrittenFile>) -> Result<()> {
    stage.write(&file.path, file.contents.as_bytes())?;
    written.push(WrittenFile {
        kind: file.kind,
        path: file.path,
    });
    Ok(())
}
