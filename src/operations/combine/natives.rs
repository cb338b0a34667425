//! The native libraries of libraries of which nobody says any: what their code needs from elsewhere says which,
//! and what their objects ask the linker for.

use std::collections::HashSet;

use crate::emit;
use crate::format;
use crate::input::Inputs;
use crate::inspect::target::{chosen, detect};
use crate::plan::{OutputLibrary, OutputSet};
use crate::protocol::inspection::Environment;
use crate::protocol::response::Plugin;

/// Fills them in. `target` is what the libraries are for, where that is known.
pub(super) fn fill_in(
    plugins: &mut [Plugin],
    set: &OutputSet<'_>,
    inputs: &Inputs<'_>,
    target: Option<&str>,
) {
    let Some(environment) = environment(plugins, inputs, target) else {
        return;
    };
    let shared = asked(&set.workspace);
    for (plugin, library) in plugins.iter_mut().zip(&set.libraries) {
        if plugin.native_static_libs.is_empty() {
            let wanted = [asked(library), shared.clone()].concat();
            plugin.native_static_libs = emit::needs::found(environment, &plugin.externals, &wanted);
        }
    }
}

fn environment(
    plugins: &[Plugin],
    inputs: &Inputs<'_>,
    target: Option<&str>,
) -> Option<Environment> {
    let machine = inputs.machine()?;
    let is_lib = inputs
        .libraries
        .iter()
        .any(|l| l.path.extension() == Some("lib"));
    let externals: HashSet<&str> = plugins
        .iter()
        .flat_map(|p| p.externals.iter().map(String::as_str))
        .collect();
    let needs = |symbol: &str| externals.contains(symbol);
    let found = detect(inputs.format(), machine, is_lib, needs).environment;
    let said = target.map(Environment::from_target).unwrap_or_default();
    Some(chosen(&said, found))
}

/// What its objects ask their linkers for, where not every linker listens; each once.
fn asked(library: &OutputLibrary<'_>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut all: Vec<String> = Vec::new();
    for member in &library.members {
        for name in format::dependent_libraries(format::classify(&member.data), &member.data) {
            let name = String::from_utf8_lossy(name);
            // A file's name, or what follows `-l` (LLVM's "Extensions", dependent libraries).
            let arg = match name.contains(['/', '.']) {
                true => name.into_owned(),
                false => format!("-l{name}"),
            };
            if seen.insert(arg.clone()) {
                all.push(arg);
            }
        }
    }
    all
}
