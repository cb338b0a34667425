//! Walks every member once, in parallel: bytes by crate and kind, and the symbols it shows.

use std::collections::HashMap;

use rayon::prelude::*;

use super::crates;
use crate::error::{Code, Diagnostic, Result};
use crate::format::sections::SectionKind;
use crate::format::{self, GlobalKind, GlobalSymbol, MemberKind, for_each_global, sections};
use crate::input::crates::member_crates;
use crate::input::{Inputs, LibraryId, MemberId};
use crate::protocol::inspection::Kinds;

/// The map we use for names: fast, and never iterated for output.
pub type NameMap<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// What no crate wrote.
pub const ARCHIVE: &str = "[archive]";

/// What one member holds.
#[derive(Debug)]
pub struct MemberSurvey<'d> {
    /// The crate it was compiled for.
    pub krate: &'d str,
    pub by_crate: Vec<(&'d str, Kinds)>,
    pub globals: Vec<GlobalSymbol<'d>>,
    /// Why it could not be read whole.
    pub problem: Option<Diagnostic>,
}

/// Where a library defines a symbol.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'d> {
    pub member: MemberId,
    pub krate: &'d str,
    pub kind: GlobalKind,
    pub visible: bool,
}

/// Where a library needs a symbol that it does not define.
#[derive(Debug, Clone, Copy)]
pub struct Need<'d> {
    pub member: MemberId,
    pub krate: &'d str,
    pub weak: bool,
}

/// What one library holds.
#[derive(Debug)]
pub struct LibrarySurvey<'d> {
    pub by_crate: NameMap<&'d str, Kinds>,
    pub defined: NameMap<&'d [u8], Definition<'d>>,
    pub needed: NameMap<&'d [u8], Need<'d>>,
}

/// Surveys every member.
pub fn members<'d>(inputs: &Inputs<'d>) -> Vec<MemberSurvey<'d>> {
    let crates = member_crates(inputs);
    inputs
        .members
        .par_iter()
        .zip(crates)
        .with_min_len(1)
        .map(|(member, krate)| {
            let mut survey = MemberSurvey {
                krate,
                by_crate: Vec::new(),
                globals: Vec::new(),
                problem: None,
            };
            let (by_crate, walked) = sizes(member.kind, member.data, krate);
            survey.by_crate = by_crate;
            let walked = walked.and_then(|()| {
                for_each_global(member.kind, member.data, &mut |symbol| {
                    survey.globals.push(symbol);
                })
            });
            if let Err(error) = walked {
                survey.problem = error.0.into_iter().next();
            } else if member.kind == MemberKind::Bitcode {
                let (what, way) = format::intermediate(member.data);
                let message =
                    format!("this member is {what}: its symbols and sections are not shown");
                survey.problem = Some(Diagnostic::new(Code::BitcodeMember, message).hint(way));
            }
            survey.problem = survey.problem.map(|problem| {
                problem
                    .member(member.name)
                    .file(inputs.library(member.library).path)
            });
            survey
        })
        .collect()
}

/// Bytes of one member by crate and kind; they add up to its size, whatever the walk met.
pub fn sizes<'d>(
    kind: MemberKind,
    data: &'d [u8],
    krate: &'d str,
) -> (Vec<(&'d str, Kinds)>, Result<()>) {
    let mut sizes = Sizes::default();
    let mut left = data.len() as u64;
    let walked = sections::for_each_piece(kind, data, &mut |piece| {
        let bytes = piece.bytes.min(left);
        left -= bytes;
        let named = piece
            .symbol
            .filter(|_| piece.kind.has_named_pieces() || piece.kind == SectionKind::Relocations);
        let krate = named.and_then(crates::of_symbol).unwrap_or(krate);
        let kinds = sizes.of(krate);
        kinds.add(piece.kind, bytes);
        kinds.bss = kinds.bss.saturating_add(piece.zero_fill);
    });
    // Headers and padding; and all that a malformed member hides.
    sizes.of(krate).add(SectionKind::Other, left);
    (sizes.0, walked)
}

/// A member's sizes by crate: rarely more than a few dozen, mostly the same one again.
#[derive(Default)]
struct Sizes<'d>(Vec<(&'d str, Kinds)>);

impl<'d> Sizes<'d> {
    fn of(&mut self, krate: &'d str) -> &mut Kinds {
        let at = self
            .0
            .iter()
            .position(|(name, _)| *name == krate)
            .unwrap_or_else(|| {
                self.0.push((krate, Kinds::default()));
                self.0.len() - 1
            });
        &mut self.0[at].1
    }
}

/// Puts a library's members together.
pub fn library<'d>(
    inputs: &Inputs<'d>,
    id: LibraryId,
    surveys: &[MemberSurvey<'d>],
) -> LibrarySurvey<'d> {
    let library = inputs.library(id);
    let mut survey = LibrarySurvey {
        by_crate: NameMap::default(),
        defined: NameMap::default(),
        needed: NameMap::default(),
    };
    let mut in_members = 0_u64;
    let mut headers = 0_u64;
    for member_id in library.member_ids() {
        let member = inputs.member(member_id);
        let length = member.data.len() as u64;
        in_members = in_members.saturating_add(length);
        headers += HEADER + length % 2;
        let Some(of_member) = surveys.get(member_id.index()) else {
            continue;
        };
        for (krate, kinds) in &of_member.by_crate {
            *survey.by_crate.entry(krate).or_default() += *kinds;
        }
        for symbol in &of_member.globals {
            if !symbol.kind.is_definition() {
                continue;
            }
            let definition = Definition {
                member: member_id,
                krate: crates::of_symbol(symbol.name).unwrap_or(of_member.krate),
                kind: symbol.kind,
                visible: symbol.visibility.is_outside(),
            };
            let known = survey.defined.entry(symbol.name).or_insert(definition);
            known.visible |= symbol.visibility.is_outside();
        }
    }
    for member_id in library.member_ids() {
        let Some(of_member) = surveys.get(member_id.index()) else {
            continue;
        };
        for symbol in &of_member.globals {
            let weak = match symbol.kind {
                GlobalKind::Undefined => false,
                GlobalKind::WeakUndefined => true,
                _ => continue,
            };
            if survey.defined.contains_key(symbol.name) {
                continue;
            }
            let need = Need {
                member: member_id,
                krate: of_member.krate,
                weak,
            };
            let known = survey.needed.entry(symbol.name).or_insert(need);
            if known.weak && !weak {
                *known = need;
            }
        }
    }
    // What the file has besides its members: their headers, the symbol index and the names.
    let besides = library.bytes.saturating_sub(in_members);
    let archive = survey.by_crate.entry(ARCHIVE).or_default();
    archive.other = headers.min(besides);
    archive.symbols = besides - archive.other;
    survey
}

/// Bytes of a member's header.
const HEADER: u64 = 60;
