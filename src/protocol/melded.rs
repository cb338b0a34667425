//! What melding a set would give: filled in from a meld plan, shown by `inspect --melded`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inspection::CrateSizes;

/// The live bytes of a set, each atom counted once, and who reaches them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Melded {
    /// Contents of all live atoms.
    pub bytes: u64,
    pub atoms: u64,
    /// Largest first.
    pub reach_sets: Vec<ReachSet>,
    /// Live bytes by crate, largest first.
    pub crates: Vec<CrateSizes>,
    /// The largest atoms.
    pub biggest: Vec<AtomSize>,
    /// In input order.
    pub plugins: Vec<PluginCost>,
}

/// Atoms that exactly these plugins reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReachSet {
    /// In input order.
    pub plugins: Vec<String>,
    pub bytes: u64,
    pub atoms: u64,
}

/// One atom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AtomSize {
    /// Demangled symbol, or the section where it has none.
    pub name: String,
    #[serde(rename = "crate")]
    pub krate: String,
    pub section: String,
    pub bytes: u64,
    /// Plugins that reach it.
    pub plugins: Vec<String>,
}

/// What a plugin costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PluginCost {
    pub plugin: String,
    /// Bytes that it reaches: what a program with it alone links.
    pub alone: u64,
    /// Bytes that nobody else reaches: what leaving it out saves.
    pub own: u64,
}
