//! `verify`: proves libraries that an earlier run made.

use camino::Utf8Path;

use crate::analysis::exports::{all_symbols, decoration, define, defined_names};
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::{Analysis, Sharing};
use crate::error::{Code, Diagnostic, Result};
use crate::exports::{Defined, ExportRules, NameRules};
use crate::input::marker::{Export, Marker};
use crate::input::{self, Inputs, LibraryId};
use crate::manifest;
use crate::plan::partition::Partition;
use crate::protocol::asked::AsksExports as _;
use crate::protocol::request::{Granularity, Strategy, VerifyRequest};
use crate::protocol::response::Response;
use crate::verify::{Promise, Promises, verify};

/// Answers a `verify` request about libraries that an earlier run made.
///
/// # Errors
/// `verify-failed`; those of reading the libraries.
pub fn run(request: &VerifyRequest) -> Result<Response> {
    let manifest = request.manifest.as_ref().map(manifest::load).transpose()?;
    let rules = ExportRules::new(manifest.as_ref(), request.asked());
    let Some(workspace) = &request.workspace_library else {
        return Err(
            Diagnostic::new(Code::RequestInvalid, "no workspace library is given")
                .hint("name the workspace library that the run wrote")
                .into(),
        );
    };
    let mut paths = request.libraries.clone();
    paths.push(workspace.clone());
    let files = input::open_all(&paths)?;
    let written = Inputs::read(&files)?;
    let markers: Vec<Option<Marker>> = written
        .libraries
        .iter()
        .map(|l| {
            let mut members = l.member_ids().map(|id| written.member(id));
            members.find_map(|m| Marker::read(m.name, m.data))
        })
        .collect();
    let Some(strategy) = markers.iter().flatten().next().map(|m| m.strategy) else {
        return Err(
            Diagnostic::new(Code::NotOurs, "these libraries carry no marker")
                .file(workspace)
                .hint("verify looks at libraries that dragonfire wrote")
                .into(),
        );
    };
    let atomic = strategy != Strategy::Dedup;
    let count = request.libraries.len();
    let original_files = input::open_all(&request.originals)?;
    let originals = Inputs::read(&original_files)?;
    let known = !request.originals.is_empty();
    if known && originals.libraries.len() != count {
        return Err(Diagnostic::new(
            Code::RequestInvalid,
            "there must be one original for each library, in the same order",
        )
        .into());
    }
    // What is looked for comes from the originals where they are given.
    let source = if known { &originals } else { &written };
    let mut exports = Vec::new();
    let said = manifest.is_some() || !request.asked().is_empty();
    if atomic {
        let kept = match said {
            true => vec![None; count],
            false => markers.iter().take(count).map(kept).collect(),
        };
        exports = exported(source, kept, &rules)?;
    }
    let mut promises = Promises {
        libraries: vec![Promise::default(); count],
        ..Promises::default()
    };
    for (promise, own) in promises.libraries.iter_mut().zip(&exports) {
        promise.exports.clone_from(own);
    }
    if known && atomic {
        let members = MemberClasses::new(&originals);
        let sharing = match strategy {
            Strategy::Prelink => Sharing::None,
            _ => Sharing::Universe,
        };
        let names = NameRules::new(manifest.as_ref(), decoration(&originals))?;
        let analysis = Analysis::new(&originals, &members, &exports, &names, sharing)?;
        for (at, promise) in promises.libraries.iter_mut().enumerate() {
            let names = analysis.externals(LibraryId(at as u32));
            promise.externals = Some(names.iter().map(|&n| analysis.graph.name(n)).collect());
            let roots = analysis.exports[at].iter();
            promise.exports = roots.map(|&n| analysis.graph.name(n)).collect();
        }
        promises.met = Partition::new(&analysis, Granularity::Plugin)
            .met_names(&analysis)
            .into_iter()
            .collect();
        promises.hidden = analysis.hidden_exports();
        let order: Vec<&Utf8Path> = paths.iter().map(|p| p.as_path()).collect();
        verify(&written, &order, &promises, atomic, None)?;
        return Ok(Response::new("verify"));
    }
    if known {
        let defined = defined_names(&originals)?;
        for (promise, names) in promises.libraries.iter_mut().zip(defined) {
            promise.defined = names;
        }
    }
    let order: Vec<&Utf8Path> = paths.iter().map(|p| p.as_path()).collect();
    verify(&written, &order, &promises, atomic, None)?;
    Ok(Response::new("verify"))
}

/// The exports that a library's marker keeps: those that a request said.
fn kept(marker: &Option<Marker>) -> Option<Vec<&[u8]>> {
    let exports = marker.as_ref()?.exports.as_ref()?;
    Some(exports.0.iter().map(Export::name).collect())
}

/// The exports of libraries, one each for `kept`, which are right where it has any. Where a plugin's export lies in
/// the workspace library, the names of both count.
fn exported<'d>(
    inputs: &Inputs<'d>,
    kept: Vec<Option<Vec<&'d [u8]>>>,
    rules: &ExportRules<'_>,
) -> Result<Vec<Vec<&'d [u8]>>> {
    let mut symbols = all_symbols(inputs, &[])?;
    let shared = symbols.split_off(kept.len().min(symbols.len()));
    for own in &mut symbols {
        own.defined
            .extend(shared.iter().flat_map(|s| s.defined.iter()));
    }
    let decoration = decoration(inputs);
    let libraries = inputs.libraries.iter().zip(&symbols).zip(&kept);
    let defined: Vec<Defined<'_, 'd>> = libraries
        .filter(|(_, kept)| kept.is_none())
        .map(|((library, symbols), _)| define(library, None, symbols, decoration))
        .collect();
    let mut found = rules.select(&defined)?.exports.into_iter();
    let exports = kept.into_iter();
    Ok(exports
        .map(|kept| kept.or_else(|| found.next()).unwrap_or_default())
        .collect())
}
