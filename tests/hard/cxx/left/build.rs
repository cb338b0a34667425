//! Compiles the C and C++ sources that both plugins have, as version 1.

fn main() {
    println!("cargo::rerun-if-changed=../cpp");
    let build = |cpp: bool| {
        let mut build = cc::Build::new();
        build
            .cpp(cpp)
            .define("SIDE", "1")
            .define("NAME(x)", "hard_left_##x");
        build
    };
    build(true)
        .std("c++17")
        .files(["../cpp/lib.cpp", "../cpp/more.cpp"])
        .compile("cxx_left");
    build(false)
        .flag("-fcommon")
        .files([
            "../cpp/plain.c",
            "../cpp/strings.c",
            "../cpp/dormant.c",
            "../cpp/strong.c",
        ])
        .compile("plain_left");
}
