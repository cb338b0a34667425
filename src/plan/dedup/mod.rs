//! Whole members that two or more libraries hold move to the workspace library.
//!
//! # Link order
//! Programs link plugin libraries first, in any order, then the workspace library; linkers may read
//! each archive once (GNU ld). What a program pulls must be what it pulled from the libraries as
//! they were. Two things stand against that.
//!
//! - **Nothing comes after.** Once the linker reads the workspace library, the plugin libraries are
//!   past. A shared member may need what only plugin libraries define: each has an allocator shim of
//!   its own, and where the shims differ (another `#[global_allocator]`), they stay. In the libraries
//!   as they were, a member of the plugin pulled the shared one, and that the shim. So what a shared
//!   member needs in this way, the members that stay and need the shared one are made to ask for
//!   themselves: undefined symbols are added to them. Pulling them then pulls the shim before the
//!   workspace library is read, from the same library as before. Copying the shim to the workspace
//!   library instead would give plugins another one's allocator; leaving all that allocates behind
//!   would leave nearly everything.
//!   Where that is not possible (bitcode, members that programs ask for by name) the shared member
//!   stays in every library.
//! - **Something comes before.** A plugin library's definition is found before the workspace
//!   library's. So a symbol that a moved member defines must not be defined by any other member, of
//!   any library: else programs would change from one to the other, or get both. Such members stay.
//!   (Definitions that every user brings itself, such as COMDAT groups, are never looked for in an
//!   archive and do not count. Nor do Rust names that have only weak definitions: all are the same.)
//!
//! Members left behind for these reasons are reported. A member that one library alone holds, even
//! twice, stays where it is. Members that are no objects follow the same rules: no linker looks at
//! them, and dropping them would keep a thinned library from being made whole again.
//!
//! # Import stubs
//! A stub stays in its library unless another library has one of the same DLL, symbol, type and hint:
//! then both are one member and move like any other. They could all stay, at a few dozen bytes each;
//! but then a shared member that moved would look for its imports among what is past.

mod order;

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::prelude::*;

use self::order::{Order, Symbols};
use super::{OutputLibrary, OutputMember, OutputSet, Restore};
use crate::analysis::identity::members::MemberClasses;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, GlobalKind, MemberKind};
use crate::input::{Inputs, MemberId};

/// Plans the deduplication of `inputs`.
///
/// # Errors
/// `object-malformed` for a member whose symbols cannot be read.
pub fn plan<'d>(inputs: &Inputs<'d>, classes: &MemberClasses) -> Result<OutputSet<'d>> {
    let symbols = read_symbols(inputs, classes)?;
    let order = order::decide(inputs, classes, &symbols);

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
            if !order.moves.get(class).copied().unwrap_or(false) {
                let mut member = output_member(inputs, id);
                if let Some(names) = order.amend.get(&(class as u32)) {
                    amend(inputs, id, names, &mut member)?;
                }
                output.members.push(member);
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
    warn(inputs, classes, &order, &mut set.warnings);
    Ok(set)
}

fn output_member<'d>(inputs: &Inputs<'d>, id: MemberId) -> OutputMember<'d> {
    let member = inputs.member(id);
    let symbols = if member.kind == MemberKind::Bitcode {
        indexed(inputs, id)
    } else {
        Vec::new()
    };
    OutputMember {
        name: Cow::Borrowed(member.name),
        data: Cow::Borrowed(member.data),
        symbols,
    }
}

/// The symbols of a member in its archive's index: all that is known of bitcode's.
fn indexed<'d>(inputs: &Inputs<'d>, id: MemberId) -> Vec<&'d [u8]> {
    let library = inputs.library(inputs.member(id).library);
    let at = id.0.saturating_sub(library.members.start) as usize;
    let entries = library.index.iter().filter(|e| e.member == at);
    entries.map(|e| e.symbol).collect()
}

/// Adds undefined symbols to a member that stays.
fn amend(
    inputs: &Inputs<'_>,
    id: MemberId,
    names: &[&[u8]],
    output: &mut OutputMember<'_>,
) -> Result<()> {
    let member = inputs.member(id);
    let data = format::add_undefined(member.kind, member.data, names).ok_or_else(|| {
        Diagnostic::new(
            Code::ObjectMalformed,
            "symbols cannot be added to this member",
        )
        .member(member.name)
        .file(inputs.library(member.library).path)
    })?;
    output.data = Cow::Owned(data);
    Ok(())
}

fn read_symbols<'d>(inputs: &Inputs<'d>, classes: &MemberClasses) -> Result<Vec<Symbols<'d>>> {
    let results: Vec<Result<Symbols<'d>>> = classes
        .representatives
        .par_iter()
        .map(|&id| {
            let member = inputs.member(id);
            let mut symbols = Symbols {
                amendable: matches!(member.kind, MemberKind::Object(..)),
                opaque: member.kind == MemberKind::Bitcode,
                ..Symbols::default()
            };
            format::for_each_global(member.kind, member.data, &mut |symbol| match symbol.kind {
                GlobalKind::Defined => symbols.strong.push(symbol.name),
                GlobalKind::WeakDefined | GlobalKind::Vague | GlobalKind::Common => {
                    symbols.weak.push(symbol.name)
                }
                GlobalKind::Undefined => symbols.needs.push(symbol.name),
                GlobalKind::WeakUndefined => {}
            })
            .map_err(|e| {
                e.in_member(member.name)
                    .in_file(inputs.library(member.library).path)
            })?;
            if symbols.opaque {
                symbols.strong = indexed(inputs, id);
            }
            Ok(symbols)
        })
        .collect();
    Error::collect(results)
}

fn warn(
    inputs: &Inputs<'_>,
    classes: &MemberClasses,
    order: &Order<'_>,
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
        &order.doubly_defined,
        "other members define the same symbols",
    );
    add(&order.needs, "they need what only plugin libraries define");

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
                        "{} members are bitcode or other intermediate code of a compiler: they are kept whole",
                        bitcode.len()
                    ),
                )
                .file(library.path)
                .member(inputs.member(*first).name),
            );
        }
    }
}
