//! Tables found by their bounds of which a program has more, or less, than with the libraries as built.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashSet;

use super::Analysis;
use super::graph::{NameId, ObjectId};
use super::identity::atoms::ClassId;
use crate::error::{Code, Diagnostic};
use crate::format::{GlobalKind, bound_stem, is_table_of_a_runtime};
use crate::input::{Inputs, LibraryId};

/// Names of tables that crates make for Rust alone: no program has elements of its own.
const OF_RUST: &[u8] = b"linkm";

/// Live elements of open tables: by table, library and object.
type Elements<'d> = BTreeMap<(&'d [u8], LibraryId, ObjectId), BTreeSet<ClassId>>;

/// A library with a member that has elements, and which.
type Bearer<'a> = (LibraryId, &'a BTreeSet<ClassId>);

/// One warning for each table and two libraries of which a program as built would have the elements once, and for
/// each table that is a library's own.
#[must_use]
pub fn warnings(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut warnings = doubled(inputs, analysis);
    warnings.extend(of_their_own(inputs, analysis));
    warnings
}

/// Two libraries hold a member that defines the same name: as built the first one's is linked, and its elements
/// are in the table once. Here each keeps its own.
fn doubled(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let graph = &analysis.graph;
    let mut elements: Elements<'_> = BTreeMap::new();
    for (s, set) in analysis.sets.iter().enumerate() {
        for (n, node) in analysis.reached[s].nodes.iter().enumerate() {
            let stem = graph.file(node.object).atoms[node.atom as usize].registry;
            let open =
                |stem: &&[u8]| analysis.registries.is_open(stem) && !is_table_of_a_runtime(stem);
            if let Some(stem) = stem.filter(open) {
                let own = elements.entry((stem, set.library(), node.object));
                own.or_default().insert(analysis.classes.class_of[s][n]);
            }
        }
    }
    let mut first: BTreeMap<(&[u8], NameId), Bearer<'_>> = BTreeMap::new();
    let mut told: BTreeSet<(&[u8], LibraryId, LibraryId)> = BTreeSet::new();
    let mut warnings = Vec::new();
    for (&(stem, library, object), classes) in &elements {
        let globals = graph.globals[object.index()].iter();
        let strong = globals
            .filter(|g| g.kind == GlobalKind::Defined && !analysis.contested.is(library, g.name));
        for global in strong {
            let own = (library, classes);
            let (other, like) = *first.entry((stem, global.name)).or_insert(own);
            if other == library || like == classes || !told.insert((stem, other, library)) {
                continue;
            }
            let what = format!(
                "{} and {} have the entries of one member in this table, each its own: a program with both finds \
                 them twice, where as built it has the member once",
                inputs.library(other).name,
                inputs.library(library).name
            );
            let member = inputs.member(graph.member_of[object.index()]);
            warnings.push(
                Diagnostic::new(Code::TableDoubled, what)
                    .file(inputs.library(library).path)
                    .member(member.name)
                    .symbol(stem)
                    .hint(
                        "name the table in the manifest's isolate, and each library sees its own entries; or build \
                         both with one set of flags and meld them",
                    ),
            );
        }
    }
    warnings
}

/// Tables that only Rust code of a library walks and fills, as far as the libraries say.
fn of_their_own(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let graph = &analysis.graph;
    let guessed: HashSet<&[u8]> = analysis
        .registries
        .guessed()
        .filter(|stem| {
            let plain = stem.iter().position(|b| b.is_ascii_alphanumeric());
            !stem[plain.unwrap_or(0)..].starts_with(OF_RUST)
        })
        .collect();
    if guessed.is_empty() {
        return Vec::new();
    }
    let mut walked: BTreeMap<&[u8], LibraryId> = BTreeMap::new();
    for (set, reached) in analysis.sets.iter().zip(&analysis.reached) {
        let bounds = reached.bounds().iter();
        let bounds = bounds.filter_map(|&name| bound_stem(graph.name(name)));
        let elements = reached.nodes.iter().filter_map(|node| {
            let atom = &graph.file(node.object).atoms[node.atom as usize];
            atom.registry.filter(|_| atom.bounded_by_sections)
        });
        for stem in bounds.chain(elements).filter(|s| guessed.contains(s)) {
            walked.entry(stem).or_insert(set.library());
        }
    }
    let tell = |(stem, library): (&[u8], LibraryId)| {
        let what = "this table is the library's own: entries that a program has in sections of its name are not \
                    part of it";
        Diagnostic::new(Code::TableOfItsOwn, what)
            .file(inputs.library(library).path)
            .symbol(stem)
            .hint(
                "where programs have entries of it too, name it in the manifest's public; where not, in isolate",
            )
    };
    walked.into_iter().map(tell).collect()
}
