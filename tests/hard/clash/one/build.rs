//! Compiles the version of the C library that this plugin bundles.

fn main() {
    println!("cargo::rerun-if-changed=mini");
    cc::Build::new()
        .files(["mini/mini.c", "mini/table.c"])
        .compile("mini");
}
