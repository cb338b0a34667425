fn main() {
    println!("cargo:rerun-if-changed=native.c");
    cc::Build::new().file("native.c").compile("native");
}
