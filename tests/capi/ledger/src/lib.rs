//! A C API over C++ by way of cxx: calls and exceptions both ways, and each side's strings and vectors.

use std::ffi::{CStr, c_char};

use cxx::UniquePtr;

#[cxx::bridge(namespace = "ledger")]
mod ffi {
    struct Line {
        account: String,
        balance: i64,
    }

    extern "Rust" {
        type Auditor;
        fn accepts(&self, account: &CxxString, balance: i64) -> bool;
    }

    unsafe extern "C++" {
        include!("capi-ledger/src/book.h");
        type Book;
        fn open() -> UniquePtr<Book>;
        fn add(self: Pin<&mut Book>, account: &str, amount: i64) -> Result<i64>;
        fn lines(&self) -> Vec<Line>;
        fn audit(&self, auditor: &Auditor) -> usize;
        fn richest(&self) -> UniquePtr<CxxString>;
    }
}

/// What C++ asks about each account.
pub struct Auditor {
    most: i64,
}

impl Auditor {
    fn accepts(&self, account: &cxx::CxxString, balance: i64) -> bool {
        !account.is_empty() && balance <= self.most
    }
}

/// A book, and what went wrong last.
pub struct Ledger {
    book: UniquePtr<ffi::Book>,
    error: String,
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_open() -> Box<Ledger> {
    Box::new(Ledger {
        book: ffi::open(),
        error: String::new(),
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_close(ledger: Option<Box<Ledger>>) {
    drop(ledger);
}

/// The new balance; below zero where C++ threw.
///
/// # Safety
/// `account` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ledger_add(
    ledger: &mut Ledger,
    account: *const c_char,
    amount: i64,
) -> i64 {
    // SAFETY: see above.
    let account = unsafe { CStr::from_ptr(account) }.to_string_lossy();
    match ledger.book.pin_mut().add(&account, amount) {
        Ok(balance) => balance,
        Err(error) => {
            ledger.error = error.what().to_owned();
            -1
        }
    }
}

/// Writes as much of a text as there is room for, with a zero; gives the length of the whole.
///
/// # Safety
/// `to` has room for as many bytes as `room` says.
unsafe fn write(text: &str, to: *mut c_char, room: usize) -> usize {
    if let Some(most) = room.checked_sub(1) {
        let length = text.len().min(most);
        // SAFETY: see above.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, length);
            *to.add(length) = 0;
        }
    }
    text.len()
}

/// # Safety
/// `to` has room for as many bytes as `room` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ledger_error(ledger: &Ledger, to: *mut c_char, room: usize) -> usize {
    // SAFETY: see above.
    unsafe { write(&ledger.error, to, room) }
}

/// # Safety
/// `to` has room for as many bytes as `room` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ledger_richest(ledger: &Ledger, to: *mut c_char, room: usize) -> usize {
    let richest = ledger.book.richest();
    // SAFETY: see above.
    unsafe { write(&richest.to_string_lossy(), to, room) }
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_total(ledger: &Ledger) -> i64 {
    ledger
        .book
        .lines()
        .iter()
        .filter(|line| !line.account.is_empty())
        .map(|line| line.balance)
        .sum()
}

#[unsafe(no_mangle)]
pub extern "C" fn ledger_audit(ledger: &Ledger, most: i64) -> usize {
    ledger.book.audit(&Auditor { most })
}
