//! A bridge that uses the types of another one.

mod outcome;

#[cxx::bridge]
mod bridge {
    unsafe extern "C++" {
        include!("shared-types/src/outcome.rs.h");
        type Outcome = crate::outcome::bridge::Outcome;
    }

    extern "Rust" {
        fn of_nothing() -> Result<Outcome>;
    }
}

fn of_nothing() -> Result<bridge::Outcome, String> {
    outcome::outcome("nothing")
}
