//! Puts the marker into every library that is written.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::format::{self, MemberKind};
use crate::input::marker::{Export, Exports, MEMBER, Marker, Part, Role, VERSION, digest};
use crate::input::{self, Inputs};
use crate::plan::{OutputLibrary, OutputMember, OutputSet, Restore};
use crate::protocol::request::Strategy;

/// Puts a marker at the end of every library of `set`.
pub fn mark(set: &mut OutputSet<'_>, strategy: Strategy, inputs: &Inputs<'_>) {
    let digests: Vec<String> = set
        .workspace
        .members
        .par_iter()
        .map(|m| digest(&m.data))
        .collect();
    let libraries: Vec<String> = set.libraries.iter().map(|l| l.name.clone()).collect();
    let run = run_digest(strategy, &libraries, &digests, &set.libraries);
    let template = inputs.members.iter().find_map(|m| match m.kind {
        MemberKind::Object(..) => Some((m.kind, m.data)),
        _ => None,
    });
    let first = |wanted: fn(MemberKind) -> bool| {
        let member = |m: &&input::Member<'_>| wanted(m.kind);
        inputs.members.iter().find(member).map(|m| (m.kind, m.data))
    };
    let template = template
        .or_else(|| first(|kind| matches!(kind, MemberKind::ImportStub(_))))
        .or_else(|| first(|kind| kind == MemberKind::Bitcode));
    for library in &mut set.libraries {
        let marker = Marker {
            dragonfire: VERSION,
            strategy,
            role: Role::Plugin,
            run: run.clone(),
            libraries: Vec::new(),
            restore: library.restore.as_deref().map(|r| parts(r, &digests)),
            exports: library.exports_said.then(|| exports(&library.exports)),
        };
        library.members.push(member(&marker, template));
    }
    let marker = Marker {
        dragonfire: VERSION,
        strategy,
        role: Role::Workspace,
        run,
        libraries,
        restore: None,
        exports: None,
    };
    set.workspace.members.push(member(&marker, template));
}

/// The names, sorted: the note says once what they share.
fn exports(names: &[Vec<u8>]) -> Exports {
    let mut names: Vec<&Vec<u8>> = names.iter().collect();
    names.sort_unstable();
    Exports(names.into_iter().map(|name| Export::new(name)).collect())
}

/// The marker as a member.
fn member(marker: &Marker, template: Option<(MemberKind, &[u8])>) -> OutputMember<'static> {
    let note = serde_json::to_vec(marker).unwrap_or_default();
    let object = template.and_then(|(kind, data)| format::marker_object(kind, data, &note));
    OutputMember {
        symbols: Vec::new(),
        name: Cow::Borrowed(MEMBER),
        // Where no object shows what an object is like here, the note stands bare.
        data: Cow::Owned(object.unwrap_or(note)),
    }
}

fn run_digest(
    strategy: Strategy,
    names: &[String],
    shared: &[String],
    libraries: &[OutputLibrary<'_>],
) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(strategy.name().as_bytes());
    for digest in shared {
        add(digest.as_bytes());
    }
    for (name, library) in names.iter().zip(libraries) {
        add(name.as_bytes());
        add(&(library.members.len() as u64).to_le_bytes());
        for part in library.restore.iter().flatten() {
            if let Restore::Shared(at) = part {
                add(&(*at as u64).to_le_bytes());
            }
        }
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

fn parts(restore: &[Restore], digests: &[String]) -> Vec<Part> {
    let mut parts = Vec::new();
    for item in restore {
        match (item, parts.last_mut()) {
            (Restore::Own, Some(Part::Own(count))) => *count += 1,
            (Restore::Own, _) => parts.push(Part::Own(1)),
            (Restore::Shared(at), _) => {
                parts.push(Part::Shared(digests.get(*at).cloned().unwrap_or_default()));
            }
        }
    }
    parts
}
