//! A CMake targets file: imported static libraries that bring along what they need.
//!
//! A plugin links the workspace library, and that links the plugin's native libraries: so a program
//! needs those of its plugins and no others. It takes a target of the workspace library for each plugin.
//! With a common one, CMake would put native libraries that only plugins refer to before a workspace
//! library that other plugins need too, where linkers that read archives once find no use for them.

use std::fmt::Write as _;

use super::link_args::linker_args;
use super::places::{below, folder};
use super::{MetadataFile, Placed, Subject, native};
use crate::protocol::request::Metadata;
use crate::protocol::response::FileKind;

/// The target that stands for all plugins.
pub(super) const ALL: &str = "all";

pub(super) fn file(subject: &Subject<'_>, metadata: &Metadata) -> MetadataFile {
    let workspace = subject.workspace_library.map(|w| w.library.as_str());
    let workspace = workspace.unwrap_or(crate::manifest::DEFAULT_WORKSPACE_LIBRARY);
    let path = metadata.cmake_file.clone().unwrap_or_else(|| {
        let dir = subject.dir.join("cmake");
        dir.join(format!("{workspace}-targets.cmake"))
    });
    let namespace = metadata.cmake_namespace.as_deref().unwrap_or(workspace);
    MetadataFile {
        kind: FileKind::Cmake,
        contents: render(
            subject,
            namespace,
            metadata.cmake_configuration.as_deref(),
            folder(&path),
        ),
        path,
    }
}

fn render(
    subject: &Subject<'_>,
    namespace: &str,
    configuration: Option<&str>,
    dir: &camino::Utf8Path,
) -> String {
    // The file stands by the libraries as they were written: both are installed alike.
    let here = Metadata::default();
    let place = |placed: Placed<'_>| {
        let base = below("${CMAKE_CURRENT_LIST_DIR}", dir, placed.libdir);
        format!("{}/{}", escaped(&base), escaped(placed.file_name()))
    };
    let mut text = String::from("# Static libraries of Rust plugins and what they need.\n");
    let shared = subject.placed_workspace(&here);
    if let Some((name, placed)) = shared {
        imported(
            &mut text,
            &format!("{namespace}::{name}"),
            (configuration, &place(placed)),
            &[],
            &[],
        );
    }
    let mut all = Vec::new();
    for (plugin, placed) in subject.placed(&here) {
        let target = format!("{namespace}::{}", plugin.plugin);
        let mut needs = items(subject, &plugin.native_static_libs);
        if let Some((name, placed)) = shared {
            let behind = format!("{namespace}::_{}_{name}", plugin.plugin);
            imported(
                &mut text,
                &behind,
                (configuration, &place(placed)),
                &needs,
                &linker_args(subject),
            );
            needs = vec![behind];
        }
        imported(
            &mut text,
            &target,
            (configuration, &place(placed)),
            &needs,
            &[],
        );
        if plugin.library != plugin.plugin {
            let alias = format!("{namespace}::{}", plugin.library);
            // An alias of an imported target that is not global needs CMake 3.18.
            let _ = write!(
                text,
                "if(NOT TARGET {alias})\n  add_library({alias} ALIAS {target})\nendif()\n"
            );
        }
        all.push(target);
    }
    let _ = write!(
        text,
        "
if(NOT TARGET {namespace}::{ALL})
  add_library({namespace}::{ALL} INTERFACE IMPORTED)
  set_property(TARGET {namespace}::{ALL} PROPERTY INTERFACE_LINK_LIBRARIES \"{}\")
endif()
",
        all.join(";")
    );
    text
}

/// One imported library. Where it is a configuration's, the target may be there from another one's file.
fn imported(
    text: &mut String,
    target: &str,
    (configuration, file): (Option<&str>, &str),
    needs: &[String],
    options: &[String],
) {
    let _ = write!(
        text,
        "
if(NOT TARGET {target})
  add_library({target} STATIC IMPORTED)
"
    );
    if configuration.is_none() {
        let _ = writeln!(
            text,
            "  set_property(TARGET {target} PROPERTY IMPORTED_LOCATION \"{file}\")"
        );
    }
    if !needs.is_empty() {
        let _ = writeln!(
            text,
            "  set_property(TARGET {target} PROPERTY INTERFACE_LINK_LIBRARIES \"{}\")",
            needs.join(";")
        );
    }
    if !options.is_empty() {
        let options: Vec<String> = options.iter().map(|o| escaped(o)).collect();
        let _ = writeln!(
            text,
            "  set_property(TARGET {target} PROPERTY INTERFACE_LINK_OPTIONS \"{}\")",
            options.join(";")
        );
    }
    text.push_str("endif()\n");
    if let Some(configuration) = configuration {
        let upper = configuration.to_uppercase();
        let _ = write!(
            text,
            "set_property(TARGET {target} APPEND PROPERTY IMPORTED_CONFIGURATIONS {upper})
set_property(TARGET {target} PROPERTY IMPORTED_LOCATION_{upper} \"{file}\")
"
        );
    }
}

/// Native libraries as items of a link interface: a framework is one item.
fn items(subject: &Subject<'_>, natives: &[String]) -> Vec<String> {
    let natives: Vec<String> = if subject.is_msvc() {
        // `x.lib` is what link.exe takes; CMake leaves it alone.
        let own = |arg: &&String| !native::dash_l(&[(*arg).clone()]).is_empty();
        natives.iter().filter(own).cloned().collect()
    } else {
        native::dash_l(natives)
    };
    let units = native::units(&natives);
    units.iter().map(|unit| escaped(&unit.join(" "))).collect()
}

/// Inside quotes, in a list.
fn escaped(text: &str) -> String {
    let (base, rest) = match text.strip_prefix("${CMAKE_CURRENT_LIST_DIR}") {
        Some(rest) => ("${CMAKE_CURRENT_LIST_DIR}", rest),
        None => ("", text),
    };
    let mut escaped = String::from(base);
    for c in rest.chars() {
        match c {
            '"' | '\\' | '$' => escaped.extend(['\\', c]),
            ';' => escaped.push_str("\\\\;"),
            c => escaped.push(c),
        }
    }
    escaped
}
