//! What the functions of an output object refer to: files, and the functions that are inlined.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{FIRST_INDEX, LONGEST, SIGNATURE, leaf};
use crate::debuginfo::ObjectDebug;
use crate::debuginfo::arena::join;
use crate::debuginfo::dwarf::write::remapped;

/// Paths of source files, each once an object.
pub(super) struct Files<'a> {
    remap: &'a [(String, String)],
    /// By object and its number there.
    known: HashMap<(*const ObjectDebug, u32), u32, FixedState>,
    by_path: HashMap<Vec<u8>, u32, FixedState>,
    /// DEBUG_S_STRINGTABLE, whose first text is empty.
    pub strings: Vec<u8>,
    /// DEBUG_S_FILECHKSMS, without checksums. The first one stands there twice: LLVM's reader takes a change to
    /// the file at 0 for none.
    pub entries: Vec<u8>,
}

impl<'a> Files<'a> {
    pub fn new(remap: &'a [(String, String)]) -> Self {
        Self {
            remap,
            known: HashMap::default(),
            by_path: HashMap::default(),
            strings: vec![0],
            entries: Vec::new(),
        }
    }

    /// The place of an object's file in the table of files; `None` where it has no such file.
    pub fn number(&mut self, debug: &ObjectDebug, file: u32) -> Option<u32> {
        let source = debug.files.get(file as usize)?;
        let key = (std::ptr::from_ref(debug), file);
        if let Some(&known) = self.known.get(&key) {
            return Some(known);
        }
        let (folder, name) = (debug.text(source.directory), debug.text(source.name));
        let (folder, name) = remapped(folder, name, self.remap);
        let path = join(&folder, &name);
        let number = match self.by_path.get(&path) {
            Some(&known) => known,
            None => {
                let at = self.strings.len() as u32;
                text(&mut self.strings, &path, LONGEST);
                if self.entries.is_empty() {
                    self.entry(at);
                }
                let number = self.entry(at);
                self.by_path.insert(path, number);
                number
            }
        };
        self.known.insert(key, number);
        Some(number)
    }

    /// An entry for the path at `at` of the strings; gives its place.
    fn entry(&mut self, at: u32) -> u32 {
        let number = self.entries.len() as u32;
        self.entries.extend_from_slice(&at.to_le_bytes());
        // Size and kind of a checksum, and what fills the entry.
        self.entries.extend_from_slice(&[0; 4]);
        number
    }
}

/// A text with its end; what follows a zero in it or is too long is left out.
pub(super) fn text(out: &mut Vec<u8>, text: &[u8], longest: usize) {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    out.extend_from_slice(text.get(..end.min(longest)).unwrap_or_default());
    out.push(0);
}

/// The record of a type: its parts after kind and length.
fn put(out: &mut Vec<u8>, kind: u16, contents: &[u8]) {
    // LF_PAD3 to LF_PAD1.
    let fill = contents.len().next_multiple_of(4) - contents.len();
    let length = (contents.len() + fill + 2) as u16;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(contents);
    out.extend((1..=fill as u8).rev().map(|n| 0xF0 | n));
}

/// `.debug$T`.
pub(super) struct Types {
    data: Vec<u8>,
    next: u32,
    /// Of functions by name.
    functions: HashMap<Vec<u8>, u32, FixedState>,
    /// DEBUG_S_INLINEELINES.
    pub inlinees: Vec<u8>,
    /// By number of the function, from that of the first: where its lines count from.
    begins: HashMap<u32, (u32, u32), FixedState>,
}

/// A procedure without arguments that gives nothing: stands for the types of all.
pub(super) const PROCEDURE: u32 = FIRST_INDEX + 1;

/// `T_VOID`.
const VOID: u32 = 3;

impl Types {
    pub fn new() -> Self {
        let mut out = Self {
            data: SIGNATURE.to_le_bytes().to_vec(),
            next: FIRST_INDEX,
            functions: HashMap::default(),
            // CV_INLINEE_SOURCE_LINE_SIGNATURE.
            inlinees: vec![0; 4],
            begins: HashMap::default(),
        };
        let arguments = out.add(leaf::ARGLIST, &0u32.to_le_bytes());
        // Calling convention, attributes and the number of arguments are zero.
        let procedure = [VOID, 0, arguments].map(u32::to_le_bytes);
        out.add(leaf::PROCEDURE, procedure.as_flattened());
        out
    }

    fn add(&mut self, kind: u16, contents: &[u8]) -> u32 {
        put(&mut self.data, kind, contents);
        self.next += 1;
        self.next - 1
    }

    fn string(&mut self, value: &[u8]) -> u32 {
        let mut contents = vec![0; 4];
        text(&mut contents, value, LONGEST - 16);
        self.add(leaf::STRING_ID, &contents)
    }

    /// The folder that a compiler ran in, and its source.
    pub fn build(&mut self, folder: &[u8], name: &[u8]) -> u32 {
        let (none, folder, name) = (self.string(b""), self.string(folder), self.string(name));
        let mut contents = 5u16.to_le_bytes().to_vec();
        // Folder, compiler, source, type server, arguments.
        for argument in [folder, none, name, none, none] {
            contents.extend_from_slice(&argument.to_le_bytes());
        }
        self.add(leaf::BUILDINFO, &contents)
    }

    /// The number of an inlined function, and the file and line from which its lines are counted: those of its
    /// first line here.
    pub fn inlinee(&mut self, name: &[u8], first: (u32, u32)) -> (u32, (u32, u32)) {
        let number = match self.functions.get(name) {
            Some(&known) => known,
            None => {
                let mut contents = [0, PROCEDURE].map(u32::to_le_bytes).as_flattened().to_vec();
                text(&mut contents, name, LONGEST - 16);
                let number = self.add(leaf::FUNC_ID, &contents);
                self.functions.insert(name.to_vec(), number);
                number
            }
        };
        let begins = *self.begins.entry(number).or_insert_with(|| {
            for field in [number, first.0, first.1] {
                self.inlinees.extend_from_slice(&field.to_le_bytes());
            }
            first
        });
        (number, begins)
    }

    pub fn into_section(self) -> Vec<u8> {
        self.data
    }
}
