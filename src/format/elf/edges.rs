//! What the atoms of an ELF object refer to: relocations, unwind entries, and ties that the gABI and the
//! psABIs make without a relocation.

use std::collections::BTreeMap;

use object::LittleEndian as LE;
use object::elf;
use object::read::SectionIndex;
use object::read::elf::{Crel, FileHeader, Rel, Rela, SectionHeader};

use super::read::{Reader, Role, bad, malformed};
use super::{eh_frame, fde_range, mergeable, notes};
use crate::error::Result;
use crate::format::model::{AtomIndex, Edge, EdgeKind, EdgeTarget, KeepRule};

impl<'d, H: FileHeader<Endian = LE>> Reader<'d, H> {
    /// Relocations of section `section`, converted.
    fn relocations(&self, section: &'d H::SectionHeader) -> Result<Vec<Edge>> {
        let mut edges = Vec::new();
        let symbols = self.out.symbols.len();
        let push = |edges: &mut Vec<Edge>, offset: u64, symbol: usize, kind: u32, addend: i64| {
            if symbol >= symbols.max(1) {
                return Err(malformed(format!(
                    "relocation against symbol {symbol} of {symbols}"
                )));
            }
            edges.push(Edge {
                offset,
                to: EdgeTarget::Symbol(symbol as u32),
                addend,
                kind: EdgeKind::Relocation(kind),
            });
            Ok(())
        };
        if let Some((relas, _)) = section
            .rela(LE, self.data)
            .map_err(bad("relocation section"))?
        {
            edges.reserve(relas.len());
            for r in relas {
                let symbol = r.symbol(LE, false).map_or(0, |s| s.0);
                push(
                    &mut edges,
                    r.r_offset(LE).into(),
                    symbol,
                    r.r_type(LE, false).0,
                    r.r_addend(LE).into(),
                )?;
            }
        } else if let Some((rels, _)) = section
            .rel(LE, self.data)
            .map_err(bad("relocation section"))?
        {
            for r in rels {
                let symbol = r.symbol(LE).map_or(0, |s| s.0);
                push(&mut edges, r.r_offset(LE).into(), symbol, r.r_type(LE).0, 0)?;
            }
        } else if let Some((crels, _)) = section
            .crel(LE, self.data)
            .map_err(bad("relocation section"))?
        {
            for r in crels {
                let r: Crel = r.map_err(bad("compact relocation"))?;
                let symbol = r.symbol().map_or(0, |s| s.0);
                push(&mut edges, r.r_offset, symbol, r.r_type.0, r.r_addend)?;
            }
        }
        Ok(edges)
    }

    pub(super) fn read_edges(&mut self) -> Result<()> {
        // Where addends stand in the contents, they say which piece is meant.
        let in_contents = |s: &H::SectionHeader| s.sh_type(LE) == elf::SHT_REL;
        if self.sections.iter().any(in_contents) {
            for atom in &mut self.out.atoms {
                atom.native = mergeable::whole(atom.native);
            }
        }
        let mut per_atom: Vec<Vec<Edge>> = vec![Vec::new(); self.out.atoms.len()];
        let mut headers = Vec::new();
        let mut unwind = Vec::new();
        // By section.
        let mut eh_frames: BTreeMap<usize, Vec<Edge>> = BTreeMap::new();
        for (index, role) in self.roles.iter().enumerate() {
            if *role == Role::EhFrame {
                eh_frames.insert(index, Vec::new());
            }
        }
        for (_, section) in self.sections.enumerate() {
            let kind = section.sh_type(LE);
            if matches!(kind, elf::SHT_RELA | elf::SHT_REL | elf::SHT_CREL) {
                let target = section.sh_info(LE) as usize;
                match self.role(target)? {
                    Role::Atom(atom) => {
                        if SectionIndex(section.sh_link(LE) as usize) != self.table.section() {
                            return Err(malformed("relocations use another symbol table").into());
                        }
                        let edges = self.relocations(section)?;
                        let a = &self.out.atoms[atom as usize];
                        if let Some(e) = edges.iter().find(|e| e.offset > a.size) {
                            return Err(malformed(format!(
                                "relocation at {:#x}, past the section's end",
                                e.offset
                            ))
                            .symbol(a.section)
                            .into());
                        }
                        per_atom[atom as usize].extend(edges);
                    }
                    Role::Records(at) => {
                        for mut edge in self.relocations(section)? {
                            let Some(records) = self.records.get(at as usize) else {
                                continue;
                            };
                            let (atom, offset) = records.at(edge.offset);
                            edge.offset = offset;
                            let a = &self.out.atoms[atom as usize];
                            if offset > a.size {
                                return Err(malformed("relocation past the section's end")
                                    .symbol(a.section)
                                    .into());
                            }
                            per_atom[atom as usize].push(edge);
                        }
                    }
                    Role::EhFrame => {
                        let edges = self.relocations(section)?;
                        eh_frames.entry(target).or_default().extend(edges);
                    }
                    Role::Debug | Role::Other => {}
                }
            }
        }
        for (index, edges) in eh_frames {
            let section = self
                .sections
                .section(SectionIndex(index))
                .map_err(bad("section"))?;
            let contents = section
                .data(LE, self.data)
                .map_err(bad("section contents"))?;
            eh_frame::split(
                contents,
                edges,
                &self.out.symbols,
                &mut headers,
                &mut unwind,
            )?;
        }
        unwind.sort_by_key(|u| u.atom);
        let address = if self.header.is_type_64() { 8 } else { 4 };
        fde_range::check(&unwind, &headers, &self.out.symbols, address)?;
        self.out.unwind_headers = headers;
        self.out.unwind = unwind;
        self.rule_edges(&mut per_atom)?;
        self.tie_records(&mut per_atom);
        self.out.edge_starts.push(0);
        for mut edges in per_atom {
            // Rules come last; the order among relocations of one place is meaningful (RISC-V,
            // N64), so the sort is stable.
            edges.sort_by_key(|e| (matches!(e.kind, EdgeKind::Rule(_)), e.offset));
            self.out.edges.extend(edges);
            let end = u32::try_from(self.out.edges.len())
                .map_err(|_| malformed("more than 4 G relocations"))?;
            self.out.edge_starts.push(end);
        }
        Ok(())
    }

    /// Edges that the gABI and the psABIs make without a relocation.
    fn rule_edges(&self, per_atom: &mut [Vec<Edge>]) -> Result<()> {
        let mut add = |from: AtomIndex, to: EdgeTarget, rule: KeepRule| {
            if let Some(edges) = per_atom.get_mut(from as usize) {
                edges.push(Edge {
                    offset: 0,
                    to,
                    addend: 0,
                    kind: EdgeKind::Rule(rule),
                });
            }
        };
        for group in &self.out.groups {
            // A ring keeps a group together without an edge for every pair.
            for (i, &atom) in group.atoms.iter().enumerate() {
                let next = group.atoms[(i + 1) % group.atoms.len()];
                if next != atom {
                    add(atom, EdgeTarget::Atom(next), KeepRule::Group);
                }
            }
        }
        for (index, section) in self.sections.enumerate() {
            let Role::Atom(atom) = self.role(index.0)? else {
                continue;
            };
            if section.sh_flags(LE).0 & elf::SHF_LINK_ORDER.0 == 0 {
                continue;
            }
            let link = section.sh_link(LE) as usize;
            if link == 0 {
                continue;
            }
            // gABI: the linked-to section's life decides the linking section's.
            if let Role::Atom(of) = self.role(link)? {
                add(of, EdgeTarget::Atom(atom), KeepRule::LinkOrder);
                add(atom, EdgeTarget::Atom(of), KeepRule::LinkOrder);
            }
        }
        Ok(())
    }

    /// A record lives when the code that it describes does; one that describes none, with its member.
    fn tie_records(&mut self, per_atom: &mut [Vec<Edge>]) {
        for atom in self.records.iter().flat_map(notes::Records::atoms) {
            let own = per_atom.get(atom as usize);
            let of = own.and_then(|edges| notes::described(&self.out, edges));
            match of.and_then(|of| per_atom.get_mut(of as usize)) {
                Some(edges) => edges.push(Edge {
                    offset: 0,
                    to: EdgeTarget::Atom(atom),
                    addend: 0,
                    kind: EdgeKind::Rule(KeepRule::LiveSupport),
                }),
                None => {
                    if let Some(a) = self.out.atoms.get_mut(atom as usize) {
                        a.keep = Some(KeepRule::Note);
                        self.out.kept.push(atom);
                    }
                }
            }
        }
    }
}
