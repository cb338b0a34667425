//! What each fuzz target does with its bytes; `tests/corpus.rs` does the same with the seeds.

use camino::Utf8PathBuf;
use dragonfire::format::model::{EdgeTarget, ObjectFile};
use dragonfire::format::{self, universal};
use dragonfire::input::archive::read::Archive;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{
    CombineRequest, InspectRequest, LibraryInput, Output, Request, Source,
};

/// As an archive, or a universal file of archives: an error or members.
pub fn archive(data: &[u8]) {
    let Ok(archive) = Archive::parse(data) else {
        if let Ok(Some((_, slices))) = universal::slices(data) {
            for slice in slices {
                let (start, size) = (slice.offset as usize, slice.size as usize);
                let _ = Archive::parse(&data[start..start + size]);
            }
        }
        return;
    };
    for member in &archive.members {
        let kind = format::classify(member.data);
        let _ = format::for_each_global(kind, member.data, &mut |_| {});
    }
}

/// As an object file: an error or atoms whose edges stay inside; and as one to drop bitcode from.
pub fn object(data: &[u8]) {
    let kind = format::classify(data);
    if let Ok(Some(clean)) = format::drop_bitcode(kind, data) {
        assert!(format::embedded_bitcode(kind, &clean).is_none());
        assert_eq!(format::classify(&clean), kind);
        let _ = format::read_object(kind, &clean);
    }
    let Ok(object) = format::read_object(kind, data) else {
        return;
    };
    let inside = |to: EdgeTarget| match to {
        EdgeTarget::Symbol(s) => assert!((s as usize) < object.symbols.len().max(1)),
        EdgeTarget::Atom(a) => assert!((a as usize) < object.atoms.len()),
    };
    let live = vec![true; object.atoms.len()];
    if let Ok(Some(debug)) = format::debug::read_debug(kind, data, &object, live, true) {
        for range in &debug.ranges {
            let size = object.atoms[range.atom as usize].size;
            assert!(range.start < range.end && u64::from(range.end) <= size);
        }
        for run in &debug.runs {
            let size = object.atoms[run.atom as usize].size;
            let mut before = 0;
            for row in debug.rows_of(run) {
                assert!(before <= row.offset && u64::from(row.offset) <= size);
                before = row.offset;
            }
        }
    }
    for atom in 0..object.atoms.len() as u32 {
        for edge in object.edges_of(atom) {
            inside(edge.to);
        }
    }
    for entry in &object.unwind {
        assert!((entry.atom as usize) < object.atoms.len());
        for edge in &entry.edges {
            inside(edge.to);
        }
    }
    debug_information(kind, data, &object);
}

/// Of all its code: every range lies in its atom.
fn debug_information(kind: format::MemberKind, data: &[u8], object: &ObjectFile<'_>) {
    let _ = format::debug::has_own(kind, data);
    let live = vec![true; object.atoms.len()];
    let Ok(Some(debug)) = format::debug::read_debug(kind, data, object, live, true) else {
        return;
    };
    for range in &debug.ranges {
        let size = object.atoms[range.atom as usize].size;
        assert!(range.start <= range.end && u64::from(range.end) <= size);
    }
    for run in &debug.runs {
        let size = object.atoms[run.atom as usize].size;
        assert!(
            debug
                .rows_of(run)
                .iter()
                .all(|r| u64::from(r.offset) <= size)
        );
    }
}

/// As a library, through the whole of meld: all of the output or none.
pub fn pipeline(data: &[u8]) {
    combine(data, Request::Meld);
}

/// As a library, through dedup without bitcode, and through inspect.
pub fn dedup(data: &[u8]) {
    let scratch = combine(data, Request::Dedup);
    let path = Utf8PathBuf::from_path_buf(scratch.path().join("libgsta.a"));
    let request = Request::Inspect(InspectRequest {
        protocol: 1,
        source: libraries(path.expect("a UTF-8 path")),
        manifest: None,
        exports: Vec::new(),
        presets: Vec::new(),
        exports_of: Vec::new(),
        symbols: Vec::new(),
        target: None,
        melded: true,
    });
    let _ = dragonfire::run(&request, &Silent);
}

fn libraries(path: Utf8PathBuf) -> Source {
    Source::Libraries(vec![LibraryInput {
        path,
        ..LibraryInput::default()
    }])
}

fn combine(data: &[u8], strategy: fn(CombineRequest) -> Request) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().expect("a folder for the run");
    let dir = Utf8PathBuf::from_path_buf(scratch.path().to_owned()).expect("a UTF-8 path");
    let path = dir.join("libgsta.a");
    std::fs::write(&path, data).expect("the input");
    let out = dir.join("out");
    let request = strategy(CombineRequest {
        exports: vec!["*".to_owned()],
        drop_bitcode: true,
        threads: Some(1),
        ..CombineRequest::new(libraries(path), Output::Dir(out.clone()))
    });
    let done = dragonfire::run(&request, &Silent);
    let written = std::fs::read_dir(&out).map_or(0, Iterator::count);
    assert_eq!(written, if done.is_ok() { 2 } else { 0 });
    scratch
}
