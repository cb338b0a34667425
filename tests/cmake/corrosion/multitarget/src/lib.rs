//! A library beside programs. It calls what the program has that links it.

unsafe extern "C" {
    fn of_the_program(number: i32) -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn with_programs() {
    // SAFETY: the program's function takes any number.
    println!("{}", unsafe { of_the_program(20) });
}
