//! Links to nothing that has the function: only the library is built.

fn main() {
    with_programs::with_programs();
}
