//! What functions of a unit are called, and what they stand in: entries at its beginning, which functions and
//! their inlined instances refer to.
//!
//! Functions themselves stand at the top, outside of namespaces: elfutils finds those only, with what is inlined
//! into them.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;

use super::Out;
use super::abbreviations::Shape;
use super::bytes::Bytes;
use crate::debuginfo::{NO_SPACE, ObjectDebug, Routine};

/// Name and linkage name.
pub(super) type Names<'a> = (&'a [u8], &'a [u8]);

/// What others refer to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// Nothing: the function itself has the names.
    None,
    /// A declaration, for its names' sake.
    Declared,
    /// A function that is inlined somewhere.
    Inlined,
}

/// A routine of the unit.
struct Known<'a> {
    space: u32,
    names: Names<'a>,
    origin: Origin,
    /// Where that is: bytes from the unit's start.
    at: u64,
}

/// A namespace of the unit.
struct Space<'a> {
    parent: u32,
    name: &'a [u8],
    /// Has it any of the routines in it?
    used: bool,
}

/// Objects number theirs apart.
type Of = (*const ObjectDebug, u32);

/// The routines of a unit.
#[derive(Default)]
pub(super) struct Routines<'a> {
    known: HashMap<Of, u32, FixedState>,
    by_names: HashMap<(u32, Names<'a>), u32, FixedState>,
    all: Vec<Known<'a>>,
    known_spaces: HashMap<Of, u32, FixedState>,
    by_name: HashMap<(u32, &'a [u8]), u32, FixedState>,
    /// Parents before what is in them.
    spaces: Vec<Space<'a>>,
}

impl<'a> Routines<'a> {
    pub fn number(&mut self, debug: &'a ObjectDebug, routine: u32, inlined: bool) -> u32 {
        let key = (std::ptr::from_ref(debug), routine);
        let number = match self.known.get(&key) {
            Some(&known) => known,
            None => {
                let none = Routine::default();
                let own = debug.routines.get(routine as usize).unwrap_or(&none);
                let names = (debug.text(own.name), debug.text(own.linkage_name));
                let space = self.space(debug, own.space);
                let fresh = self.all.len() as u32;
                let number = *self.by_names.entry((space, names)).or_insert(fresh);
                if number == fresh {
                    self.all.push(Known {
                        space,
                        names,
                        origin: if space == NO_SPACE {
                            Origin::None
                        } else {
                            Origin::Declared
                        },
                        at: 0,
                    });
                }
                self.known.insert(key, number);
                number
            }
        };
        if inlined && let Some(known) = self.all.get_mut(number as usize) {
            known.origin = Origin::Inlined;
        }
        number
    }

    /// The unit's number of an object's space.
    fn space(&mut self, debug: &'a ObjectDebug, space: u32) -> u32 {
        // From the inside out, up to what is known; then back.
        let mut inner = Vec::new();
        let mut at = space;
        let mut number = NO_SPACE;
        while let Some(own) = debug.spaces.get(at as usize) {
            let key = (std::ptr::from_ref(debug), at);
            if let Some(&known) = self.known_spaces.get(&key) {
                number = known;
                break;
            }
            inner.push((key, own));
            // Parents have smaller numbers: this ends.
            if own.parent >= at {
                break;
            }
            at = own.parent;
        }
        for (key, own) in inner.into_iter().rev() {
            let name = debug.text(own.name);
            let fresh = self.spaces.len() as u32;
            let found = *self.by_name.entry((number, name)).or_insert(fresh);
            if found == fresh {
                self.spaces.push(Space {
                    parent: number,
                    name,
                    used: false,
                });
            }
            self.known_spaces.insert(key, found);
            number = found;
        }
        number
    }

    pub fn names(&self, routine: u32) -> Names<'a> {
        let known = self.all.get(routine as usize);
        known.map(|k| k.names).unwrap_or_default()
    }

    /// What the routine's functions refer to, and where it is in the unit.
    pub fn origin(&self, routine: u32) -> (Origin, u64) {
        let known = self.all.get(routine as usize);
        known.map_or((Origin::None, 0), |k| (k.origin, k.at))
    }

    /// Writes the entries that others refer to.
    pub fn write(&mut self, out: &mut Out, start: u64) {
        let mut of_space: Vec<Vec<u32>> = vec![Vec::new(); self.spaces.len()];
        for number in 0..self.all.len() {
            let (space, origin) = (self.all[number].space, self.all[number].origin);
            match of_space.get_mut(space as usize) {
                Some(of) => of.push(number as u32),
                None if origin != Origin::None => self.entry(out, number, start),
                None => {}
            }
        }
        for at in (0..self.spaces.len()).rev() {
            self.spaces[at].used |= !of_space[at].is_empty();
            let (parent, used) = (self.spaces[at].parent as usize, self.spaces[at].used);
            if let Some(parent) = self.spaces.get_mut(parent) {
                parent.used |= used;
            }
        }
        let mut inner: Vec<Vec<u32>> = vec![Vec::new(); self.spaces.len()];
        let mut work = Vec::new();
        for (at, space) in self.spaces.iter().enumerate().rev().filter(|s| s.1.used) {
            match inner.get_mut(space.parent as usize) {
                Some(of) => of.push(at as u32),
                None => work.push(Some(at as u32)),
            }
        }
        // `None`: the end of what was begun.
        while let Some(next) = work.pop() {
            let Some(at) = next.map(|n| n as usize) else {
                out.info.u8(0);
                continue;
            };
            namespace(out, self.spaces[at].name);
            work.push(None);
            for &number in &of_space[at] {
                self.entry(out, number as usize, start);
            }
            work.extend(inner[at].iter().map(|&i| Some(i)));
        }
    }

    fn entry(&mut self, out: &mut Out, number: usize, start: u64) {
        let Some(known) = self.all.get_mut(number) else {
            return;
        };
        known.at = out.info.len() - start;
        let inlined = known.origin == Origin::Inlined;
        let mut attributes = names_of(known.names);
        attributes.push(match inlined {
            true => (dw::DW_AT_inline, dw::DW_FORM_data1),
            false => (dw::DW_AT_declaration, dw::DW_FORM_flag_present),
        });
        let code = out.abbreviations.code(Shape {
            tag: dw::DW_TAG_subprogram,
            children: false,
            attributes,
        });
        out.info.uleb(code);
        write_names(&mut out.info, known.names);
        if inlined {
            out.info.u8(dw::DW_INL_inlined.0);
        }
    }
}

fn namespace(out: &mut Out, name: &[u8]) {
    let code = out.abbreviations.code(Shape {
        tag: dw::DW_TAG_namespace,
        children: true,
        attributes: match name {
            [] => Vec::new(),
            _ => vec![(dw::DW_AT_name, dw::DW_FORM_string)],
        },
    });
    out.info.uleb(code);
    if !name.is_empty() {
        out.info.text(name);
    }
}

pub(super) fn names_of(routine: Names<'_>) -> Vec<(gimli::DwAt, gimli::DwForm)> {
    let (name, linkage) = routine;
    let mut out = Vec::with_capacity(3);
    if !linkage.is_empty() {
        out.push((dw::DW_AT_linkage_name, dw::DW_FORM_string));
    }
    if !name.is_empty() {
        out.push((dw::DW_AT_name, dw::DW_FORM_string));
    }
    out
}

pub(super) fn write_names(out: &mut Bytes, routine: Names<'_>) {
    let (name, linkage) = routine;
    for text in [linkage, name] {
        if !text.is_empty() {
            out.text(text);
        }
    }
}
