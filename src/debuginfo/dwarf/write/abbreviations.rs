//! The forms of entries, each once an object.

use std::collections::HashMap;

use gimli::{DwAt, DwForm, DwTag};

use super::bytes::Bytes;

/// What entries of one form have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub tag: DwTag,
    pub children: bool,
    pub attributes: Vec<(DwAt, DwForm)>,
}

/// Shapes and their codes, from 1.
#[derive(Debug, Default)]
pub(super) struct Abbreviations {
    known: HashMap<Shape, u64>,
    shapes: Vec<Shape>,
}

impl Abbreviations {
    pub fn code(&mut self, shape: Shape) -> u64 {
        if let Some(&code) = self.known.get(&shape) {
            return code;
        }
        self.shapes.push(shape.clone());
        let code = self.shapes.len() as u64;
        self.known.insert(shape, code);
        code
    }

    /// The section (DWARF 4, 7.5.3).
    pub fn write(&self) -> Bytes {
        let mut out = Bytes::default();
        for (at, shape) in self.shapes.iter().enumerate() {
            out.uleb(at as u64 + 1);
            out.uleb(u64::from(shape.tag.0));
            out.u8(u8::from(shape.children));
            for (name, form) in &shape.attributes {
                out.uleb(u64::from(name.0));
                out.uleb(u64::from(form.0));
            }
            out.u16(0);
        }
        out.u8(0);
        out
    }
}
