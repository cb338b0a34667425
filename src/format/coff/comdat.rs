//! COMDAT sections: of which any copy may serve, and what lives and dies with them (PE/COFF, "COMDAT
//! Sections").

use foldhash::{HashMap, HashMapExt};
use object::LittleEndian as LE;
use object::pe;
use object::read::coff::CoffHeader;

use super::names;
use super::read::{Reader, Role, malformed, rule};
use crate::error::Result;
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeTarget, Group, KeepRule, SymbolKind, ToldBy,
    UnwindEntry,
};

/// Of a group's `native`: GNU as marked the unwind sections of its function as COMDATs of their own without
/// a symbol, which linkers associate by their names (`.xdata$function`). The lower bits are the selection.
pub(super) const BY_NAME: u32 = 0x100;

/// The selection in a group's `native`.
pub(super) fn selection(native: u32) -> pe::ComdatSelection {
    match pe::ComdatSelection((native & 0xFF) as u8) {
        pe::ComdatSelection(0) => pe::IMAGE_COMDAT_SELECT_ANY,
        kind => kind,
    }
}

impl<'d, H: CoffHeader> Reader<'d, H> {
    /// COMDATs of which any copy may serve.
    pub(super) fn read_groups(&mut self) -> Result<()> {
        let leaders = self.leaders();
        for (at, section) in self.sections.iter().enumerate() {
            let number = at as u32 + 1;
            let Role::Atom(atom) = self.roles[at] else {
                continue;
            };
            if !section
                .characteristics
                .get(LE)
                .contains(pe::IMAGE_SCN_LNK_COMDAT)
            {
                continue;
            }
            let kind = self.selections.get(&number).map(|s| s.kind);
            self.name_comdat(atom);
            self.comdat_atoms.extend(kind.map(|k| (atom, k)));
            let vague = match kind {
                None
                | Some(
                    pe::ComdatSelection(0)
                    | pe::IMAGE_COMDAT_SELECT_NODUPLICATES
                    | pe::IMAGE_COMDAT_SELECT_ASSOCIATIVE,
                ) => false,
                Some(
                    pe::IMAGE_COMDAT_SELECT_ANY
                    | pe::IMAGE_COMDAT_SELECT_SAME_SIZE
                    | pe::IMAGE_COMDAT_SELECT_EXACT_MATCH
                    | pe::IMAGE_COMDAT_SELECT_LARGEST
                    | pe::IMAGE_COMDAT_SELECT_NEWEST,
                ) => true,
                Some(other) => {
                    return Err(malformed(format!("COMDAT selection {}", other.0))
                        .symbol(self.names[at])
                        .into());
                }
            };
            if let (true, Some(&signature)) = (vague, leaders.get(&atom)) {
                let group = self.out.groups.len() as u32;
                self.out.groups.push(Group {
                    signature,
                    comdat: true,
                    largest: kind == Some(pe::IMAGE_COMDAT_SELECT_LARGEST),
                    native: kind.map_or(0, |k| u32::from(k.0)),
                    atoms: vec![atom],
                });
                if let Some(a) = self.out.atoms.get_mut(atom as usize) {
                    a.group = Some(group);
                    // An entry of a table, though a linker that collects sections may drop it.
                    let own = self.own.get(at) == Some(&true);
                    a.registry = own
                        .then(|| names::stem(a.section))
                        .or(names::table(a.section));
                    if a.keep.is_none() && a.registry.is_some() {
                        a.keep = Some(KeepRule::Retained);
                        self.out.kept.push(atom);
                    }
                }
            }
        }
        self.out.kept.sort_unstable();
        Ok(())
    }

    /// The symbols that COMDATs are known by: the first of each section, but GNU's linkers look for the name behind
    /// `$` before. One that is static makes its COMDAT one of its own.
    fn leaders(&self) -> HashMap<AtomIndex, &'d [u8]> {
        let mut leaders: HashMap<AtomIndex, Option<&'d [u8]>> = HashMap::new();
        for &(atom, symbol) in &self.out.atom_symbols {
            let (Some(s), Some(a)) = (
                self.out.symbols.get(symbol as usize),
                self.out.atoms.get(atom as usize),
            ) else {
                continue;
            };
            // A weak external stands in no section.
            if s.kind == SymbolKind::Section || s.binding == Binding::Weak {
                continue;
            }
            let external = Some(s.name).filter(|_| s.binding != Binding::Local);
            let first = leaders.entry(atom).or_insert(external);
            if names::suffix(a.section) == external {
                *first = external.or(*first);
            }
        }
        let external = leaders.into_iter();
        external.filter_map(|(a, name)| Some((a, name?))).collect()
    }

    /// A COMDAT holds what the symbol at its beginning names, and nothing else.
    fn name_comdat(&mut self, atom: AtomIndex) {
        let begins = |definition| matches!(definition, Definition::Atom { offset: 0, .. });
        let named = self
            .out
            .symbols_of(atom)
            .any(|(_, s)| s.binding != Binding::Local && begins(s.definition));
        if let Some(a) = self.out.atoms.get_mut(atom as usize)
            && named
            && a.told_by == ToldBy::Place
        {
            a.told_by = ToldBy::Names;
        }
    }

    /// Sections that live as long as their leader does, and stand for it wherever a copy of it does.
    pub(super) fn add_associations(&mut self, per_atom: &mut [Vec<Edge>]) -> Result<()> {
        let mut all: Vec<(u32, u32)> = self
            .selections
            .iter()
            .filter(|(_, s)| s.kind == pe::IMAGE_COMDAT_SELECT_ASSOCIATIVE)
            .map(|(number, s)| (*number, s.with))
            .collect();
        all.sort_unstable();
        let atom_of = |role| match role {
            Role::Atom(atom) => Some(atom),
            Role::Unwind | Role::Other => None,
        };
        for (number, with) in all {
            let role = |n: u32| i32::try_from(n).ok().and_then(|n| self.role(n));
            let leader = role(with).ok_or_else(|| {
                malformed(format!(
                    "COMDAT associated with section {with}, which does not exist"
                ))
            })?;
            let (Some(leader), Some(follower)) = (atom_of(leader), role(number).and_then(atom_of))
            else {
                continue;
            };
            if leader == follower {
                continue;
            }
            // What lives by itself brings its leader: which of two linkers drops both is for the linker to say.
            let follower_atom = self.out.atoms.get(follower as usize);
            let by_itself = follower_atom.is_some_and(|a| a.keep.is_some());
            let mut tie = |from: AtomIndex, to: AtomIndex| {
                if let Some(edges) = per_atom.get_mut(from as usize) {
                    edges.push(rule(EdgeTarget::Atom(to), KeepRule::Associative));
                }
            };
            tie(leader, follower);
            if by_itself {
                tie(follower, leader);
            }
            self.join_group(leader, follower);
        }
        Ok(())
    }

    /// MinGW's compilers associate by name alone: the unwind data of one function's section goes with
    /// the function.
    pub(super) fn join_unwind_data(&mut self, unwind: &[UnwindEntry<'d>]) {
        for entry in unwind {
            for edge in &entry.edges {
                let EdgeTarget::Symbol(symbol) = edge.to else {
                    continue;
                };
                let definition = self.out.symbols.get(symbol as usize).map(|s| s.definition);
                if let Some(Definition::Atom { atom, .. }) = definition
                    && let Some(a) = self.out.atoms.get(atom as usize)
                    && names::is_of_one_function(a.section)
                {
                    let by_name = self
                        .comdat_atoms
                        .get(&atom)
                        .is_some_and(|kind| *kind == pe::IMAGE_COMDAT_SELECT_ANY);
                    let group = self
                        .out
                        .atoms
                        .get(entry.atom as usize)
                        .and_then(|a| a.group);
                    if let (true, Some(group)) = (by_name, group)
                        && let Some(g) = self.out.groups.get_mut(group as usize)
                    {
                        g.native |= BY_NAME;
                    }
                    // Its group keeps it, and no other's.
                    if let Some(a) = self.out.atoms.get_mut(atom as usize) {
                        a.of_one_function |= group.is_some();
                    }
                    self.join_group(entry.atom, atom);
                }
            }
        }
    }

    fn join_group(&mut self, leader: AtomIndex, follower: AtomIndex) {
        let Some(group) = self.out.atoms.get(leader as usize).and_then(|a| a.group) else {
            return;
        };
        if let Some(a) = self.out.atoms.get_mut(follower as usize)
            && a.group.is_none()
        {
            a.group = Some(group);
            if let Some(g) = self.out.groups.get_mut(group as usize) {
                g.atoms.push(follower);
            }
        }
    }
}
