//! Vague names that bring along what runs: an explicit instantiation of a template, in a member with a constructor.
//!
//! Where a program has such a name itself, a linker does not pull the member, and its constructor does not run. Only
//! the final linker knows: where members ask for the name without defining it, it is contested. Where the member and
//! all that it pulls does no more than serve references, a copy of the program's makes no difference. Libraries that
//! export such names themselves keep them, and it is said.

use foldhash::{HashSet, HashSetExt};
use rayon::prelude::*;

use super::blocks::Pulls;
use super::graph::{NameId, ObjectId};
use super::making::Making;
use super::meeting::join_groups;
use crate::error::{Code, Diagnostic};
use crate::format::GlobalKind;

impl Making<'_, '_> {
    /// Contests them: false where there are none. What is not mended is told to `warnings`.
    pub(super) fn contest_brought(&mut self, warnings: &mut Vec<Diagnostic>) -> bool {
        let libraries = (0..self.offers.len()).into_par_iter();
        let found: Vec<Vec<NameId>> = libraries.map(|l| self.brought_names(l)).collect();
        let mut names: HashSet<NameId> = HashSet::new();
        for (l, found) in found.into_iter().enumerate() {
            match found.first() {
                Some(&first) if self.exports_copies(l) => {
                    warnings.extend(self.brought_along(l, first, found.len()));
                }
                _ => names.extend(found),
            }
        }
        join_groups(&self.graph, &self.resolutions, &mut names);
        let any = !names.is_empty();
        if any {
            let names = names.into_iter();
            self.contested
                .extend(&self.graph, &self.offers, self.rules, names);
        }
        any
    }

    /// Is an export of the library an inline function, or an instance of a template?
    fn exports_copies(&self, l: usize) -> bool {
        let vague = |name| {
            let site = self.resolutions.get(l)?.definition(name)?;
            let globals = &self.graph.globals[site.object.index()];
            Some(globals.get(site.position as usize)?.kind == GlobalKind::Vague)
        };
        let mut exports = self.exports[l].iter();
        exports.any(|&name| vague(name).unwrap_or(false))
    }

    fn brought_along(&self, l: usize, name: NameId, count: usize) -> Option<Diagnostic> {
        let whole = self.resolutions.get(l)?;
        let site = whole.definition(name)?;
        let member = self
            .inputs
            .member(self.graph.member_of[site.object.index()]);
        let others = match count {
            1 => String::new(),
            n => format!(", and so do the members of {} more", n - 1),
        };
        let what = format!(
            "the member that instantiates this name brings along what runs by itself{others}: it also runs where \
             the program has the name itself, and a linker would not pull the member"
        );
        let warning = Diagnostic::new(Code::ConstructorBrought, what);
        Some(
            warning
                .file(self.inputs.library(whole.library).path)
                .member(member.name)
                .symbol(self.graph.name(name))
                .hint("export functions that are neither inline nor instances of templates"),
        )
    }

    /// Those of a library that are not contested yet.
    fn brought_names(&self, l: usize) -> Vec<NameId> {
        let (Some(whole), Some(offer)) = (self.resolutions.get(l), self.offers.get(l)) else {
            return Vec::new();
        };
        let library = whole.library;
        let mut seen: HashSet<NameId> = HashSet::new();
        let mut asked: Vec<(NameId, ObjectId)> = Vec::new();
        for pulled in &whole.pulled {
            let globals = self.graph.globals[pulled.object.index()].iter();
            for global in globals.filter(|g| g.kind.pulls(self.graph.format)) {
                let Some(site) = whole.definition(global.name) else {
                    continue;
                };
                let there = &self.graph.globals[site.object.index()][site.position as usize];
                // Nobody else defines Rust's names.
                let rust = self.graph.is_rust(site.object);
                if there.kind == GlobalKind::Vague && !rust && seen.insert(global.name) {
                    asked.push((global.name, site.object));
                }
            }
        }
        asked.retain(|&(name, _)| {
            !self.contested.is(library, name) && !self.rules.isolates(self.graph.name(name))
        });
        if asked.is_empty() {
            return Vec::new();
        }
        let pulls = Pulls::new(&self.graph, offer, whole, |_| true);
        let mut loud = vec![0u64; pulls.count];
        for object in whole.pulled.iter().map(|p| p.object) {
            let mut contested = self.contested.defined_by(&self.graph, library, object);
            if let Some(component) = pulls.component_of(object)
                && (contested.next().is_some() || self.is_loud(library, object))
            {
                loud[component] = 1;
            }
        }
        pulls.spread(1, &mut loud);
        let is_loud = |object| pulls.component_of(object).is_some_and(|c| loud[c] == 1);
        let brought = asked.into_iter().filter(|&(_, object)| is_loud(object));
        brought.map(|(name, _)| name).collect()
    }
}
