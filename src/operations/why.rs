//! `why`: the shortest chain from an export to a symbol or section, by references and keep rules.

use super::combine::subject::Subject;
use crate::analysis::exports::{decoration, select_exports};
use crate::analysis::graph::NameId;
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::reach::{Cause, Node, Target};
use crate::analysis::{Analysis, Sharing};
use crate::error::{self, Code, Diagnostic, Result};
use crate::exports::{ExportRules, NameRules};
use crate::format::model::{Definition, SymbolKind};
use crate::input::{self, Inputs};
use crate::nearest;
use crate::protocol::asked::AsksExports as _;
use crate::protocol::event::Events;
use crate::protocol::request::WhyRequest;
use crate::protocol::response::{Response, WhyStep};

/// Carries out the request.
///
/// # Errors
/// `symbol-not-found` where nothing live has that name, saying whether something dead does; those of
/// reading and analysing the libraries.
pub fn run(request: &WhyRequest, events: &dyn Events) -> Result<Response> {
    let subject = Subject::find(
        &request.source,
        request.manifest.as_ref(),
        request.asked(),
        events,
    )?;
    let files = input::open_all(&subject.paths())?;
    let inputs = Inputs::read(&files)?;
    input::check_one_format(&inputs)?;
    let rules = ExportRules::new(subject.manifest.as_ref(), request.asked());
    let exports = select_exports(&inputs, &subject.plugins, &rules)?.exports;
    let members = MemberClasses::new(&inputs);
    let names = NameRules::new(subject.manifest.as_ref(), decoration(&inputs))?;
    let analysis = Analysis::new(&inputs, &members, &exports, &names, Sharing::Universe)?;
    let search = Search {
        inputs: &inputs,
        analysis: &analysis,
        what: &request.what,
    };
    let mut response = Response::new("why");
    response.warnings.clone_from(&analysis.warnings);
    let inside = search.nearest_match();
    let outside = search.nearest_external();
    // What is in the libraries goes before what they need, where the names fit equally well.
    response.why = match (inside, outside) {
        (Some((fit, set, node)), outside) if outside.as_ref().is_none_or(|o| fit <= o.0) => {
            search.chain(set, node)
        }
        (_, Some((_, set, node, name))) => {
            let mut steps = search.chain(set, node);
            steps.push(search.external(set, name));
            steps
        }
        _ => return Err(search.not_found().into()),
    };
    Ok(response)
}

/// How well a name fits; smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Demangled,
    Part,
}

struct Search<'a, 'd> {
    inputs: &'a Inputs<'d>,
    analysis: &'a Analysis<'d>,
    what: &'a str,
}

impl Search<'_, '_> {
    fn fit(&self, name: &[u8]) -> Option<Fit> {
        if name == self.what.as_bytes() {
            return Some(Fit::Exact);
        }
        let text = demangled(name);
        if text == self.what {
            Some(Fit::Demangled)
        } else if text.contains(self.what) {
            Some(Fit::Part)
        } else {
            None
        }
    }

    fn fit_of(&self, node: Node) -> Option<Fit> {
        let file = self.analysis.graph.file(node.object);
        let section = file.atoms.get(node.atom as usize)?.section;
        let own = if section == self.what.as_bytes() {
            Some(Fit::Exact)
        } else {
            None
        };
        file.symbols_of(node.atom)
            .filter(|(_, s)| s.kind != SymbolKind::Section && !s.name.is_empty())
            .filter_map(|(_, s)| self.fit(s.name))
            .chain(own)
            .min()
    }

    /// The best fitting live node; among equals the one found first, which is the nearest to a root.
    fn nearest_match(&self) -> Option<(Fit, usize, u32)> {
        let mut best: Option<(Fit, u32, usize)> = None;
        for (set, reached) in self.analysis.reached.iter().enumerate() {
            for (at, node) in reached.nodes.iter().enumerate() {
                if let Some(fit) = self.fit_of(*node) {
                    let candidate = (fit, at as u32, set);
                    if best.is_none_or(|b| candidate < b) {
                        best = Some(candidate);
                    }
                }
            }
        }
        best.map(|(fit, node, set)| (fit, set, node))
    }

    /// The best fitting name that a live node needs from outside, and that node.
    fn nearest_external(&self) -> Option<(Fit, usize, u32, NameId)> {
        let mut best: Option<(Fit, u32, usize, NameId)> = None;
        for (set, reached) in self.analysis.reached.iter().enumerate() {
            for at in 0..reached.nodes.len() as u32 {
                for target in reached.targets_of(at) {
                    let Target::External { name, .. } = *target else {
                        continue;
                    };
                    if let Some(fit) = self.fit(self.analysis.graph.name(name)) {
                        let candidate = (fit, at, set, name);
                        if best.is_none_or(|b| candidate < b) {
                            best = Some(candidate);
                        }
                    }
                }
            }
        }
        best.map(|(fit, node, set, name)| (fit, set, node, name))
    }

    fn external(&self, set: usize, name: NameId) -> WhyStep {
        let library = self.analysis.sets[set].library();
        WhyStep {
            name: demangled(self.analysis.graph.name(name)),
            library: self.inputs.library(library).name.clone(),
            member: String::new(),
            section: String::new(),
            by: "external".to_owned(),
        }
    }

    fn chain(&self, set: usize, node: u32) -> Vec<WhyStep> {
        let reached = &self.analysis.reached[set];
        let mut steps = Vec::new();
        let mut at = node;
        // A cause was found before what it caused, so this ends.
        while let (Some(node), Some(cause)) = (
            reached.nodes.get(at as usize),
            reached.causes.get(at as usize),
        ) {
            let (by, next) = match cause {
                Cause::Export(_) => ("export", None),
                Cause::Reference(from) => ("reference", Some(*from)),
                Cause::Rule(from, rule) => (rule.name(), Some(*from)),
                Cause::Pulled(rule) => (rule.name(), None),
            };
            steps.push(self.step(set, *node, by));
            match next.filter(|&n| n < at) {
                Some(n) => at = n,
                None => break,
            }
        }
        steps.reverse();
        steps
    }

    fn step(&self, set: usize, node: Node, by: &str) -> WhyStep {
        let file = self.analysis.graph.file(node.object);
        let library = self.analysis.sets[set].library();
        let member = self
            .inputs
            .library(library)
            .member_ids()
            .find(|m| self.analysis.graph.object_of[m.index()] == Some(node.object))
            .map_or(&b""[..], |m| self.inputs.member(m).name);
        let section = file
            .atoms
            .get(node.atom as usize)
            .map_or(&b""[..], |a| a.section);
        let name = file
            .symbols_of(node.atom)
            .filter(|(_, s)| {
                !matches!(s.kind, SymbolKind::Section | SymbolKind::Mapping) && !s.name.is_empty()
            })
            .min_by_key(|(i, s)| match s.definition {
                Definition::Atom { offset, .. } => (offset, *i),
                _ => (u64::MAX, *i),
            })
            .map_or(section, |(_, s)| s.name);
        WhyStep {
            name: demangled(name),
            library: self.inputs.library(library).name.clone(),
            member: String::from_utf8_lossy(member).into_owned(),
            section: String::from_utf8_lossy(section).into_owned(),
            by: by.to_owned(),
        }
    }

    fn not_found(&self) -> Diagnostic {
        let names = &self.analysis.graph.names;
        if names.iter().any(|n| self.fit(n).is_some()) {
            return Diagnostic::new(
                Code::SymbolNotFound,
                "no export reaches this: it is dead and will not be in the result",
            )
            .symbol(self.what.as_bytes())
            .hint("export it, or something that uses it; `--print exports` of meld shows what is exported");
        }
        let all: Vec<String> = names.iter().map(|n| demangled(n)).collect();
        let near = nearest::nearest(self.what, all.iter().map(String::as_str));
        let message = match near.first() {
            Some(near) => format!("no such symbol or section; the nearest is {near}"),
            None => "no such symbol or section".to_owned(),
        };
        Diagnostic::new(Code::SymbolNotFound, message)
            .symbol(self.what.as_bytes())
            .hint("give a mangled name, a part of the demangled one, or a section's name")
    }
}

fn demangled(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    error::demangled(&name).unwrap_or_else(|| name.into_owned())
}
