//! A plugin whose exports are data symbols, some of them thread-local.

use std::cell::Cell;
use std::ffi::c_int;

unsafe extern "C" {
    fn data_internal(by: c_int) -> c_int;
}

thread_local! {
    static TIMES: Cell<c_int> = const { Cell::new(0) };
}

/// Changes every exported variable and says how often this thread has done so.
#[unsafe(no_mangle)]
pub extern "C" fn hard_data_bump(by: c_int) -> c_int {
    // SAFETY: the program calls from one thread at a time.
    let secret = unsafe { data_internal(by) };
    assert_eq!(secret, 77);
    TIMES.set(TIMES.get() + 1);
    TIMES.get()
}
