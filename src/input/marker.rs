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
    pub exports: Option<Exports>,
}

/// Names of exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Exports(pub Vec<Export>);

/// How they stand in the note. A library of hundreds of exports would otherwise pay some 20 bytes for each.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    /// Each name, after a space, without what it shares with the one before: a digit of [`DIGITS`] says how many
    /// bytes these are.
    Packed(String),
    /// Where some name is no text, or has spaces.
    Listed(Vec<Export>),
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl From<Exports> for Form {
    fn from(exports: Exports) -> Self {
        let mut packed = String::new();
        let mut before = "";
        for export in &exports.0 {
            let Export::Text(name) = export else {
                return Self::Listed(exports.0);
            };
            if name.contains(' ') {
                return Self::Listed(exports.0);
            }
            let same = name.bytes().zip(before.bytes());
            let same = same.take_while(|(a, b)| a == b).count();
            let mut same = same.min(DIGITS.len() - 1);
            while !name.is_char_boundary(same) {
                same -= 1;
            }
            if !packed.is_empty() {
                packed.push(' ');
            }
            packed.push(char::from(DIGITS[same]));
            packed.push_str(&name[same..]);
            before = name;
        }
        Self::Packed(packed)
    }
}

impl From<Form> for Exports {
    fn from(form: Form) -> Self {
        let packed = match form {
            Form::Listed(names) => return Self(names),
            Form::Packed(packed) => packed,
        };
        let mut names: Vec<Export> = Vec::new();
        let mut before = String::new();
        for item in packed.split(' ').filter(|item| !item.is_empty()) {
            let digit = DIGITS
                .iter()
                .position(|d| item.as_bytes().first() == Some(d));
            // Somebody else's change: what cannot be read is no name.
            let own = digit.and_then(|same| Some((before.get(..same)?, item.get(1..)?)));
            let Some((shared, own)) = own else { continue };
            before = format!("{shared}{own}");
            names.push(Export::Text(before.clone()));
        }
        Self(names)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(names: &[&[u8]]) -> (String, Vec<Vec<u8>>) {
        let exports = Exports(names.iter().map(|n| Export::new(n)).collect());
        let text = serde_json::to_string(&exports).unwrap();
        let back: Exports = serde_json::from_str(&text).unwrap();
        (text, back.0.iter().map(|e| e.name().to_vec()).collect())
    }

    #[test]
    fn exports_are_read_as_they_were_written() {
        let long = "l".repeat(100);
        let longer = format!("{long}er");
        let lists: [&[&[u8]]; 7] = [
            &[],
            &[b"one"],
            &[b"step", b"step", b"step_two", b"other", b"0step"],
            &[long.as_bytes(), longer.as_bytes()],
            &["gr\u{fc}n".as_bytes(), "gr\u{fd}n".as_bytes()],
            &[b"-[Some thing]", b"one"],
            &[b"one", b"\xff\xfe"],
        ];
        for names in lists {
            let (text, back) = there_and_back(names);
            assert_eq!(back, names, "{text}");
        }
    }

    #[test]
    fn what_names_share_is_said_once() {
        let (text, _) = there_and_back(&[b"library_open", b"library_read", b"library_read_all"]);
        assert_eq!(text, r#""0library_open 8read C_all""#);
    }

    #[test]
    fn broken_names_are_no_fault() {
        for text in [
            r#""9x""#,
            r#""0a \u00fcb""#,
            r#""!""#,
            r#"" 0a  0b ""#,
            r#""0\u00fc 1b""#,
        ] {
            serde_json::from_str::<Exports>(text).unwrap();
        }
    }
}
