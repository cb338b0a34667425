//! The marker in every library we write: that it is ours, and what a thinned one lost, so that it can
//! be made whole again from the workspace library.
//!
//! It is an object file, because `--whole-archive` links every member, and one that leaves no trace
//! in a program. Its note is JSON.

use serde::{Deserialize, Serialize};

use crate::format;
use crate::protocol::request::Strategy;

/// Name of the marker's member.
pub const MEMBER: &[u8] = b"dragonfire.marker.o";

/// Version of the note's layout.
pub const VERSION: u32 = 1;

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
    /// The exports, where a request or manifest said them, or a program takes them. A name that is no text of UTF-8
    /// stands as a list of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<Vec<Export>>,
}

/// Name of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Export {
    Text(String),
    Bytes(Vec<u8>),
}

impl Export {
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        match std::str::from_utf8(name) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(name.to_vec()),
        }
    }

    #[must_use]
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
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
}
