//! Exact texts of every kind of metadata.

use camino::{Utf8Path, Utf8PathBuf};

use super::{MetadataFile, Subject, emit, link};
use crate::format::Format;
use crate::protocol::request::{Metadata, Strategy};
use crate::protocol::response::{Plugin, WorkspaceLibrary};

fn strings(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn plugin(library: &str, dir: &str, natives: &str, requires: &str) -> Plugin {
    Plugin {
        library: library.to_owned(),
        plugin: library.trim_start_matches("gst").to_owned(),
        version: Some("0.15.0".to_owned()),
        path: Some(format!("{dir}/lib{library}.a").into()),
        native_static_libs: strings(natives),
        pkg_config_requires: strings(requires),
        ..Plugin::default()
    }
}

fn workspace(dir: &str) -> WorkspaceLibrary {
    WorkspaceLibrary {
        library: "gstrsworkspace".to_owned(),
        path: format!("{dir}/libgstrsworkspace.a").into(),
        ..WorkspaceLibrary::default()
    }
}

fn subject<'a>(plugins: &'a [Plugin], workspace: &'a WorkspaceLibrary) -> Subject<'a> {
    Subject {
        strategy: Strategy::Meld,
        format: Format::Elf,
        target: None,
        plugins,
        workspace_library: Some(workspace),
        linker_args: &[],
        inputs: &[],
        dir: Utf8Path::new("/p/lib"),
    }
}

fn named<'f>(files: &'f [MetadataFile], path: &str) -> &'f str {
    let file = files.iter().find(|f| f.path == path);
    file.map_or_else(
        || {
            panic!(
                "no {path} among {:?}",
                files.iter().map(|f| &f.path).collect::<Vec<_>>()
            )
        },
        |f| f.contents.as_str(),
    )
}

#[test]
fn pkg_config_files() {
    let plugins = [
        plugin(
            "gstjson",
            "/p/lib",
            "-ljsonc -lm -lc",
            "gstreamer-1.0 glib-2.0",
        ),
        plugin("gstregex", "/p/lib", "-lm -lc", "gstreamer-1.0"),
    ];
    let workspace = workspace("/p/lib");
    let metadata = Metadata {
        pkg_config: true,
        ..Metadata::default()
    };
    let files = emit(&subject(&plugins, &workspace), &metadata).unwrap();
    assert_eq!(files.len(), 3);
    assert_eq!(
        named(&files, "/p/lib/pkgconfig/gstjson.pc"),
        "libdir=${pcfiledir}/..

Name: gstjson
Description: gstjson
Version: 0.15.0
Requires: gstrsworkspace, gstreamer-1.0, glib-2.0
Libs: -L${libdir} -lgstjson -ljsonc -lm -lc
"
    );
    assert_eq!(
        named(&files, "/p/lib/pkgconfig/gstrsworkspace.pc"),
        "libdir=${pcfiledir}/..

Name: gstrsworkspace
Description: What the Rust plugins of a workspace share
Version: 0.15.0
Requires: gstreamer-1.0
Libs: -L${libdir} -lgstrsworkspace -lm -lc
"
    );
}

#[test]
fn pkg_config_files_of_plugins_with_bridges() {
    let plugins = [plugin("gstjson", "/p/lib", "-lm", "glib-2.0")];
    let workspace = workspace("/p/lib");
    let names = ["one-cxx", "json-cxx"].map(str::to_owned);
    let metadata = Metadata {
        pkg_config: true,
        beside: [("gstjson".to_owned(), names.to_vec())].into(),
        ..Metadata::default()
    };
    let libs = |subject: &Subject<'_>| {
        let files = emit(subject, &metadata).unwrap();
        let text = named(&files, "/p/lib/pkgconfig/gstjson.pc");
        let line = text.lines().find(|l| l.starts_with("Libs: "));
        line.unwrap().to_owned()
    };
    let elf = subject(&plugins, &workspace);
    assert_eq!(
        libs(&elf),
        "Libs: -Wl,--start-group -L${libdir} -lgstjson -lone-cxx -ljson-cxx -lgstrsworkspace -Wl,--end-group -lm"
    );
    // Its linker looks again.
    let apple = Subject {
        format: Format::MachO,
        ..elf
    };
    assert_eq!(
        libs(&apple),
        "Libs: -L${libdir} -lgstjson -lone-cxx -ljson-cxx -lm"
    );
}

#[test]
fn pkg_config_files_beside_shared_libraries() {
    let plugins = [plugin("gstjson", "/p/lib", "-ljsonc -lm", "glib-2.0")];
    let workspace = workspace("/p/lib");
    let metadata = Metadata {
        pkg_config: true,
        pkg_config_private: true,
        ..Metadata::default()
    };
    let files = emit(&subject(&plugins, &workspace), &metadata).unwrap();
    assert_eq!(
        named(&files, "/p/lib/pkgconfig/gstjson.pc"),
        "libdir=${pcfiledir}/..

Name: gstjson
Description: gstjson
Version: 0.15.0
Requires.private: gstrsworkspace, glib-2.0
Libs: -L${libdir} -lgstjson
Libs.private: -ljsonc -lm
"
    );
}

#[test]
fn pkg_config_files_for_an_installation() {
    let mut one = plugin(
        "gstjson",
        "/b/out",
        "kernel32.lib /defaultlib:msvcrt windows.0.52.0.lib",
        "",
    );
    one.path = Some("/b/out/gstjson.lib".into());
    one.description = Some("JSON #1\nfor ${all}".to_owned());
    let two = Plugin {
        library: "gsttwo".to_owned(),
        path: Some("/b/out/gsttwo.lib".into()),
        ..one.clone()
    };
    let plugins = [one, two];
    let mut workspace = workspace("/b/out");
    workspace.path = "/b/out/gstrsworkspace.lib".into();
    let metadata = Metadata {
        pkg_config: true,
        pkg_config_dir: Some("/b/out".into()),
        libdir: Some("/p/my lib/gstreamer-1.0".into()),
        workspace_libdir: Some("/p/my lib".into()),
        installed_pkg_config_dir: Some("/p/pkgconfig".into()),
        workspace_version: Some("1.2".to_owned()),
        ..Metadata::default()
    };
    let mut subject = subject(&plugins, &workspace);
    subject.format = Format::Coff;
    subject.strategy = Strategy::Dedup;
    let files = emit(&subject, &metadata).unwrap();
    assert_eq!(
        named(&files, "/b/out/gstjson.pc"),
        "libdir=${pcfiledir}/../my\\ lib/gstreamer-1.0

Name: gstjson
Description: JSON \\#1 for $${all}
Version: 0.15.0
Requires: gstrsworkspace
Libs: -L${libdir} -lgstjson -lkernel32
"
    );
    assert_eq!(
        named(&files, "/b/out/gstrsworkspace.pc"),
        "libdir=${pcfiledir}/../my\\ lib

Name: gstrsworkspace
Description: What the Rust plugins of a workspace share
Version: 1.2
Libs: -L${libdir} -lgstrsworkspace -lkernel32 /OPT:REF /FORCE:UNRESOLVED
"
    );
}

const CARGO_C: &str = "prefix=/usr/local
exec_prefix=${prefix}
libdir=${prefix}/lib
includedir=${prefix}/include

Name: gstjson
Description: GStreamer JSON Plugin
Version: 0.15.0
Libs: -L${libdir}/gstreamer-1.0 -lgstjson
Cflags: 
Libs.private: -lgcc_s -lwindows.0.52.0 -lm -lwinapi_kernel32
";

#[test]
fn cargo_c_files_are_patched() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let plugin_dir = dir.join("lib/gstreamer-1.0");
    let pc_dir = plugin_dir.join("pkgconfig");
    std::fs::create_dir_all(&pc_dir).unwrap();
    let json = pc_dir.join("gstjson.pc");
    let regex = pc_dir.join("gstregex.pc");
    let with_requires = |requires: &str| format!("{CARGO_C}{requires}");
    std::fs::write(&json, CARGO_C).unwrap();
    let regex_text = with_requires("Requires.private: gstreamer-1.0 >= 1.22, \\\n glib-2.0\n");
    std::fs::write(&regex, regex_text.replace("json", "regex")).unwrap();
    let plugins = [
        plugin("gstjson", plugin_dir.as_str(), "", "glib-2.0"),
        plugin("gstregex", plugin_dir.as_str(), "", ""),
    ];
    let workspace = workspace(dir.join("lib").as_str());
    let metadata = Metadata {
        patch_pkg_config: vec![json.clone(), regex.clone()],
        workspace_pkg_config_dir: Some(dir.join("lib/pkgconfig")),
        ..Metadata::default()
    };
    let subject = subject(&plugins, &workspace);
    let files = emit(&subject, &metadata).unwrap();
    let expected = "prefix=/usr/local
exec_prefix=${prefix}
libdir=${prefix}/lib
includedir=${prefix}/include

Name: gstjson
Description: GStreamer JSON Plugin
Version: 0.15.0
Libs: -L${pcfiledir}/.. -lgstjson
Cflags:
Libs.private: -lm -lkernel32
Requires.private: gstrsworkspace
";
    assert_eq!(named(&files, json.as_str()), expected);
    let patched = named(&files, regex.as_str());
    assert!(
        patched.ends_with("Requires.private: gstrsworkspace, gstreamer-1.0 >= 1.22,  glib-2.0\n"),
        "{patched}"
    );
    assert_eq!(
        named(&files, dir.join("lib/pkgconfig/gstrsworkspace.pc").as_str()),
        "libdir=${pcfiledir}/..

Name: gstrsworkspace
Description: What the Rust plugins of a workspace share
Version: 0.15.0
Requires: glib-2.0
Libs: -L${libdir} -lgstrsworkspace -lm -lkernel32
"
    );
    // Patching what is patched changes nothing.
    for file in &files {
        std::fs::create_dir_all(file.path.parent().unwrap()).unwrap();
        std::fs::write(&file.path, &file.contents).unwrap();
    }
    assert_eq!(emit(&subject, &metadata).unwrap(), files);

    std::fs::write(&json, "Name: other\nLibs: -lother\n").unwrap();
    std::fs::rename(&json, pc_dir.join("other.pc")).unwrap();
    let metadata = Metadata {
        patch_pkg_config: vec![pc_dir.join("other.pc"), pc_dir.join("none.pc")],
        ..Metadata::default()
    };
    let errors = emit(&subject, &metadata).unwrap_err();
    let codes: Vec<String> = errors.0.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["request-invalid", "input-not-found"]);
}

#[test]
fn libtool_files() {
    let plugins = [
        plugin("gstjson", "/p/lib/gstreamer-1.0", "-framework A -lm", ""),
        plugin("gstregex", "/p/lib/gstreamer-1.0", "-lm", ""),
    ];
    let workspace = workspace("/p/lib");
    let metadata = Metadata {
        libtool: true,
        ..Metadata::default()
    };
    let files = emit(&subject(&plugins, &workspace), &metadata).unwrap();
    assert_eq!(
        named(&files, "/p/lib/gstreamer-1.0/libgstjson.la"),
        "# libgstjson.la - a libtool library file
# Generated by dragonfire, for libtool
#
# Please DO NOT delete this file!
# It is necessary for linking the library.

# The name that we can dlopen(3).
dlname=''

# Names of this library.
library_names=''

# The name of the static archive.
old_library='libgstjson.a'

# Linker flags that cannot go in dependency_libs.
inherited_linker_flags='-framework A'

# Libraries that this one depends upon.
dependency_libs=' -L/p/lib /p/lib/libgstrsworkspace.la -lm'

# Names of additional weak libraries provided by this library
weak_library_names=''

# Version information for libgstjson.
current=0
age=0
revision=0

# Is this an already installed library?
installed=yes

# Should we warn about portability when linking against -modules?
shouldnotlink=no

# Files to dlopen/dlpreopen
dlopen=''
dlpreopen=''

# Directory that this library needs to be installed in:
libdir='/p/lib/gstreamer-1.0'
"
    );
    let shared = named(&files, "/p/lib/libgstrsworkspace.la");
    assert!(shared.contains("\nold_library='libgstrsworkspace.a'\n"));
    assert!(shared.contains("\ndependency_libs=' -lm'\n"));
    assert!(shared.contains("\nlibdir='/p/lib'\n"));
}

#[test]
fn cmake_targets() {
    let plugins = [
        plugin("gstjson", "/p/lib", "-framework A -lm", ""),
        plugin("two", "/p/lib", "-lm", ""),
    ];
    let workspace = workspace("/p/lib");
    let metadata = Metadata {
        cmake: true,
        cmake_file: Some("/p/lib/cmake/x/x-targets.cmake".into()),
        cmake_namespace: Some("x".to_owned()),
        ..Metadata::default()
    };
    let mut subject = subject(&plugins, &workspace);
    let args = ["-Wl,-z,start-stop-visibility=hidden".to_owned()];
    subject.linker_args = &args;
    let files = emit(&subject, &metadata).unwrap();
    assert_eq!(
        named(&files, "/p/lib/cmake/x/x-targets.cmake"),
        "# Static libraries of Rust plugins and what they need.

if(NOT TARGET x::gstrsworkspace)
  add_library(x::gstrsworkspace STATIC IMPORTED)
  set_property(TARGET x::gstrsworkspace PROPERTY IMPORTED_LOCATION \"${CMAKE_CURRENT_LIST_DIR}/../../libgstrsworkspace.a\")
endif()

if(NOT TARGET x::_json_gstrsworkspace)
  add_library(x::_json_gstrsworkspace STATIC IMPORTED)
  set_property(TARGET x::_json_gstrsworkspace PROPERTY IMPORTED_LOCATION \"${CMAKE_CURRENT_LIST_DIR}/../../libgstrsworkspace.a\")
  set_property(TARGET x::_json_gstrsworkspace PROPERTY INTERFACE_LINK_LIBRARIES \"-framework A;-lm\")
  set_property(TARGET x::_json_gstrsworkspace PROPERTY INTERFACE_LINK_OPTIONS \"-Wl,-z,start-stop-visibility=hidden\")
endif()

if(NOT TARGET x::json)
  add_library(x::json STATIC IMPORTED)
  set_property(TARGET x::json PROPERTY IMPORTED_LOCATION \"${CMAKE_CURRENT_LIST_DIR}/../../libgstjson.a\")
  set_property(TARGET x::json PROPERTY INTERFACE_LINK_LIBRARIES \"x::_json_gstrsworkspace\")
endif()
if(NOT TARGET x::gstjson)
  add_library(x::gstjson ALIAS x::json)
endif()

if(NOT TARGET x::_two_gstrsworkspace)
  add_library(x::_two_gstrsworkspace STATIC IMPORTED)
  set_property(TARGET x::_two_gstrsworkspace PROPERTY IMPORTED_LOCATION \"${CMAKE_CURRENT_LIST_DIR}/../../libgstrsworkspace.a\")
  set_property(TARGET x::_two_gstrsworkspace PROPERTY INTERFACE_LINK_LIBRARIES \"-lm\")
  set_property(TARGET x::_two_gstrsworkspace PROPERTY INTERFACE_LINK_OPTIONS \"-Wl,-z,start-stop-visibility=hidden\")
endif()

if(NOT TARGET x::two)
  add_library(x::two STATIC IMPORTED)
  set_property(TARGET x::two PROPERTY IMPORTED_LOCATION \"${CMAKE_CURRENT_LIST_DIR}/../../libtwo.a\")
  set_property(TARGET x::two PROPERTY INTERFACE_LINK_LIBRARIES \"x::_two_gstrsworkspace\")
endif()

if(NOT TARGET x::all)
  add_library(x::all INTERFACE IMPORTED)
  set_property(TARGET x::all PROPERTY INTERFACE_LINK_LIBRARIES \"x::json;x::two\")
endif()
"
    );
}

#[test]
fn names_that_meet_are_refused() {
    let all = |names: &[&str]| -> Vec<Plugin> {
        let mut dirs = ["/a", "/b"].iter().cycle();
        let of = |name: &&str| plugin(name, dirs.next().unwrap(), "", "");
        names.iter().map(of).collect()
    };
    let refused =
        |names: &[&str], metadata: &Metadata| super::check_names(&all(names), metadata).is_err();
    let cmake = Metadata {
        cmake: true,
        ..Metadata::default()
    };
    let pkg_config = Metadata {
        pkg_config: true,
        ..Metadata::default()
    };
    assert!(!refused(&["gstone", "two"], &cmake));
    for names in [
        &["gstfoo", "foo"][..],
        &["foo", "foo"],
        &["gstall", "b"],
        &["all"],
    ] {
        assert!(refused(names, &cmake), "{names:?}");
    }
    assert!(refused(&["foo", "foo"], &pkg_config));
    assert!(!refused(&["gstfoo", "foo"], &pkg_config));
    assert!(!refused(&["foo", "foo"], &Metadata::default()));
}

#[test]
fn depfile() {
    let plugins = [plugin("gstjson", "/p/lib", "", "")];
    let workspace = workspace("/p/lib");
    let mut subject = subject(&plugins, &workspace);
    let inputs = ["/s/a b.rs".into(), "/s/$c#\\ d".into()];
    subject.inputs = &inputs;
    let mut metadata = Metadata {
        depfile: Some("/b/x.d".into()),
        ..Metadata::default()
    };
    let files = emit(&subject, &metadata).unwrap();
    assert_eq!(
        named(&files, "/b/x.d"),
        "/p/lib/libgstjson.a /p/lib/libgstrsworkspace.a: \\
  /s/a\\ b.rs \\
  /s/$$c\\#\\\\\\ d
/s/a\\ b.rs:\x20
/s/$$c\\#\\\\\\ d:\x20
"
    );
    metadata.depfile_targets = vec!["my stamp".into()];
    subject.inputs = &[];
    let files = emit(&subject, &metadata).unwrap();
    assert_eq!(named(&files, "/b/x.d"), "my\\ stamp:\n");
}

#[test]
fn link_of_the_set() {
    let plugins = [
        plugin("a", "/o", "-la -lc", ""),
        plugin("b", "/o", "-lb -la -lc", ""),
    ];
    let workspace = workspace("/o");
    let mut subject = subject(&plugins, &workspace);
    let plain = link(&subject);
    assert_eq!(
        plain.libraries,
        ["/o/liba.a", "/o/libb.a", "/o/libgstrsworkspace.a"]
    );
    assert_eq!(plain.native_static_libs, ["-lb", "-la", "-lc"]);
    assert!(plain.linker_args.is_empty());

    subject.format = Format::Coff;
    subject.target = Some("x86_64-pc-windows-msvc");
    assert!(link(&subject).linker_args.is_empty(), "meld needs none");
    subject.strategy = Strategy::Dedup;
    assert_eq!(
        link(&subject).linker_args,
        ["/OPT:REF", "/FORCE:UNRESOLVED"]
    );
    subject.target = Some("x86_64-pc-windows-gnu");
    assert!(
        link(&subject).linker_args.is_empty(),
        "GNU ld knows neither"
    );
}
