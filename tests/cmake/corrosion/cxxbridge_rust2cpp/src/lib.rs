//! Two bridges that C++ calls.

mod further;

#[cxx::bridge(namespace = "first")]
mod bridge {
    extern "Rust" {
        fn show(numbers: &[u32]);
    }
}

fn show(numbers: &[u32]) {
    println!("first: {numbers:?}");
}
