//! `exports`: what each library exports, and how that was found.

use super::combine::subject::Subject;
use super::combine::universal::Universal;
use crate::analysis;
use crate::analysis::exports::select_exports;
use crate::error::Result;
use crate::exports::ExportRules;
use crate::input::{self, Inputs};
use crate::protocol::asked::AsksExports as _;
use crate::protocol::event::Events;
use crate::protocol::request::ExportsRequest;
use crate::protocol::response::Response;

/// Carries out the request. Of a universal library every architecture's exports count.
///
/// # Errors
/// Those of finding and building the libraries, of reading them, and of choosing exports.
pub fn run(request: &ExportsRequest, events: &dyn Events) -> Result<Response> {
    let manifest = request.manifest.as_ref();
    let subject = Subject::find(&request.source, manifest, request.asked(), events)?;
    let mut response = Response::new("exports");
    response.target.clone_from(&subject.target);
    response.inputs.clone_from(&subject.inputs);
    response.warnings.clone_from(&subject.warnings);
    response.plugins.clone_from(&subject.plugins);
    let rules = ExportRules::new(subject.manifest.as_ref(), request.asked());
    let files = input::open_all(&subject.paths())?;
    let universal = Universal::split(&files, None)?;
    let of_all = universal.as_ref().map(Universal::architectures);
    for files in of_all.unwrap_or_else(|| vec![files.as_slice()]) {
        let inputs = Inputs::read(files)?;
        input::check_one_format(&inputs)?;
        analysis::refuse_bitcode(&inputs)?;
        let selected = select_exports(&inputs, &subject.plugins, &rules)?;
        let of_library = selected.exports.into_iter().zip(selected.found);
        for (plugin, (names, found)) in response.plugins.iter_mut().zip(of_library) {
            let names = names.into_iter().map(String::from_utf8_lossy);
            plugin.exports.extend(names.map(|n| n.into_owned()));
            plugin.exports.sort_unstable();
            plugin.exports.dedup();
            plugin.exports_found.get_or_insert(found);
        }
        for warning in selected.warnings {
            if !response.warnings.contains(&warning) {
                response.warnings.push(warning);
            }
        }
    }
    Ok(response)
}
