//! The second one.

#[cxx::bridge(namespace = "second")]
mod bridge {
    extern "Rust" {
        fn show(numbers: &[u32]);
    }
}

fn show(numbers: &[u32]) {
    println!("second: {}", numbers.iter().sum::<u32>());
}
