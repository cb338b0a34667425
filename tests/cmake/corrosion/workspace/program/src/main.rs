//! A program that has the name of a target of CMake.

fn main() {
    first_member::first_member();
}
