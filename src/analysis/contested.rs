//! Names that are made to meet: what one library says of them, another, or the program, may say too.
//!
//! Weak definitions, weak references that somebody else's definition serves, commons, runtime names, and
//! names that one library defines several times (each for other exports). They are left to the final
//! linker, which alone sees all of them: references go by name, and each definition stands in a member
//! of its own, pulled when what was its member would have been. Two strong definitions of different
//! libraries are not meant to meet: each library keeps its own.

use std::collections::{HashMap, HashSet};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::twins::Twins;
use crate::analysis::resolve::Offer;
use crate::analysis::runtime_names::{is_for_debuggers, is_intrinsic, keeps_its_name};
use crate::exports::NameRules;
use crate::format::model::{AtomIndex, Binding, Visibility};
use crate::format::{self, Format, GlobalKind, Wish};
use crate::input::LibraryId;

/// What libraries say of a name.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// Some library defines it weakly (and not as one of many equal copies).
    weak: bool,
    common: bool,
    /// Some library defines it in several members, and not as equal copies.
    several: bool,
    /// Some member refers to it weakly and does not define it.
    weakly_needed: bool,
    /// How many libraries define it: 0, 1 or more.
    libraries: u8,
    /// Any definition but a vague one.
    defined: bool,
    vague: bool,
    /// Some object says that weak or missing names mean it, or the other way about.
    stands: bool,
    /// The linker is told so by this very name, once for the whole link.
    told: bool,
}

/// The contested names of a run.
#[derive(Debug, Default)]
pub struct Contested {
    /// By name: contested for all libraries.
    names: Vec<bool>,
    /// By name: a runtime name, which programs may take from any library.
    runtime: Vec<bool>,
    /// By name: what weak or missing names stand for; linkers take it by name.
    stands: Vec<bool>,
    /// By name: no other library of the run defines it.
    of_one_library: Vec<bool>,
    /// By name: some object refers to it weakly.
    weakly_needed: Vec<bool>,
    /// Strong definitions of several libraries, where each keeps its own.
    apart: HashSet<(LibraryId, NameId), foldhash::fast::FixedState>,
    /// Linkers of the GNU kind let an alias stand for a name in its own object alone (COFF weak externals):
    /// references say what the name stands for.
    pub local_aliases: bool,
    /// Objects all of whose contested names no other object defines.
    alike: HashSet<ObjectId, foldhash::fast::FixedState>,
    /// Objects that define what a program may define too: its definition pulls none of them.
    met: HashSet<ObjectId, foldhash::fast::FixedState>,
}

/// Is this definition more than one of many equal copies?
fn counts(kind: GlobalKind) -> bool {
    matches!(
        kind,
        GlobalKind::Defined | GlobalKind::WeakDefined | GlobalKind::Common
    )
}

impl Contested {
    /// Finds them. `exports` are each library's; `rules` say which names each library shall keep for itself, and
    /// which stay by name whatever they are.
    #[must_use]
    pub fn new(
        graph: &Graph<'_>,
        twins: &Twins,
        format: Format,
        offers: &[Offer],
        exports: &[Vec<NameId>],
        rules: &NameRules,
    ) -> Self {
        let public = |name: &[u8]| rules.publishes(name);
        let count = graph.names.len();
        let mut exported: HashMap<NameId, u32> = HashMap::new();
        for &name in exports.iter().flatten() {
            *exported.entry(name).or_default() += 1;
        }
        let by_several = |name: NameId| exported.get(&name).is_some_and(|&n| n > 1);
        let mut said = vec![Said::default(); count];
        // The first strong definer of each name, and whether others differ.
        let mut strong: Vec<Option<ObjectId>> = vec![None; count];
        let mut strong_differs = vec![false; count];
        // Definitions within the library at hand: 0, 1 or more; and is any a copy?
        let mut own = vec![0u8; count];
        let mut copied = vec![false; count];
        for offer in offers {
            let mut touched: Vec<NameId> = Vec::new();
            let mut copies: Vec<NameId> = Vec::new();
            for &object in offer.objects() {
                // Rust's weak definitions are those helpers; elsewhere they are hidden.
                let helpers = graph.is_rust(object) && !format::has_visibility(format);
                for wish in &graph.wishes[object.index()] {
                    match *wish {
                        Wish::Alternate { of, instead } => {
                            said[of.index()].stands = true;
                            said[instead.index()].stands = true;
                            said[instead.index()].told = true;
                        }
                        Wish::Stands(name) => said[name.index()].stands |= !helpers,
                        Wish::Need(_) | Wish::Pull(_) => {}
                    }
                }
                for global in &graph.globals[object.index()] {
                    let at = global.name.index();
                    let said = &mut said[at];
                    if graph.is_rust(object) && is_for_debuggers(graph.name(global.name)) {
                        continue;
                    }
                    match global.kind {
                        GlobalKind::WeakUndefined => said.weakly_needed = true,
                        GlobalKind::WeakDefined => {
                            let hidden = global.visibility == Visibility::Hidden;
                            let rust = graph.is_rust(object);
                            let name = graph.name(global.name);
                            let helper = hidden && (rust || is_intrinsic(name));
                            said.weak |= !(helper || helpers);
                        }
                        GlobalKind::Common => said.common = true,
                        GlobalKind::Vague => {
                            said.vague = true;
                            copied[at] = true;
                            copies.push(global.name);
                        }
                        _ => {}
                    }
                    if !counts(global.kind) {
                        continue;
                    }
                    said.defined = true;
                    if own[at] == 0 {
                        touched.push(global.name);
                    }
                    own[at] = own[at].saturating_add(1);
                    if global.kind == GlobalKind::Defined {
                        // Which twin's it is makes no difference to what is exported.
                        let twin = twins.get(&object).filter(|_| by_several(global.name));
                        let object = twin.copied().unwrap_or(object);
                        match strong[at] {
                            None => strong[at] = Some(object),
                            Some(first) => strong_differs[at] |= first != object,
                        }
                    }
                }
            }
            for name in touched {
                let libraries = &mut said[name.index()].libraries;
                *libraries = libraries.saturating_add(1);
                let several = std::mem::take(&mut own[name.index()]) > 1 || copied[name.index()];
                said[name.index()].several |= several;
            }
            for name in copies {
                copied[name.index()] = false;
            }
        }
        // A vague definition is no runtime's (placement `new`).
        let keeps: Vec<bool> = graph
            .names
            .iter()
            .zip(&said)
            .map(|(name, said)| (said.defined || !said.vague) && keeps_its_name(format, name))
            .collect();
        let runtime: Vec<bool> = keeps
            .iter()
            .zip(&said)
            .map(|(&k, s)| k && s.defined)
            .collect();
        let names: Vec<bool> = (0..count)
            .map(|at| {
                let name = graph.names[at];
                let said = said[at];
                let runtime = keeps[at];
                let meets = said.weak
                    || said.common
                    || said.several
                    || (said.weakly_needed && (said.defined || said.vague))
                    || runtime
                    || (said.stands && said.defined)
                    // One object's definition that several libraries export.
                    || (said.defined
                        && !strong_differs[at]
                        && by_several(NameId(at as u32)))
                    || (said.defined && public(name));
                let fixed = said.told || runtime;
                meets && (fixed || !rules.isolates(name))
            })
            .collect();
        let mut contested = Self {
            names,
            runtime,
            stands: said.iter().map(|s| s.stands).collect(),
            of_one_library: said.iter().map(|s| s.libraries == 1).collect(),
            weakly_needed: said.iter().map(|s| s.weakly_needed).collect(),
            apart: HashSet::default(),
            local_aliases: false,
            alike: HashSet::default(),
            met: HashSet::default(),
        };
        // A name that directives speak of cannot be another in each library.
        for (differs, said) in strong_differs.iter_mut().zip(&said) {
            *differs &= !said.told;
        }
        contested.find_apart(graph, offers, &strong_differs);
        contested.find_alike(graph, offers);
        contested.find_met(graph, offers, &public);
        contested
    }

    /// Contests more names.
    pub(super) fn extend(
        &mut self,
        graph: &Graph<'_>,
        offers: &[Offer],
        rules: &NameRules,
        names: impl Iterator<Item = NameId>,
    ) {
        for name in names {
            if let Some(is) = self.names.get_mut(name.index()) {
                *is = true;
            }
        }
        self.alike.clear();
        self.find_alike(graph, offers);
        self.find_met(graph, offers, &|name| rules.publishes(name));
    }

    /// Where libraries define one name strongly and differ, each keeps its own, unless one of them
    /// defines it twice, or it is a runtime name.
    fn find_apart(&mut self, graph: &Graph<'_>, offers: &[Offer], strong_differs: &[bool]) {
        let mut definers: HashMap<NameId, Vec<(LibraryId, u32, u32)>> = HashMap::new();
        for offer in offers {
            let mut own: HashMap<NameId, (u32, u32)> = HashMap::new();
            for &object in offer.objects() {
                for global in &graph.globals[object.index()] {
                    let at = global.name.index();
                    if !self.names[at] || self.runtime[at] || !strong_differs[at] {
                        continue;
                    }
                    let counted = own.entry(global.name).or_default();
                    match global.kind {
                        GlobalKind::Defined => counted.0 += 1,
                        GlobalKind::WeakDefined | GlobalKind::Common => counted.1 += 1,
                        _ => {}
                    }
                }
            }
            for (name, (strong, other)) in own {
                let list = definers.entry(name).or_default();
                list.push((offer.library, strong, other));
            }
        }
        for (name, libraries) in definers {
            let strong = libraries.iter().filter(|(_, strong, _)| *strong > 0);
            if strong.count() < 2 {
                continue;
            }
            for (library, strong, other) in libraries {
                if strong == 1 && other == 0 {
                    self.apart.insert((library, name));
                }
            }
        }
    }

    /// Objects that several libraries hold and nobody contradicts: any library's copy will do.
    fn find_alike(&mut self, graph: &Graph<'_>, offers: &[Offer]) {
        let mut first: HashMap<NameId, ObjectId> = HashMap::new();
        let mut differs: HashSet<NameId> = HashSet::new();
        let mut with_names: Vec<ObjectId> = Vec::new();
        for offer in offers {
            for &object in offer.objects() {
                let mut any = false;
                for name in self.defined_by(graph, offer.library, object) {
                    any = true;
                    if *first.entry(name).or_insert(object) != object {
                        differs.insert(name);
                    }
                }
                if any {
                    with_names.push(object);
                }
            }
        }
        for object in with_names {
            let alike = graph.globals[object.index()]
                .iter()
                .filter(|g| g.kind.is_definition() && self.names[g.name.index()])
                .all(|g| !differs.contains(&g.name));
            if alike {
                self.alike.insert(object);
            }
        }
    }

    fn find_met(&mut self, graph: &Graph<'_>, offers: &[Offer], public: &dyn Fn(&[u8]) -> bool) {
        let is_public: Vec<bool> = (0..self.names.len())
            .map(|at| self.names[at] && public(graph.names[at]))
            .collect();
        if is_public.contains(&true) {
            let objects = offers.iter().flat_map(Offer::objects).copied();
            let met = objects.filter(|o| {
                let mut globals = graph.globals[o.index()].iter();
                globals.any(|g| g.kind.is_definition() && is_public[g.name.index()])
            });
            self.met = met.collect();
        }
    }

    /// Does whoever asks for a name that the object defines bring it along?
    #[must_use]
    pub fn comes_by_name(&self, object: ObjectId) -> bool {
        self.is_alike(object) && !self.met.contains(&object)
    }

    /// Is the name left to the final linker, for this library?
    #[must_use]
    pub fn is(&self, library: LibraryId, name: NameId) -> bool {
        self.names.get(name.index()).copied().unwrap_or(false)
            && (self.apart.is_empty() || !self.apart.contains(&(library, name)))
    }

    /// May programs take the name from any library that has it?
    #[must_use]
    pub fn is_runtime(&self, name: NameId) -> bool {
        self.runtime.get(name.index()).copied().unwrap_or(false)
    }

    /// Does something else stand for the name, or it for something else, by the linker's rules?
    #[must_use]
    pub fn stands(&self, name: NameId) -> bool {
        self.stands.get(name.index()).copied().unwrap_or(false)
    }

    /// Is there one library that defines the name?
    #[must_use]
    pub fn is_of_one_library(&self, name: NameId) -> bool {
        self.of_one_library
            .get(name.index())
            .copied()
            .unwrap_or(false)
    }

    /// Does some object refer to the name weakly, and not define it?
    #[must_use]
    pub fn is_weakly_needed(&self, name: NameId) -> bool {
        self.weakly_needed
            .get(name.index())
            .copied()
            .unwrap_or(false)
    }

    /// Does no other object define what this one says of contested names?
    #[must_use]
    pub fn is_alike(&self, object: ObjectId) -> bool {
        self.alike.contains(&object)
    }

    /// Is a member's own definition what its references to the name mean, whoever else defines it? Two strong ones
    /// cannot both be linked, unless libraries are to have one. Where nothing but the name says so, an undefined
    /// entry pulls another member's on the way.
    #[must_use]
    pub fn serves_itself(
        &self,
        graph: &Graph<'_>,
        object: ObjectId,
        atom: AtomIndex,
        binding: Binding,
        name: NameId,
    ) -> bool {
        let atom = graph.file(object).atoms.get(atom as usize);
        format::names_pull_anyway(graph.format)
            && binding == Binding::Global
            && atom.is_some_and(|a| a.group.is_none())
            && !self.is_runtime(name)
            && !self.stands(name)
            && !self.is_alike(object)
            && !self.met.contains(&object)
    }

    /// Contested names that the object defines, in symbol table order.
    pub fn defined_by<'a>(
        &'a self,
        graph: &'a Graph<'_>,
        library: LibraryId,
        object: ObjectId,
    ) -> impl Iterator<Item = NameId> + 'a {
        graph.globals[object.index()]
            .iter()
            .filter(move |g| g.kind.is_definition() && self.is(library, g.name))
            .map(|g| g.name)
    }
}
