//! Compiles the C half. `router` has a C file of the same name: see there.

fn main() {
    println!("cargo::rerun-if-changed=src/probe.c");
    cc::Build::new().file("src/probe.c").compile("native_probe");
}
