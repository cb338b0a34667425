//! The distinct objects of a run, each taken apart once, and the names they share.
//!
//! Libraries hold the same members again and again; everything here is per distinct content.
//! Invariants: ids follow input order; `globals[o]` has one entry for every non-local symbol of
//! object `o`, in symbol table order.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use rayon::prelude::*;

use crate::analysis::identity::members::MemberClasses;
use crate::error::{Error, Result};
use crate::format::model::{Binding, ObjectFile, SymbolIndex, Visibility};
use crate::format::{self, GlobalKind, MemberKind, Wish};
use crate::input::{Inputs, MemberId};
use crate::protocol::event::Steps;

/// A distinct object file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// A distinct global symbol name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

impl ObjectId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl NameId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A global symbol of an object.
#[derive(Debug, Clone, Copy)]
pub struct Global {
    pub name: NameId,
    pub kind: GlobalKind,
    pub visibility: Visibility,
}

/// A name with its hash, computed once, in parallel.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hashed<'d> {
    hash: u64,
    bytes: &'d [u8],
}

impl<'d> Hashed<'d> {
    fn new(bytes: &'d [u8]) -> Self {
        Self {
            hash: hash(bytes),
            bytes,
        }
    }
}

/// What an object says of names.
#[derive(Default)]
struct Raw<'d> {
    globals: Vec<(Hashed<'d>, GlobalKind, Visibility)>,
    wishes: Vec<Wish<Hashed<'d>>>,
}

impl Hash for Hashed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Passes a hash through.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// The distinct objects.
pub struct Graph<'d> {
    pub format: format::Format,
    /// Which object a member is; `None` for what no linker reads.
    pub object_of: Vec<Option<ObjectId>>,
    /// The first member with this content.
    pub member_of: Vec<MemberId>,
    pub globals: Vec<Vec<Global>>,
    /// By object: what it wants of names besides.
    pub wishes: Vec<Vec<Wish<NameId>>>,
    pub names: Vec<&'d [u8]>,
    lookup: HashMap<Hashed<'d>, NameId, BuildHasherDefault<Ready>>,
    /// By object: it belongs to a DLL's imports, which nobody takes apart.
    verbatim: Vec<bool>,
    /// By object: rustc made it.
    rust: Vec<bool>,
    /// What refers to a piece that linkers may merge gets a symbol there.
    pub names_pieces: bool,
    /// Taken apart where some library pulls the object.
    files: Vec<Option<ObjectFile<'d>>>,
    /// Symbol indexes of `globals`, for objects taken apart.
    global_symbols: Vec<Vec<SymbolIndex>>,
}

fn hash(bytes: &[u8]) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::with_seed(0).hash_one(bytes)
}

/// rustc names members `crate-hash.….rcgu.o`.
fn is_codegen_unit(member: &[u8]) -> bool {
    member.windows(6).any(|w| w == b".rcgu.")
}

impl<'d> Graph<'d> {
    /// Finds the distinct objects and reads their global symbols.
    ///
    /// # Errors
    /// `object-malformed`, for every object that is.
    pub fn new(inputs: &Inputs<'d>, classes: &MemberClasses, steps: &Steps<'_>) -> Result<Self> {
        let mut object_of = vec![None; inputs.members.len()];
        let mut member_of: Vec<MemberId> = Vec::new();
        let mut by_class: HashMap<u32, ObjectId> = HashMap::new();
        for (index, member) in inputs.members.iter().enumerate() {
            if matches!(member.kind, MemberKind::Other | MemberKind::Bitcode) {
                continue;
            }
            let object = *by_class.entry(classes.class_of[index]).or_insert_with(|| {
                member_of.push(MemberId(index as u32));
                ObjectId(member_of.len() as u32 - 1)
            });
            object_of[index] = Some(object);
        }
        let raw: Vec<Result<Raw<'d>>> = member_of
            .par_iter()
            .map(|&m| {
                let member = inputs.member(m);
                let mut raw = Raw::default();
                format::for_each_global(member.kind, member.data, &mut |g| {
                    let name = Hashed::new(g.name);
                    raw.globals.push((name, g.kind, g.visibility));
                })
                .and_then(|()| {
                    format::for_each_wish(member.kind, member.data, &mut |wish| {
                        raw.wishes.push(wish.map(Hashed::new));
                    })
                })
                .map_err(|e| {
                    e.in_member(member.name)
                        .in_file(inputs.library(member.library).path)
                })?;
                steps.add(1);
                Ok(raw)
            })
            .collect();
        let mut errors = Vec::new();
        let mut names: Vec<&'d [u8]> = Vec::new();
        let mut lookup: HashMap<Hashed<'d>, NameId, _> = HashMap::default();
        let mut globals = Vec::with_capacity(raw.len());
        let mut wishes = Vec::with_capacity(raw.len());
        for list in raw {
            let list = match list {
                Ok(l) => l,
                Err(e) => {
                    errors.extend(e.0);
                    continue;
                }
            };
            let mut id = |name: Hashed<'d>| {
                *lookup.entry(name).or_insert_with(|| {
                    names.push(name.bytes);
                    NameId(names.len() as u32 - 1)
                })
            };
            let own = list.globals.into_iter();
            globals.push(
                own.map(|(name, kind, visibility)| Global {
                    name: id(name),
                    kind,
                    visibility,
                })
                .collect(),
            );
            wishes.push(list.wishes.into_iter().map(|w| w.map(&mut id)).collect());
        }
        Error::all(errors)?;
        let count = member_of.len();
        let verbatim = member_of
            .par_iter()
            .map(|&m| {
                let member = inputs.member(m);
                format::is_import(member.kind, member.data)
            })
            .collect();
        let rust = member_of
            .iter()
            .map(|&m| is_codegen_unit(inputs.member(m).name))
            .collect();
        Ok(Self {
            format: inputs.format(),
            object_of,
            member_of,
            globals,
            wishes,
            names,
            lookup,
            names_pieces: false,
            verbatim,
            rust,
            files: (0..count).map(|_| None).collect(),
            global_symbols: vec![Vec::new(); count],
        })
    }

    /// Takes apart `wanted`, in parallel; what was taken apart before stays.
    ///
    /// # Errors
    /// Those of [`format::read_object`], for every object that has one.
    pub fn take_apart(&mut self, inputs: &Inputs<'d>, wanted: &[ObjectId]) -> Result<()> {
        let missing: Vec<ObjectId> = wanted
            .iter()
            .copied()
            .filter(|o| self.files[o.index()].is_none())
            .collect();
        let read: Vec<Result<ObjectFile<'d>>> = missing
            .par_iter()
            .map(|&o| {
                if self.is_verbatim(o) {
                    return Ok(ObjectFile::default());
                }
                let member = inputs.member(self.member_of[o.index()]);
                let mut file = format::read_object(member.kind, member.data).map_err(|e| {
                    e.in_member(member.name)
                        .in_file(inputs.library(member.library).path)
                })?;
                if self.names_pieces {
                    format::name_pieces(&mut file);
                }
                Ok(file)
            })
            .collect();
        let mut errors = Vec::new();
        for (object, file) in missing.into_iter().zip(read) {
            match file {
                Ok(file) => {
                    self.global_symbols[object.index()] = file
                        .symbols
                        .iter()
                        .enumerate()
                        .filter(|(_, s)| s.binding != Binding::Local)
                        .map(|(i, _)| i as SymbolIndex)
                        .collect();
                    self.files[object.index()] = Some(file);
                }
                Err(e) => errors.extend(e.0),
            }
        }
        Error::all(errors)
    }

    /// An object that [`Graph::take_apart`] was called for.
    ///
    /// # Panics
    /// Where it was not: a fault of ours, not of the input.
    #[must_use]
    pub fn file(&self, object: ObjectId) -> &ObjectFile<'d> {
        self.files[object.index()]
            .as_ref()
            .unwrap_or_else(|| unreachable!("objects are taken apart before they are looked at"))
    }

    /// Does the object stay as it is, for linkers to pull by its symbols' names?
    #[must_use]
    pub fn is_verbatim(&self, object: ObjectId) -> bool {
        self.verbatim.get(object.index()).copied().unwrap_or(false)
    }

    /// Did rustc make the object? Addresses of what has no mangled name mean nothing there.
    #[must_use]
    pub fn is_rust(&self, object: ObjectId) -> bool {
        self.rust.get(object.index()).copied().unwrap_or(false)
    }

    /// Names that an object needs without referring to them.
    pub fn needs(&self, object: ObjectId) -> impl Iterator<Item = NameId> + '_ {
        self.wishes[object.index()].iter().filter_map(|w| match *w {
            Wish::Need(name) => Some(name),
            Wish::Pull(_) | Wish::Alternate { .. } | Wish::Stands(_) => None,
        })
    }

    /// Names that an object pulls members by without a use for them.
    pub fn pulls(&self, object: ObjectId) -> impl Iterator<Item = NameId> + '_ {
        self.wishes[object.index()].iter().filter_map(|w| match *w {
            Wish::Pull(name) => Some(name),
            Wish::Need(_) | Wish::Alternate { .. } | Wish::Stands(_) => None,
        })
    }

    /// What an object tells the linker to take for names that nobody defines.
    pub fn alternates(&self, object: ObjectId) -> impl Iterator<Item = NameId> + '_ {
        self.wishes[object.index()].iter().filter_map(|w| match *w {
            Wish::Alternate { instead, .. } => Some(instead),
            Wish::Need(_) | Wish::Pull(_) | Wish::Stands(_) => None,
        })
    }

    /// The symbol of `globals[object][position]`.
    #[must_use]
    pub fn global_symbol(&self, object: ObjectId, position: u32) -> Option<SymbolIndex> {
        self.global_symbols[object.index()]
            .get(position as usize)
            .copied()
    }

    /// The name of a global symbol by its index in the object's symbol table.
    #[must_use]
    pub fn name_of(&self, object: ObjectId, symbol: SymbolIndex) -> Option<NameId> {
        let position = self.global_symbols[object.index()]
            .binary_search(&symbol)
            .ok()?;
        self.globals[object.index()].get(position).map(|g| g.name)
    }

    #[must_use]
    pub fn find_name(&self, bytes: &[u8]) -> Option<NameId> {
        self.lookup.get(&Hashed::new(bytes)).copied()
    }

    #[must_use]
    pub fn name(&self, id: NameId) -> &'d [u8] {
        self.names[id.index()]
    }
}
