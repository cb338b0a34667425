//! Any bytes as a library, through the whole of meld: all of the output or none.
#![no_main]

use camino::Utf8PathBuf;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{
    CombineRequest, LibraryInput, Metadata, Output, Request, Source, Symbols,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let scratch = tempfile::tempdir().expect("a folder for the run");
    let dir = Utf8PathBuf::from_path_buf(scratch.path().to_owned()).expect("a UTF-8 path");
    let path = dir.join("libgsta.a");
    std::fs::write(&path, data).expect("the input");
    let out = dir.join("out");
    let request = Request::Meld(CombineRequest {
        protocol: 1,
        source: Source::Libraries(vec![LibraryInput {
            path,
            ..LibraryInput::default()
        }]),
        output: Output::Dir(out.clone()),
        manifest: None,
        workspace_library: None,
        target: None,
        exports: vec!["*".to_owned()],
        archive: None,
        symbols: Symbols::Keep,
        debug: None,
        drop_bitcode: false,
        metadata: Metadata::default(),
        report: None,
        threads: Some(1),
    });
    let done = dragonfire::run(&request, &Silent);
    let written = std::fs::read_dir(&out).map_or(0, Iterator::count);
    assert_eq!(written, if done.is_ok() { 2 } else { 0 });
});
