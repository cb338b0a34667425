//! Compiles the C half: only C makes thread-local exports on stable Rust.

fn main() {
    println!("cargo::rerun-if-changed=src/data.c");
    cc::Build::new().file("src/data.c").compile("data");
}
