//! Texts and files of an object, each once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::debuginfo::{SourceFile, Text};

/// Texts in the making.
#[derive(Default)]
pub(crate) struct Arena {
    pub text: Vec<u8>,
    known: HashMap<u64, Vec<Text>, FixedState>,
    pub files: Vec<SourceFile>,
    file_of: HashMap<SourceFile, u32, FixedState>,
}

impl Arena {
    pub fn add(&mut self, bytes: &[u8]) -> Text {
        if bytes.is_empty() {
            return Text::default();
        }
        let same = self
            .known
            .entry(FixedState::default().hash_one(bytes))
            .or_default();
        for t in same.iter() {
            let start = t.start as usize;
            if self.text.get(start..start + t.len as usize) == Some(bytes) {
                return *t;
            }
        }
        let (Ok(start), Ok(len)) = (u32::try_from(self.text.len()), u32::try_from(bytes.len()))
        else {
            return Text::default();
        };
        self.text.extend_from_slice(bytes);
        let text = Text { start, len };
        same.push(text);
        text
    }

    pub fn file(&mut self, directory: &[u8], name: &[u8]) -> u32 {
        let file = SourceFile {
            directory: self.add(directory),
            name: self.add(name),
        };
        match self.file_of.entry(file) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(fresh) => {
                self.files.push(file);
                *fresh.insert(self.files.len() as u32 - 1)
            }
        }
    }
}

/// Is it no path relative to a folder? Of Unix or of Windows: objects are read on either.
pub(crate) fn is_absolute(path: &[u8]) -> bool {
    match path {
        [b'/' | b'\\', ..] => true,
        [letter, b':', b'/' | b'\\', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// `path` seen from `folder`, as debuggers put them together.
pub(crate) fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    if folder.is_empty() || is_absolute(path) {
        return path.to_vec();
    }
    if path.is_empty() {
        return folder.to_vec();
    }
    let windows = !folder.starts_with(b"/") && is_absolute(folder);
    let separator: &[u8] = match folder.last() {
        Some(b'/' | b'\\') => b"",
        _ if windows && !folder.contains(&b'/') => b"\\",
        _ => b"/",
    };
    [folder, separator, path].concat()
}
