//! The libraries of one request together: target, shared members, externals, explanations.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::providers::provider;
use super::survey::{LibrarySurvey, MemberSurvey};
use super::target;
use crate::analysis::identity::members::MemberClasses;
use crate::error::demangled;
use crate::format::{Format, GlobalKind, Machine, MemberKind};
use crate::input::{Inputs, MemberId};
use crate::protocol::inspection::{
    Environment, Explanation, External, Place, Provider, ProviderKind, Sharing, TargetInfo,
};

/// How many places of a symbol are listed.
const PLACES: usize = 6;

/// The libraries given, surveyed.
pub struct Set<'a, 'd> {
    pub inputs: &'a Inputs<'d>,
    pub members: &'a [MemberSurvey<'d>],
    pub surveys: &'a [LibrarySurvey<'d>],
}

impl Set<'_, '_> {
    /// What the libraries are for: as said, else as their symbols tell.
    pub fn target(&self, said: &[Environment]) -> TargetInfo {
        let mut kinds: BTreeMap<(Format, Machine), usize> = BTreeMap::new();
        for member in &self.inputs.members {
            if let MemberKind::Object(format, machine) = member.kind {
                *kinds.entry((format, machine)).or_default() += 1;
            }
        }
        let (format, machine) = kinds
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map_or((Format::Elf, Machine::Other(0)), |(kind, _)| kind);
        let is_lib = self
            .inputs
            .libraries
            .iter()
            .any(|l| l.path.extension() == Some("lib"));
        let mut found = target::detect(format, machine, is_lib, |symbol| {
            let name = symbol.as_bytes();
            self.surveys
                .iter()
                .any(|s| s.needed.contains_key(name) || s.defined.contains_key(name))
        });
        found.environment = target::chosen(said, found.environment);
        if !said.is_empty() {
            "given".clone_into(&mut found.known_by);
        }
        found
    }

    /// Members that more than one library holds, with the first of their kind.
    pub fn shared(&self) -> HashMap<usize, usize> {
        let classes = MemberClasses::new(self.inputs);
        let ids = || (0..self.inputs.members.len() as u32).map(MemberId);
        let mut several = vec![false; classes.len()];
        for id in ids() {
            let class = classes.class(id) as usize;
            let first = classes.representatives.get(class);
            let elsewhere = first.is_some_and(|first| {
                self.inputs.member(*first).library != self.inputs.member(id).library
            });
            if let Some(several) = several.get_mut(class) {
                *several |= elsewhere;
            }
        }
        ids()
            .filter_map(|id| {
                let class = classes.class(id) as usize;
                let first = classes.representatives.get(class)?;
                several.get(class)?.then_some((id.index(), first.index()))
            })
            .collect()
    }

    pub fn sharing(&self, shared: &HashMap<usize, usize>) -> Sharing {
        let mut sharing = Sharing::default();
        for (index, member) in self.inputs.members.iter().enumerate() {
            let bytes = member.data.len() as u64;
            match shared.get(&index) {
                None => sharing.unique += bytes,
                Some(first) => {
                    sharing.shared_copies += bytes;
                    if *first == index {
                        sharing.shared_once += bytes;
                    }
                }
            }
        }
        sharing
    }

    /// What the libraries need from elsewhere, and who has it.
    pub fn externals(&self, environment: Environment) -> Vec<External> {
        let mut by_name: BTreeMap<&[u8], External> = BTreeMap::new();
        for (library, survey) in self.inputs.libraries.iter().zip(self.surveys) {
            for (name, need) in &survey.needed {
                let external = by_name.entry(name).or_insert_with(|| {
                    let symbol = String::from_utf8_lossy(name).into_owned();
                    External {
                        demangled: demangled(&symbol),
                        weak: true,
                        needed_by: Vec::new(),
                        krate: need.krate.to_owned(),
                        provider: self.provider(environment, name, &symbol),
                        symbol,
                    }
                });
                external.weak &= need.weak;
                // Slices of one library are one.
                if !external.needed_by.contains(&library.name) {
                    external.needed_by.push(library.name.clone());
                }
            }
        }
        let mut externals: Vec<External> = by_name.into_values().collect();
        for external in &mut externals {
            if external.weak && external.provider.kind == ProviderKind::Unknown {
                "every reference is weak: the code looks whether it is there and does without; a newer \
                 C library may have it"
                    .clone_into(&mut external.provider.why);
            }
        }
        externals
    }

    fn provider(&self, environment: Environment, name: &[u8], symbol: &str) -> Provider {
        let given = self
            .inputs
            .libraries
            .iter()
            .zip(self.surveys)
            .find(|(_, survey)| survey.defined.contains_key(name));
        match given {
            Some((library, _)) => Provider::given_library(&library.name),
            None => provider(environment, symbol),
        }
    }

    /// Where the libraries define and need a symbol; definitions first.
    fn places(&self, symbol: &str) -> Vec<Place> {
        let names = [symbol.to_owned(), format!("_{symbol}")];
        let mut places: Vec<(bool, Place)> = Vec::new();
        for (index, survey) in self.members.iter().enumerate() {
            for global in &survey.globals {
                if !names.iter().any(|n| n.as_bytes() == global.name) {
                    continue;
                }
                let Some(member) = self.inputs.members.get(index) else {
                    continue;
                };
                let how = match global.kind {
                    GlobalKind::Defined if !global.visibility.is_outside() => "defined, hidden",
                    GlobalKind::Defined => "defined",
                    GlobalKind::WeakDefined | GlobalKind::Vague => "weakly defined",
                    GlobalKind::Common => "common",
                    GlobalKind::Undefined => "needed",
                    GlobalKind::WeakUndefined => "weakly needed",
                };
                places.push((
                    !global.kind.is_definition(),
                    Place {
                        library: self.inputs.library(member.library).name.clone(),
                        member: String::from_utf8_lossy(member.name).into_owned(),
                        how: how.to_owned(),
                    },
                ));
            }
        }
        places.sort_by_key(|(need, _)| *need);
        places.truncate(PLACES);
        places.into_iter().map(|(_, place)| place).collect()
    }
}

/// Explains each symbol in each environment. Without libraries, environments that know nothing of
/// a symbol are left out where another does.
pub fn explain(
    symbols: &[String],
    environments: &[Environment],
    set: Option<&Set<'_, '_>>,
) -> Vec<Explanation> {
    let mut explanations = Vec::new();
    for symbol in symbols {
        let mut of_symbol: Vec<Explanation> = environments
            .iter()
            .map(|&environment| Explanation {
                symbol: symbol.clone(),
                demangled: demangled(symbol),
                environment,
                provider: match set {
                    Some(set) => set.provider(environment, symbol.as_bytes(), symbol),
                    None => provider(environment, symbol),
                },
                places: set.map(|set| set.places(symbol)).unwrap_or_default(),
            })
            .collect();
        let at_home = |e: &Explanation| {
            !matches!(
                e.provider.kind,
                ProviderKind::Unknown | ProviderKind::Foreign
            )
        };
        if of_symbol.iter().any(at_home) {
            of_symbol.retain(at_home);
        } else {
            of_symbol.truncate(1);
        }
        explanations.append(&mut of_symbol);
    }
    explanations
}
