//! Where each reference of a written atom and of its unwind entries leads.

use super::Checked;
use super::written::{At, Delta, Led, Read, Window, has_header, in_place, window_delta, word};
use crate::analysis::graph::NameId;
use crate::analysis::reach::{Node, Target};
use crate::format;
use crate::format::GlobalKind;
use crate::format::model::{
    Binding, Definition, Edge, EdgeKind, EdgeTarget, FilePlace, Symbol, SymbolKind, Visibility,
};
use crate::format::output::is_crossing_name;

impl<'w> Checked<'_, '_, '_, 'w, '_> {
    /// References of one atom, and the bytes between them.
    pub(super) fn references(
        &self,
        window: &Window<'_, 'w, '_>,
        s: usize,
        node: Node,
        expected: &[(&Edge, Target)],
    ) -> Result<(), String> {
        let mut used = vec![false; window.written.len()];
        let mut may_differ: Vec<(u64, u64)> = Vec::new();
        for (edge, target) in expected {
            let EdgeKind::Relocation(kind) = edge.kind else {
                continue;
            };
            let same = window.find(&used, edge.offset, |e| {
                e.offset - window.from == edge.offset && e.kind == edge.kind
            });
            let field = format::field(window.read.kind, kind);
            let width = field.map_or(4, |f| f.width as u64);
            if let Some(at) = same {
                used[at] = true;
                let delta = window.delta(edge, window.written[at], field.map(|f| f.width))?;
                if delta.in_contents {
                    may_differ.push((edge.offset, edge.offset.saturating_add(width)));
                }
                self.leads(
                    window.read,
                    s,
                    node,
                    edge,
                    window.written[at],
                    *target,
                    delta,
                )
                .map_err(|e| format!("{e} at {:#x}", edge.offset))?;
                continue;
            }
            may_differ.push((
                edge.offset.saturating_sub(3),
                edge.offset.saturating_add(width.max(4) + 1),
            ));
            // A relocation that needed a table and needs it no more, near the old place.
            let direct = |e: &Edge| match e.kind {
                EdgeKind::Relocation(new) => format::field(window.read.kind, new).is_some(),
                EdgeKind::Rule(_) => false,
            };
            let table = format::is_table_access(window.read.kind, kind);
            let near = window.find(&used, edge.offset, |e| {
                let at = e.offset.wrapping_sub(window.from);
                table && at.abs_diff(edge.offset) <= 1 && direct(e)
            });
            if let Some(at) = near {
                used[at] = true;
                let delta = Delta::of(window.written[at].addend.wrapping_sub(edge.addend));
                self.leads(
                    window.read,
                    s,
                    node,
                    edge,
                    window.written[at],
                    *target,
                    delta,
                )
                .map_err(|e| format!("{e} at {:#x}, made direct", edge.offset))?;
                continue;
            }
            self.settled(window, s, edge, *target, field)
                .map_err(|e| format!("{e} at {:#x}", edge.offset))?;
        }
        // Where an empty atom stands begins another, which may have references there.
        let own = |e: &Edge| e.offset.wrapping_sub(window.from) < window.size;
        let mut written = window.written.iter().zip(&used);
        let kind = window.read.kind;
        let changes = |e: &Edge| match e.kind {
            EdgeKind::Relocation(relocation) => !format::only_keeps(kind, relocation),
            EdgeKind::Rule(_) => true,
        };
        if written.any(|(e, used)| !used && own(e) && changes(e)) {
            return Err("a reference that was not there before".to_owned());
        }
        may_differ.sort_unstable();
        let (mut ranges, mut end) = (may_differ.into_iter().peekable(), 0);
        // Asked in ascending order.
        let mut differ = |at: u64| {
            while let Some((_, b)) = ranges.next_if(|&(a, _)| a <= at) {
                end = end.max(b);
            }
            at >= end
        };
        let mismatch = window.old.iter().zip(window.new).enumerate();
        let mismatch = mismatch
            .filter(|(_, (a, b))| a != b)
            .map(|(at, _)| at as u64);
        match mismatch.into_iter().find(|&at| differ(at)) {
            Some(at) => Err(format!("other bytes at {at:#x}")),
            None => Ok(()),
        }
    }

    /// Does the member of the node define the name, so that an entry for it would pull another's that comes first?
    fn is_told_by_its_member(&self, node: Node, name: NameId) -> bool {
        let analysis = self.proof.analysis;
        let contested = &analysis.contested;
        GlobalKind::WeakUndefined.pulls(analysis.format)
            && analysis.is_own(node.object, name)
            && !contested.is_alike(node.object)
            && !contested.is_runtime(name)
            && analysis.commons.iter().all(|c| !c.contains_key(&name))
    }

    /// Where a written edge leads.
    fn follow(&self, read: &Read<'w, '_>, edge: &Edge) -> Led<'w> {
        let symbol = match edge.to {
            EdgeTarget::Atom(a) => {
                return match read.file.atoms.get(a as usize) {
                    Some(a) => Led::At((read.id, a.at)),
                    None => Led::Nothing,
                };
            }
            EdgeTarget::Symbol(_) => match read.symbol(edge.to) {
                Some(s) => s,
                None => return Led::Nothing,
            },
        };
        match symbol.definition {
            Definition::Atom { .. } => {
                let Some(place) = read.place_of_definition(symbol.definition) else {
                    return Led::Nothing;
                };
                let at = (read.id, place);
                if symbol.binding == Binding::Local || is_crossing_name(symbol.name) {
                    Led::At(at)
                } else {
                    Led::Name(symbol.name, Some(at))
                }
            }
            Definition::Absolute(value) if symbol.binding == Binding::Local => Led::Value(value),
            Definition::Absolute(_) | Definition::Common { .. } => Led::Name(symbol.name, None),
            Definition::Undefined if symbol.name.is_empty() => Led::Nothing,
            Definition::Undefined if is_crossing_name(symbol.name) => {
                match self.definers.get(symbol.name).map(Vec::as_slice) {
                    Some([(at, _)]) => Led::At(*at),
                    _ => Led::Nothing,
                }
            }
            Definition::Undefined => Led::Name(symbol.name, None),
            Definition::Dropped => Led::Nothing,
        }
    }

    /// Do the atoms that begin at these places hold the same, and lead to the same or, `deeper`, to what
    /// does so?
    pub(super) fn are_alike(&self, a: At, b: At, deeper: bool) -> bool {
        let find = |(id, place): At| {
            let read = self.objects.iter().find(|r| r.id == id)?;
            let (atom, from) = read.atom_at(place)?;
            (from == 0).then_some((read, atom))
        };
        let Some(((of_a, a), (of_b, b))) = find(a).zip(find(b)) else {
            return false;
        };
        let bytes = |read: &Read<'w, '_>, atom| {
            let atom = &read.file.atoms[atom as usize];
            // What is behind an atom fills up to the next.
            let end = atom.data.iter().rposition(|&byte| byte != 0);
            (
                atom.zero_fill,
                atom.data[..end.map_or(0, |at| at + 1)].to_vec(),
            )
        };
        let same = |(x, y): (&Edge, &Edge)| {
            let (to_x, to_y) = (self.follow(of_a, x), self.follow(of_b, y));
            let further = match (&to_x, &to_y) {
                (Led::At(x), Led::At(y)) => deeper && self.are_alike(*x, *y, false),
                _ => false,
            };
            (x.offset, x.kind, x.addend) == (y.offset, y.kind, y.addend)
                && (to_x == to_y || further)
        };
        let (edges_a, edges_b) = (of_a.file.edges_of(a), of_b.file.edges_of(b));
        bytes(of_a, a) == bytes(of_b, b)
            && edges_a.len() == edges_b.len()
            && edges_a.iter().zip(edges_b).all(same)
    }

    /// Does the written edge lead where reach said? `delta` is what the written addend has more.
    #[allow(clippy::too_many_arguments)]
    fn leads(
        &self,
        read: &Read<'w, '_>,
        s: usize,
        node: Node,
        edge: &Edge,
        written: &Edge,
        target: Target,
        delta: Delta,
    ) -> Result<(), String> {
        let led = self.follow(read, written);
        let graph = &self.proof.analysis.graph;
        let symbol = read.symbol(written.to);
        let kind = symbol.map_or(SymbolKind::NoType, |s| s.kind);
        let unchanged = || match delta.value {
            0 => Ok(()),
            _ => Err("a reference with another addend".to_owned()),
        };
        match target {
            Target::Node {
                node: to,
                offset,
                kind: wanted,
            } => {
                let class = self.proof.analysis.classes.class_of[s][to as usize];
                // A number of a section: any symbol there will do.
                let of_section = match edge.kind {
                    EdgeKind::Relocation(kind) => format::is_section_number(read.kind, kind),
                    EdgeKind::Rule(_) => false,
                };
                let found = match &led {
                    Led::At(at) => vec![*at],
                    // By the name of an export or of a group that stays one.
                    Led::Name(name, own) => {
                        unchanged()?;
                        let all = self.definers.get(name).into_iter().flatten();
                        own.iter().copied().chain(all.map(|(at, _)| *at)).collect()
                    }
                    Led::Value(_) | Led::Nothing => Vec::new(),
                };
                let right = found.iter().any(|&(object, place)| {
                    self.places
                        .get(&class)
                        .into_iter()
                        .flatten()
                        .any(|&(o, p)| {
                            if of_section && (o, p.section) == (object, place.section) {
                                return true;
                            }
                            let wanted = p.offset.wrapping_add(offset);
                            let found = place.offset.wrapping_add(delta.value as u64);
                            (o, p.section) == (object, place.section) && delta.equal(found, wanted)
                        })
                });
                if !right {
                    return Err("a reference leads elsewhere".to_owned());
                }
                let analysis = self.proof.analysis;
                let partition = self.proof.partition;
                let alias = partition.alias(analysis, node.object, edge.to, class, offset);
                let seen = |s: &Symbol<'_>| {
                    s.binding != Binding::Local && s.visibility == Visibility::Default
                };
                if alias.is_some() && !symbol.is_some_and(seen) {
                    return Err("a reference misses the copy that a program may have".to_owned());
                }
                self.kind_is_right(wanted, kind, symbol)
            }
            Target::Vague { name, .. }
            | Target::External { name, .. }
            | Target::Either { name, .. }
            | Target::Fallback { name, .. } => {
                let name_of = graph.name(name);
                if !matches!(led, Led::Name(n, _) if n == name_of) {
                    return Err("a reference by name has another name".to_owned());
                }
                unchanged()?;
                let weak = matches!(target, Target::External { weak: true, .. })
                    || self.proof.analysis.comes_anyway(s, node.object, name);
                let said = symbol.is_some_and(|s| s.binding == Binding::Weak);
                let undefined = symbol.is_some_and(|s| s.definition == Definition::Undefined);
                let stands = matches!(target, Target::Fallback { .. } | Target::Either { .. });
                if undefined && said && !weak && !stands {
                    return Err("a strong reference became weak".to_owned());
                }
                if undefined && self.is_told_by_its_member(node, name) {
                    return Err("what a member defines itself is looked for".to_owned());
                }
                if let Some(EdgeTarget::Symbol(own)) = Some(edge.to)
                    && let Some(own) = graph.file(node.object).symbols.get(own as usize)
                    && (own.kind == SymbolKind::Tls) != (kind == SymbolKind::Tls)
                    && kind != SymbolKind::NoType
                    && own.kind != SymbolKind::NoType
                {
                    return Err(
                        "a reference to something thread-local that is not, or the reverse"
                            .to_owned(),
                    );
                }
                self.common_is_right(s, name, symbol)
            }
            Target::Bound(name) => match led {
                Led::Name(n, _)
                    if format::is_bound_of(self.proof.analysis.format, graph.name(name), n) =>
                {
                    unchanged()
                }
                _ => Err("the bound of a table has another name".to_owned()),
            },
            Target::Absolute(value) => match led {
                Led::Value(v) if delta.equal(v.wrapping_add(delta.value as u64), value) => Ok(()),
                Led::Name(..) => unchanged(),
                _ => Err("a number became another".to_owned()),
            },
            Target::Void => match led {
                Led::Nothing | Led::Value(0) => Ok(()),
                _ => Err("a reference to nothing leads somewhere".to_owned()),
            },
        }
    }

    /// What is chosen at load time, or thread-local, is named by a symbol of that kind.
    fn kind_is_right(
        &self,
        wanted: SymbolKind,
        kind: SymbolKind,
        symbol: Option<&Symbol<'_>>,
    ) -> Result<(), String> {
        let crossing = symbol.is_some_and(|s| s.definition == Definition::Undefined);
        let kind = match symbol {
            Some(s) if crossing => {
                let definers = self.definers.get(s.name).map_or(&[][..], Vec::as_slice);
                definers.first().map_or(kind, |(_, k)| *k)
            }
            _ => kind,
        };
        for special in [SymbolKind::IndirectFunction, SymbolKind::Tls] {
            let plain = matches!(kind, SymbolKind::NoType | SymbolKind::Section);
            let is_tls_section = special == SymbolKind::Tls && plain;
            if (wanted == special) != (kind == special) && !is_tls_section {
                return Err("a reference names a symbol of another kind".to_owned());
            }
        }
        Ok(())
    }

    /// A common of the library is one in the output, and as large and aligned.
    fn common_is_right(
        &self,
        s: usize,
        name: NameId,
        symbol: Option<&Symbol<'_>>,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let libraries = &analysis.sets[s].libraries;
        let common = libraries
            .iter()
            .find_map(|l| analysis.commons[l.index()].get(&name));
        let (Some(common), Some(symbol)) = (common, symbol) else {
            return Ok(());
        };
        match symbol.definition {
            Definition::Common { align } if symbol.size >= common.size && align >= common.align => {
                Ok(())
            }
            Definition::Atom { .. } => Ok(()),
            _ => Err("a common symbol is smaller, less aligned, or none".to_owned()),
        }
    }

    /// A reference whose relocation is gone: its value must stand in the contents.
    fn settled(
        &self,
        window: &Window<'_, 'w, '_>,
        s: usize,
        edge: &Edge,
        target: Target,
        field: Option<format::Field>,
    ) -> Result<(), String> {
        let Target::Node { node, offset, kind } = target else {
            return match target {
                Target::Void => Ok(()),
                _ => Err("a relocation is missing".to_owned()),
            };
        };
        if matches!(kind, SymbolKind::IndirectFunction | SymbolKind::Tls) {
            return Err("a relocation is missing".to_owned());
        }
        let class = self.proof.analysis.classes.class_of[s][node as usize];
        let behind = field.and_then(|f| f.behind).unwrap_or(0);
        let places = self.places.get(&class).into_iter().flatten();
        for &(_, to) in
            places.filter(|(o, p)| *o == window.read.id && p.section == window.at.section)
        {
            // A call through a table that became direct may stand one byte before.
            for at in [edge.offset, edge.offset.wrapping_sub(1)] {
                let here = window.at.offset.wrapping_add(at);
                let distance = to.offset.wrapping_add(offset).wrapping_sub(here);
                let value = distance.wrapping_add(edge.addend as u64);
                let (old, new) = (word(window.old, at), word(window.new, at));
                let Some(new) = new else { continue };
                let in_place = old
                    .unwrap_or(0)
                    .wrapping_add(value as u32)
                    .wrapping_sub(behind as u32);
                if new == value as u32 || new == in_place {
                    return Ok(());
                }
            }
        }
        Err("a relocation is missing, and its place does not hold the value".to_owned())
    }

    /// Each function's unwind entries are there, with what they name.
    pub(super) fn unwind(
        &self,
        read: &Read<'w, '_>,
        place: FilePlace,
        s: usize,
        n: u32,
        node: Node,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let file = analysis.graph.file(node.object);
        let edges = file.edges_of(node.atom).len();
        let mut targets = analysis.reached[s]
            .targets_of(n)
            .iter()
            .copied()
            .skip(edges);
        for entry in file.unwind_of(node.atom) {
            let header = &file.unwind_headers[entry.header as usize];
            let own: Vec<Target> = targets.by_ref().take(entry.edges.len()).collect();
            let shared: Vec<Target> = targets.by_ref().take(header.edges.len()).collect();
            let (Some(first), Some(Target::Node { offset, .. })) =
                (entry.edges.first(), own.first())
            else {
                continue;
            };
            let begin = FilePlace {
                offset: place
                    .offset
                    .wrapping_add(*offset)
                    .wrapping_add(first.addend as u64)
                    .wrapping_add(in_place(read.kind, &entry.bytes, first)),
                ..place
            };
            let there = read
                .unwind
                .get(&(begin, has_header(file, entry)))
                .and_then(|&i| read.file.unwind.get(i));
            let Some(there) = there else {
                return Err("a function has lost its unwind entry".to_owned());
            };
            let there_header = &read.file.unwind_headers[there.header as usize];
            let pairs = [
                (&entry.edges, own, &there.edges),
                (&header.edges, shared, &there_header.edges),
            ];
            for (old, targets, new) in pairs {
                if old.len() != new.len() {
                    return Err("an unwind entry with other references".to_owned());
                }
                let mut old: Vec<(&Edge, Target)> = old.iter().zip(targets).collect();
                old.sort_by_key(|(e, _)| e.offset);
                for ((edge, target), written) in old.into_iter().zip(new) {
                    let addend = written.addend.wrapping_sub(edge.addend);
                    // Where addends stand in the contents, the record's own bytes hold them.
                    let delta = match window_delta(&entry.bytes, &there.bytes, edge, written) {
                        Some(more) => Delta {
                            value: more,
                            in_contents: true,
                        },
                        None => Delta::of(addend),
                    };
                    self.leads(read, s, node, edge, written, target, delta)
                        .map_err(|e| format!("unwind entry: {e}"))?;
                }
            }
        }
        Ok(())
    }
}
