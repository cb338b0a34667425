//! What keeps something, and what asks for a symbol from outside.

use std::fs;
use std::process::Command;

use camino::Utf8PathBuf;
use dragonfire::error::Code;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{LibraryInput, Request, Source, WhyRequest};

const SOURCE: &str = "extern int outside(void); int middle(int);\n\
    int dead(void) { return outside() + 1; }\n\
    static __attribute__((noinline)) int inner(int x) { return x * outside(); }\n\
    __attribute__((constructor)) static void begin(void) { middle(0); }\n\
    __attribute__((noinline)) int middle(int x) { return inner(x) - 1; }\n\
    int gst_plugin_a_register(int x) { return middle(x) + 2; }\n";

/// Names and causes of the chain to `what`.
fn chain(what: &str) -> Result<Vec<(String, String)>, Code> {
    let scratch = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(scratch.path().to_owned()).unwrap();
    fs::write(dir.join("a.c"), SOURCE).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let status = command.args(arguments).current_dir(&dir).status();
        assert!(status.unwrap().success());
    };
    run("cc", &["-c", "-O1", "-w", "-ffunction-sections", "a.c"]);
    run("ar", &["rcs", "libgsta.a", "a.o"]);
    let request = Request::Why(WhyRequest {
        protocol: 1,
        source: Source::Libraries(vec![LibraryInput {
            path: dir.join("libgsta.a"),
            ..LibraryInput::default()
        }]),
        manifest: None,
        exports: vec!["gst_plugin_*".to_owned()],
        presets: Vec::new(),
        exports_of: Vec::new(),
        what: what.to_owned(),
    });
    let response = dragonfire::run(&request, &Silent).map_err(|e| e.code())?;
    let steps = response.why.into_iter();
    Ok(steps.map(|s| (s.by, s.name)).collect())
}

fn steps(expected: &[(&str, &str)]) -> Result<Vec<(String, String)>, Code> {
    let owned = expected
        .iter()
        .map(|(by, name)| ((*by).to_owned(), (*name).to_owned()));
    Ok(owned.collect())
}

#[test]
fn the_way_from_an_export() {
    let expected = [
        ("export", "gst_plugin_a_register"),
        ("reference", "middle"),
        ("reference", "inner"),
    ];
    assert_eq!(chain("inner"), steps(&expected));
    assert_eq!(chain("gst_plugin_a_register"), steps(&expected[..1]));
}

#[test]
fn what_asks_for_a_symbol_from_outside() {
    let expected = [
        ("export", "gst_plugin_a_register"),
        ("reference", "middle"),
        ("reference", "inner"),
        ("external", "outside"),
    ];
    assert_eq!(chain("outside"), steps(&expected));
}

#[test]
fn what_lives_by_a_rule() {
    let found = chain(".init_array").unwrap();
    assert_eq!(found.last().map(|s| s.0.as_str()), Some("init-array"));
}

#[test]
fn what_is_dead_and_what_is_not_there() {
    assert_eq!(chain("dead"), Err(Code::SymbolNotFound));
    assert_eq!(chain("no_such_name"), Err(Code::SymbolNotFound));
}
