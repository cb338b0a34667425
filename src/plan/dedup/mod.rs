//! Whole members that two or more libraries hold move to the workspace library.
//!
//! # Link order
//! Programs link plugin libraries first, in any order, then the workspace library, then what comes with
//! the system. Linkers may read each archive once, from left to right (bfd, gold), may keep all names
//! in mind and take the first definer (lld), or weigh all definers first (mold). All pull members on
//! demand. For each of them:
//!
//! > **Whatever libraries were linked before, in whatever order, the linker pulls the same members for
//! > the same reasons, and members that stay in the same order, as it did from the libraries as they
//! > were.**
//!
//! Then every symbol is bound to the same definition, and the program does the same. It holds because
//! of the following; where one of them does not, a member stays in every library, with a warning.
//!
//! 1. **A name that moves has one definer.** If another member, of any library, defines a name of the
//!    member too, in whatever way (strong, weak, common), the first in the order of the link wins, or
//!    the largest, or the strong one, by linker. So such members stay. Vague definitions (COMDAT
//!    groups) are brought by each user; they count where a member looks for them, and where they differ
//!    (compiled with other options): of these linkers take the first. Nor do Rust names count that have
//!    only weak definitions: they are one thing.
//! 2. **What moves needs nothing of what is past.** Once the linker reads the workspace library, the
//!    plugin libraries are past. A shared member may need what only plugin libraries define: each has
//!    an allocator shim of its own, and where the shims differ (another `#[global_allocator]`), they
//!    stay. In the libraries as they were, a member of the plugin pulled the shared one, and that the
//!    shim. So members that stay are made to *ask* for what the shared members that they need, need of
//!    members that stay: undefined symbols are added to them, of the type and visibility that the
//!    definition has. The shim comes from the same library as before, as the one that asks is pulled
//!    from the library from which the shared one was pulled. Copying the shim to the workspace library
//!    instead would give plugins another one's allocator; leaving all that allocates behind would leave
//!    nearly everything. It is right only if
//!    - none but libraries' members pull the shared one, and nobody replaces it: its names are Rust's,
//!      since a program can neither ask for those nor define them;
//!    - each library with a user of the shared member has that member: else a later library would have
//!      provided it, and the search for the shim begun there;
//!    - symbols can be added to all users (not to bitcode, whose needs nobody knows);
//!    - all definers agree on whether the symbol is thread-local.
//! 3. **Asking early changes no order.** In one archive, what is asked for early may be pulled before
//!    what used to precede it. Nobody can tell, unless two members of one library define one name, or
//!    add to one sequence (rule 4). What such members are reached from stays.
//! 4. **Sequences keep their order.** Linkers run constructors, and fill tables with bounds, in the
//!    order in which they meet members. A member that moves is met after all that stay. So it stays if
//!    another adds to the same sequence; std's own constructor has a priority of its own.
//! 5. Names with versions (`.symver`) are looked up by more than their text: such members stay.
//! 6. A library may need a name that it does not define: its program has it from what comes with the system, behind
//!    the workspace library, or from another plugin library. Members that define it stay where they are.
//!
//! Not covered are links that take all of an archive (--whole-archive), programs that ask for Rust names
//! or for vague definitions, and native libraries put before the workspace library.
//!
//! Linkers for Mach-O and MSVC's look everything up everywhere, so there 2 is no more than it must be.
//!
//! A member that one library alone holds, even twice, stays where it is. Members that are no objects
//! follow the same rules: no linker looks at them, and dropping them would keep a thinned library from
//! being made whole again.
//!
//! # Import stubs
//! A stub stays in its library unless another library has one of the same DLL, symbol, type and hint:
//! then both are one member and move like any other. They could all stay, at a few dozen bytes each;
//! but then a shared member that moved would look for its imports among what is past.

mod asks;
mod copies;
mod graph;
mod names;
mod order;

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use self::graph::Symbols;
use self::order::{Order, Why};
use super::{OutputLibrary, OutputMember, OutputSet, Restore};
use crate::analysis::identity::members::MemberClasses;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, Ask, Format, MemberKind};
use crate::input::{Inputs, MemberId};

/// Plans the deduplication of `inputs`.
///
/// # Errors
/// `object-malformed` for a member whose symbols cannot be read.
pub fn plan<'d>(inputs: &Inputs<'d>, classes: &MemberClasses) -> Result<OutputSet<'d>> {
    let symbols = read_symbols(inputs, classes)?;
    let order = order::decide(inputs, classes, &symbols)?;

    let mut set = OutputSet::default();
    // Where in the workspace library a class is.
    let mut places: HashMap<u32, usize> = HashMap::new();
    for library in &inputs.libraries {
        let mut output = OutputLibrary {
            name: library.name.clone(),
            ..OutputLibrary::default()
        };
        let mut restore = Vec::with_capacity(library.members.len());
        for id in library.member_ids() {
            let class = classes.class(id);
            if !order.moves(class) {
                let mut member = output_member(inputs, id);
                if let Some(asks) = order.asks.get(&class) {
                    amend(inputs, id, asks, &mut member)?;
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

/// Makes a member that stays ask for symbols.
fn amend(
    inputs: &Inputs<'_>,
    id: MemberId,
    asks: &[Ask<'_>],
    output: &mut OutputMember<'_>,
) -> Result<()> {
    let member = inputs.member(id);
    let data = format::add_undefined(member.kind, member.data, asks).ok_or_else(|| {
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
            let elf = matches!(member.kind, MemberKind::Object(Format::Elf, _));
            let read = format::for_each_global(member.kind, member.data, &mut |symbol| {
                if elf && format::is_reserved_name(Format::Elf, symbol.name) {
                    symbols.versioned = Some(symbol.name);
                }
                symbols.add(inputs.format(), symbol);
            });
            let ordered = read.and_then(|()| {
                format::ordered::for_each_ordered(member.kind, member.data, &mut |key| {
                    symbols.ordered.push(key);
                })
            });
            ordered.map_err(|e| {
                e.in_member(member.name)
                    .in_file(inputs.library(member.library).path)
            })?;
            if symbols.opaque {
                symbols.add_indexed(indexed(inputs, id));
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
    for (why, held) in &order.held {
        let Some((class, what)) = held.first() else {
            continue;
        };
        let Some(id) = classes.representatives.get(*class as usize) else {
            continue;
        };
        let section = *why == Why::Ordered;
        let why = match why {
            Why::DoublyDefined => "other members define the same symbols".to_owned(),
            Why::UnlikeCopies => {
                "other members hold different copies of an inline function, a variable or a template of theirs"
                    .to_owned()
            }
            Why::Versioned => "they have symbols with versions".to_owned(),
            Why::NeededElsewhere => {
                "a library without one of them needs what they define from elsewhere".to_owned()
            }
            Why::Ordered => format!(
                "linkers join their {} with that of other members in link order",
                String::from_utf8_lossy(what)
            ),
            Why::Needs => "they need what only plugin libraries define".to_owned(),
            Why::NeedsOrdered => "what they need is pulled in an order that counts".to_owned(),
        };
        let member = inputs.member(*id);
        let warning = Diagnostic::new(
            Code::MemberNotShared,
            format!(
                "{} shared members stay in the plugin libraries: {why}",
                held.len()
            ),
        )
        .file(inputs.library(member.library).path)
        .member(member.name);
        warnings.push(if section {
            warning
        } else {
            warning.symbol(what)
        });
    }

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
