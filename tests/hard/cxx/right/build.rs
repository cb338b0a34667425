//! Compiles the C and C++ sources that both plugins have, as version 2.

fn main() {
    println!("cargo::rerun-if-changed=../cpp");
    let build = |cpp: bool| {
        let mut build = cc::Build::new();
        build
            .cpp(cpp)
            .define("SIDE", "2")
            .define("NAME(x)", "hard_right_##x");
        build
    };
    build(true)
        .std("c++17")
        .files(["../cpp/lib.cpp", "../cpp/more.cpp"])
        .compile("cxx_right");
    build(false)
        .flag("-fcommon")
        .files(["../cpp/plain.c", "../cpp/strings.c", "../cpp/dormant.c"])
        .compile("plain_right");
}
