//! Which groups are copied into an object that refers to them, so that it has what its members had.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::groups;
use super::partition::{Partition, SetId, sort, targets};
use crate::analysis::Analysis;
use crate::analysis::identity::atoms::ClassId;

impl Partition {
    /// What each object refers to, and its root set exports, of groups that stand elsewhere, to the end.
    pub(super) fn find_copies(&mut self, analysis: &Analysis<'_>) {
        if !self.grouped.contains(&true) {
            return;
        }
        let mut exported: BTreeMap<SetId, BTreeSet<ClassId>> = BTreeMap::new();
        for (s, exports) in self.exports_of_set.iter().enumerate() {
            if let Some(own) = self.own_of(s) {
                let all = exports.iter().map(|&e| self.exports[e as usize].class);
                let all = all.filter(|&c| self.set_of[c.index()] != own && self.is_copied(c, s));
                exported.entry(own).or_default().extend(all);
            }
        }
        // What brings constructors along defines no other root set's exports that its members only ask for.
        let owner_of: HashMap<SetId, usize> = (0..self.own.len())
            .filter(|&s| self.brings(analysis, s))
            .filter_map(|s| Some((self.own_of(s)?, s)))
            .collect();
        let mut defined = HashMap::default();
        for set in 0..self.classes.len() {
            let mut copies = exported.remove(&SetId(set as u32)).unwrap_or_default();
            let mut waiting = self.classes[set].clone();
            waiting.extend(&copies);
            let bringing = owner_of.get(&SetId(set as u32)).copied();
            let mut of_others = |from: ClassId, to: ClassId| {
                let exports = self.exports_of.get(&to).into_iter().flatten();
                let mut exports = exports.map(|&e| self.exports[e as usize].set).peekable();
                exports.peek().is_some()
                    && bringing.is_some_and(|s| exports.all(|other| other != s))
                    && groups::asks_for(analysis, from, to, &mut defined)
            };
            while let Some(class) = waiting.pop() {
                for to in targets(analysis, class) {
                    if self.grouped[to.index()]
                        && self.set_of[to.index()].index() != set
                        && !of_others(class, to)
                        && copies.insert(to)
                    {
                        waiting.push(to);
                    }
                }
            }
            let mut copies: Vec<ClassId> = copies.into_iter().collect();
            sort(analysis, &mut copies);
            self.copies[set] = copies;
        }
    }
}
