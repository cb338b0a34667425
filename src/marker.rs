//! The marker in every library we write: that it is ours, and what a thinned one lost, so that it can
//! be made whole again from the workspace library.
//!
//! It is an object file, because `--whole-archive` links every member, and one that leaves no trace
//! in a program. Its note is JSON.

use std::borrow::Cow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::format::{self, MemberKind};
use crate::input::Inputs;
use crate::plan::{OutputLibrary, OutputMember, OutputSet, Restore};
use crate::protocol::request::Strategy;

/// Name of the marker's member.
pub const MEMBER: &[u8] = b"dragonfire.marker.o";

/// Version of the note's layout.
const VERSION: u32 = 1;

/// What a library of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Plugin,
    Workspace,
}

/// A part of a library as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// So many of its own members, in order.
    Own(u64),
    /// A member of the workspace library, by digest.
    Shared(String),
}

/// The note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    pub dragonfire: u32,
    pub strategy: Strategy,
    pub role: Role,
    /// The same for all libraries of one run.
    pub run: String,
    /// Plugin libraries of the run, in order, without prefix and suffix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// How a thinned library is made whole; absent where the strategy does not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Vec<Part>>,
}

/// Digest of a member's bytes.
#[must_use]
pub fn digest(data: &[u8]) -> String {
    blake3::hash(data).to_hex().chars().take(32).collect()
}

impl Marker {
    /// The marker that `data`, a member of this name, holds.
    #[must_use]
    pub fn read(name: &[u8], data: &[u8]) -> Option<Self> {
        if name != MEMBER {
            return None;
        }
        let note = format::marker_note(format::classify(data), data)?;
        // Members of Darwin archives are padded.
        let marker: Self = serde_json::from_slice(note).ok()?;
        (marker.dragonfire == VERSION).then_some(marker)
    }

    fn member(&self, template: Option<(MemberKind, &[u8])>) -> OutputMember<'static> {
        let note = serde_json::to_vec(self).unwrap_or_default();
        let object = template.and_then(|(kind, data)| format::marker_object(kind, data, &note));
        OutputMember {
            symbols: Vec::new(),
            name: Cow::Borrowed(MEMBER),
            // Where no object shows what an object is like here, the note stands bare.
            data: Cow::Owned(object.unwrap_or(note)),
        }
    }
}

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
    let stub = || {
        let stub = |m: &&crate::input::Member<'_>| matches!(m.kind, MemberKind::ImportStub(_));
        inputs.members.iter().find(stub).map(|m| (m.kind, m.data))
    };
    let template = template.or_else(stub);
    for library in &mut set.libraries {
        let marker = Marker {
            dragonfire: VERSION,
            strategy,
            role: Role::Plugin,
            run: run.clone(),
            libraries: Vec::new(),
            restore: library.restore.as_deref().map(|r| parts(r, &digests)),
        };
        library.members.push(marker.member(template));
    }
    let marker = Marker {
        dragonfire: VERSION,
        strategy,
        role: Role::Workspace,
        run,
        libraries,
        restore: None,
    };
    set.workspace.members.push(marker.member(template));
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
