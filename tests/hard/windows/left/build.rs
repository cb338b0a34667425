//! Compiles the C++ that both plugins have.

fn main() {
    println!("cargo::rerun-if-changed=../cpp");
    cc::Build::new()
        .cpp(true)
        .cpp_link_stdlib(None)
        .flag("-fexceptions")
        .flag_if_supported("-fcxx-exceptions")
        .define("NAME(x)", "hard_left_##x")
        .file("../cpp/seh.cpp")
        .compile("seh_left");
}
