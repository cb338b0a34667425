//! Compiles the C half. `native` has a C file of the same name: see src/probe.c.

fn main() {
    println!("cargo::rerun-if-changed=src/probe.c");
    cc::Build::new().file("src/probe.c").compile("router_probe");
}
