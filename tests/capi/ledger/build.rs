fn main() {
    cxx_build::bridge("src/lib.rs")
        .file("src/book.cpp")
        .std("c++17")
        .compile("ledger-book");
    println!("cargo:rerun-if-changed=src/book.cpp");
    println!("cargo:rerun-if-changed=src/book.h");
}
