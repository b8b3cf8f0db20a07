//! Chance, in bytes.

use std::cell::RefCell;

/// Random bytes that a thread asks the operating system for at once: a system call for each name would show.
const DRAWN_BYTES: usize = 1_024;

thread_local! {
    /// Bytes that were drawn, and how many of them were given out.
    static DRAWN: RefCell<([u8; DRAWN_BYTES], usize)> = const { RefCell::new(([0; DRAWN_BYTES], DRAWN_BYTES)) };
}

/// Bytes that nobody can foretell, and that are given out once.
///
/// # Panics
/// When the operating system has none.
pub fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= DRAWN_BYTES) };
    DRAWN.with_borrow_mut(|(drawn, given)| {
        if *given + N > DRAWN_BYTES {
            getrandom::fill(drawn).expect("the operating system gives random bytes");
            *given = 0;
        }
        let bytes = std::array::from_fn(|n| drawn[*given + n]);
        drawn[*given..*given + N].fill(0);
        *given += N;
        bytes
    })
}
