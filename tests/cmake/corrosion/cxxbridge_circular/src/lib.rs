//! C++ calls Rust, which calls C++.

#[cxx::bridge]
mod bridge {
    #[derive(PartialEq)]
    struct Size {
        width: u32,
        height: u32,
    }

    unsafe extern "C++" {
        include!("measure.h");
        fn measure(name: &str) -> Size;
    }

    extern "Rust" {
        fn is_that_of(self: &Size, name: &str) -> bool;
    }
}

impl bridge::Size {
    fn is_that_of(&self, name: &str) -> bool {
        println!("asked for {name}");
        *self == bridge::measure(name)
    }
}
