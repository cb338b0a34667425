//! Whole members that two or more libraries hold move to the workspace library.
//!
//! # Link order
//! Programs link plugin libraries first, in any order, then the workspace library; linkers may read
//! each archive once (GNU ld). What a program pulls must be what it pulled from the libraries as
//! they were. A shared member moves only where that holds:
//!
//! - **Nothing behind it.** Once the linker reads the workspace library, the plugin libraries are
//!   past. So whatever a moved member needs must not be defined by a member that stays: such members
//!   stay too, in every library.
//! - **Nothing before it.** A plugin library's definition is found before the workspace library's.
//!   So a symbol that a moved member defines must not be defined by any other member, of any library:
//!   else programs would change from one to the other, or get both. (Definitions that every user
//!   brings itself, such as COMDAT groups, are never looked for in an archive and do not count.)
//!
//! Members left behind for these reasons are reported. A member that one library alone holds, even
//! twice, stays where it is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::{OutputLibrary, OutputMember, OutputSet, Restore};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, GlobalKind, MemberKind};
use crate::identity::members::MemberClasses;
use crate::input::{Inputs, MemberId};

/// Global symbols of a class of members.
#[derive(Default)]
struct Symbols<'d> {
    strong: Vec<&'d [u8]>,
    /// Weak and common definitions.
    weak: Vec<&'d [u8]>,
    /// Strong undefined ones: they pull members.
    needs: Vec<&'d [u8]>,
}

/// Plans the deduplication of `inputs`.
///
/// # Errors
/// `object-malformed` for a member whose symbols cannot be read.
pub fn plan<'d>(inputs: &Inputs<'d>, classes: &MemberClasses) -> Result<OutputSet<'d>> {
    let symbols = read_symbols(inputs, classes)?;
    let mut moves = shared(inputs, classes);
    let held_back = hold_back(&symbols, &mut moves);

    let mut set = OutputSet::default();
    // Where in the workspace library a class is.
    let mut places: HashMap<usize, usize> = HashMap::new();
    for library in &inputs.libraries {
        let mut output = OutputLibrary {
            name: library.name.clone(),
            ..OutputLibrary::default()
        };
        let mut restore = Vec::with_capacity(library.members.len());
        for id in library.member_ids() {
            let class = classes.class(id) as usize;
            if !moves.get(class).copied().unwrap_or(false) {
                output.members.push(output_member(inputs, id));
                output.members_kept += 1;
                restore.push(Restore::Own);
                continue;
            }
            output.members_moved += 1;
            let place = *places.entry(class).or_insert_with(|| {
                set.workspace.members.push(output_member(inputs, id));
                set.workspace.members.len() - 1
            });
            restore.push(Restore::Shared(place));
        }
        output.restore = Some(restore);
        set.libraries.push(output);
    }
    warn(inputs, classes, &held_back, &mut set.warnings);
    Ok(set)
}

fn output_member<'d>(inputs: &Inputs<'d>, id: MemberId) -> OutputMember<'d> {
    let member = inputs.member(id);
    OutputMember {
        name: Cow::Borrowed(member.name),
        data: Cow::Borrowed(member.data),
    }
}

fn read_symbols<'d>(inputs: &Inputs<'d>, classes: &MemberClasses) -> Result<Vec<Symbols<'d>>> {
    let results: Vec<Result<Symbols<'d>>> = classes
        .representatives
        .par_iter()
        .map(|&id| {
            let member = inputs.member(id);
            let mut symbols = Symbols::default();
            format::for_each_global(member.kind, member.data, &mut |symbol| match symbol.kind {
                GlobalKind::Defined => symbols.strong.push(symbol.name),
                GlobalKind::WeakDefined | GlobalKind::Common => symbols.weak.push(symbol.name),
                GlobalKind::Undefined => symbols.needs.push(symbol.name),
                GlobalKind::WeakUndefined => {}
            })
            .map_err(|e| {
                e.in_member(member.name)
                    .in_file(inputs.library(member.library).path)
            })?;
            Ok(symbols)
        })
        .collect();
    let mut errors = Vec::new();
    let mut all = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(symbols) => all.push(symbols),
            Err(e) => errors.extend(e.0),
        }
    }
    Error::all(errors)?;
    Ok(all)
}

/// By class: whether two or more libraries hold it.
fn shared(inputs: &Inputs<'_>, classes: &MemberClasses) -> Vec<bool> {
    let mut shared = vec![false; classes.len()];
    for (member, &class) in inputs.members.iter().zip(&classes.class_of) {
        let first = classes.representatives.get(class as usize);
        if let (Some(&first), Some(shared)) = (first, shared.get_mut(class as usize)) {
            *shared |= inputs.member(first).library != member.library;
        }
    }
    shared
}

/// Why shared members stay.
#[derive(Default)]
struct HeldBack<'d> {
    /// Classes that define a symbol which another one defines too.
    doubly_defined: Vec<(u32, &'d [u8])>,
    /// Classes that need a symbol which only a member that stays defines.
    needs: Vec<(u32, &'d [u8])>,
}

/// Takes out of `moves` what cannot move.
fn hold_back<'d>(symbols: &[Symbols<'d>], moves: &mut [bool]) -> HeldBack<'d> {
    let mut held = HeldBack::default();
    let mut needed: HashSet<&[u8]> = HashSet::new();
    for class in symbols {
        needed.extend(&class.needs);
    }
    // Who defines each symbol that is looked for.
    let mut definers: HashMap<&[u8], Vec<u32>> = HashMap::new();
    for (class, symbols) in symbols.iter().enumerate() {
        let weak = symbols.weak.iter().filter(|s| needed.contains(*s));
        for symbol in symbols.strong.iter().chain(weak) {
            let classes = definers.entry(symbol).or_default();
            if classes.last() != Some(&(class as u32)) {
                classes.push(class as u32);
            }
        }
    }
    // Who needs each symbol.
    let mut users: HashMap<&[u8], Vec<u32>> = HashMap::new();
    let mut queue: Vec<u32> = Vec::new();
    for (class, symbols) in symbols.iter().enumerate() {
        for symbol in &symbols.needs {
            if definers.contains_key(symbol) {
                users.entry(symbol).or_default().push(class as u32);
            }
        }
        if !moves.get(class).copied().unwrap_or(false) {
            queue.push(class as u32);
            continue;
        }
        let double = symbols.strong.iter().chain(&symbols.weak);
        let mut double = double.filter(|s| definers.get(*s).is_some_and(|d| d.len() > 1));
        if let Some(symbol) = double.next() {
            held.doubly_defined.push((class as u32, symbol));
            if let Some(slot) = moves.get_mut(class) {
                *slot = false;
            }
            queue.push(class as u32);
        }
    }
    while let Some(class) = queue.pop() {
        let Some(symbols) = symbols.get(class as usize) else {
            continue;
        };
        for symbol in symbols.strong.iter().chain(&symbols.weak) {
            for &user in users.get(symbol).into_iter().flatten() {
                if let Some(slot) = moves.get_mut(user as usize)
                    && std::mem::replace(slot, false)
                {
                    held.needs.push((user, symbol));
                    queue.push(user);
                }
            }
        }
    }
    held
}

fn warn(
    inputs: &Inputs<'_>,
    classes: &MemberClasses,
    held: &HeldBack<'_>,
    warnings: &mut Vec<Diagnostic>,
) {
    let mut add = |held: &[(u32, &[u8])], why: &str| {
        let first = held.iter().min();
        let first = first.and_then(|(class, symbol)| {
            Some((classes.representatives.get(*class as usize)?, symbol))
        });
        if let Some((id, symbol)) = first {
            let member = inputs.member(*id);
            warnings.push(
                Diagnostic::new(
                    Code::MemberNotShared,
                    format!(
                        "{} shared members stay in the plugin libraries: {why}",
                        held.len()
                    ),
                )
                .file(inputs.library(member.library).path)
                .member(member.name)
                .symbol(symbol),
            );
        }
    };
    add(
        &held.doubly_defined,
        "other members define the same symbols",
    );
    add(&held.needs, "they need what only plugin libraries define");

    for near in classes.near_duplicates(inputs) {
        let (first, second) = (inputs.member(near.first), inputs.member(near.second));
        warnings.push(
            Diagnostic::new(
                Code::NearDuplicate,
                format!(
                    "same name and size as in {}, but other bytes: both are kept",
                    inputs.library(first.library).path
                ),
            )
            .file(inputs.library(second.library).path)
            .member(second.name),
        );
    }
    for library in &inputs.libraries {
        let bitcode = library
            .member_ids()
            .filter(|id| inputs.member(*id).kind == MemberKind::Bitcode)
            .collect::<Vec<_>>();
        if let Some(first) = bitcode.first() {
            warnings.push(
                Diagnostic::new(
                    Code::BitcodeMember,
                    format!(
                        "{} members are LLVM bitcode: they are kept whole",
                        bitcode.len()
                    ),
                )
                .file(library.path)
                .member(inputs.member(*first).name),
            );
        }
    }
}
