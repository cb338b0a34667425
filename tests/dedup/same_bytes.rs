//! The same libraries give the same bytes: on one thread and on two, from one folder and another.

use std::fs;
use std::path::Path;

use crate::support::{Bench, dragonfire, ok};

fn run(bench: &Bench, from: &str, out: &str, threads: &str) -> Vec<(String, Vec<u8>)> {
    let folder = bench.path(from);
    let out = bench.path(out);
    ok(dragonfire()
        .args(["dedup", "--threads", threads, "--out"])
        .arg(&out)
        .args(["libgstone.a", "libgsttwo.a", "libgstthree.a"])
        .current_dir(folder));
    read(&out)
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&p).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn threads_and_folders_do_not_show() {
    let bench = Bench::new();
    for name in ["one", "two", "three"] {
        let mut members: Vec<(String, String)> = (0..40)
            .map(|i| {
                (
                    format!("shared_member_{i}.o"),
                    format!("int f{i}(void) {{ return {i}; }}"),
                )
            })
            .collect();
        members.push((
            "entry.o".into(),
            format!("int f3(void); int gst_plugin_{name}_register(void) {{ return f3(); }}"),
        ));
        let members: Vec<(&str, &str)> = members
            .iter()
            .map(|(n, c)| (n.as_str(), c.as_str()))
            .collect();
        bench.library("a/b", &format!("gst{name}"), &members);
    }
    fs::create_dir(bench.path("c")).unwrap();
    for file in ["libgstone.a", "libgsttwo.a", "libgstthree.a"] {
        fs::copy(bench.path("a/b").join(file), bench.path("c").join(file)).unwrap();
    }
    let first = run(&bench, "a/b", "out1", "1");
    assert_eq!(first.len(), 4);
    assert!(run(&bench, "a/b", "out2", "2") == first);
    assert!(run(&bench, "c", "a/out3", "2") == first);
    assert!(run(&bench, "c", "out4", "7") == first);
}
