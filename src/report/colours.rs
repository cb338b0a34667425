//! One colour for a crate, the same in every picture.

use std::collections::HashMap;

use super::ReportData;

/// How many colours the style sheet has.
pub const COUNT: usize = 12;

/// The crates that have a colour of their own: the largest.
#[derive(Debug)]
pub struct Colours {
    of: HashMap<String, usize>,
    /// In the order of their colours.
    pub names: Vec<String>,
}

impl Colours {
    pub fn new(data: &ReportData) -> Self {
        // What is left counts as much as what was there: a crate's share on either side.
        let mut shares: HashMap<&str, f64> = HashMap::new();
        for libraries in [&data.before, &data.after] {
            let total = super::total(libraries).max(1) as f64;
            for krate in libraries.iter().flat_map(|l| &l.crates) {
                *shares.entry(&krate.krate).or_default() += krate.bytes as f64 / total;
            }
        }
        let mut sorted: Vec<(&str, f64)> = shares
            .into_iter()
            .filter(|(name, _)| !name.starts_with('['))
            .collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let names: Vec<String> = sorted
            .into_iter()
            .take(COUNT)
            .map(|(name, _)| name.to_owned())
            .collect();
        let of = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.clone(), i))
            .collect();
        Self { of, names }
    }

    /// A CSS value.
    pub fn of(&self, krate: &str) -> String {
        match self.of.get(krate) {
            Some(index) => format!("var(--c{index})"),
            None => "var(--rest)".to_owned(),
        }
    }
}
