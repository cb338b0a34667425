//! Exports that nobody asked for: what one library of the run needs from another.

use std::collections::BTreeSet;

use super::graph::NameId;
use super::making::Making;
use super::reach::Reached;
use crate::error::{Code, Diagnostic, Result};
use crate::format;
use crate::input::LibraryId;

impl Making<'_, '_> {
    /// What one library needs from outside and another defines stays visible: they link together
    /// today. Gives the libraries that export more now.
    pub(super) fn implicit_exports(
        &mut self,
        reached: &[Reached],
        needs: &[Reached],
    ) -> Result<Vec<usize>> {
        let mut grown = Vec::new();
        for (user, (r, n)) in reached.iter().zip(needs).enumerate() {
            let mut names = r.externals();
            names.extend(n.externals());
            names.extend(self.all_needs_elsewhere(user));
            self.provide(user, names, &mut grown);
        }
        let mut followed = BTreeSet::new();
        loop {
            let fresh = self.needs_of_wanted(&mut followed)?;
            if fresh.is_empty() {
                break;
            }
            for (user, names) in fresh {
                self.provide(user, names, &mut grown);
            }
        }
        grown.sort_unstable();
        grown.dedup();
        Ok(grown)
    }

    /// Finds who has what `user` needs from outside; libraries that export more for it are added to `grown`.
    fn provide(&mut self, user: usize, names: Vec<NameId>, grown: &mut Vec<usize>) {
        let format = self.inputs.format();
        for name in names {
            let all = 0..self.offers.len();
            if self.contested.is(LibraryId(user as u32), name) {
                // Its own definition serves it; else another's member does, by name.
                if self.offers[user].definer(name).is_none() {
                    let other = all
                        .clone()
                        .find_map(|l| Some((l, self.offers[l].definer(name)?)));
                    if let Some((l, object)) = other {
                        self.wanted[l].insert(object);
                    }
                }
                continue;
            }
            // Its own import serves it.
            let own = self.offers[user].definer(name);
            if own.is_some_and(|o| self.graph.is_verbatim(o)) {
                continue;
            }
            let defines = |l: usize, name| {
                let object = self.offers[l].definer(name);
                object.is_some_and(|o| !self.graph.is_verbatim(o))
            };
            let imported = all.clone().any(|l| self.offers[l].definer(name).is_some());
            let mut owner = all.clone().find(|&l| l != user && defines(l, name));
            let mut name = name;
            // The linker makes the pointer to what is linked anyway, by its name.
            let target = format::import_target(format, self.graph.name(name))
                .and_then(|target| self.graph.find_name(target));
            if let Some(target) = target {
                let linked = self.resolutions[user].definition(target);
                let own = linked.is_some_and(|site| !self.graph.is_verbatim(site.object));
                if own || !imported {
                    name = target;
                    owner = Some(user)
                        .filter(|&l| own || defines(l, name))
                        .or_else(|| all.clone().find(|&l| defines(l, name)));
                }
            }
            let Some(owner) = owner else { continue };
            if self.exports[owner].contains(&name) {
                continue;
            }
            self.exports[owner].push(name);
            grown.push(owner);
            self.warnings.push(
                Diagnostic::new(
                    Code::ImplicitExport,
                    format!(
                        "stays visible because {} needs it from outside",
                        self.inputs.libraries[user].name
                    ),
                )
                .file(self.inputs.libraries[owner].path)
                .symbol(self.graph.name(name))
                .hint("list it among the plugin's exports, or give it another name"),
            );
        }
    }
}
