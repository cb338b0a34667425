//! A Rust program, as a library for the linker at hand: it has its own std beside the plugins' one.

use std::collections::HashMap;
use std::{panic, thread};

unsafe extern "C" {
    fn hard_left_catches() -> i32;
    fn hard_right_catches() -> i32;
    fn hard_left_joins() -> i32;
    fn hard_left_quiet();
    fn hard_right_quiet();
}

#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    let plugins = unsafe {
        hard_left_quiet();
        hard_right_quiet();
        [hard_left_catches(), hard_right_catches(), hard_left_joins()]
    };
    panic::set_hook(Box::new(|_| {}));
    let own = panic::catch_unwind(|| panic!("the program's own")).is_err();
    let sum = thread::spawn(|| {
        let map: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
        map.values().sum::<u32>()
    });
    if plugins == [1, 1, 1] && own && sum.join().is_ok_and(|s| s == 328_350) {
        println!("all right");
        0
    } else {
        eprintln!("{plugins:?} {own}");
        1
    }
}
