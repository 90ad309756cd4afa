//! Buffers that exist only while bytes are under way: one to read into for each thread, and a few to write from.

use std::cell::RefCell;

/// Bytes read at once, and the room of a buffer to write from.
pub const SIZE: usize = 64 * 1024;

/// Larger buffers (one large message grew them) are not kept.
const KEPT_SIZE: usize = 4 * SIZE;

/// Buffers kept for each thread.
const KEPT: usize = 32;

thread_local! {
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; SIZE].into_boxed_slice());
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with the thread's reading buffer. `work` must not ask for it again.
pub fn with_reading<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    READING.with_borrow_mut(|buffer| work(buffer))
}

/// Makes sure that `buffer` has room.
pub fn lend(buffer: &mut Vec<u8>) {
    if buffer.capacity() == 0 {
        *buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(SIZE));
    }
}

/// Takes the room of a buffer whose bytes are done with.
pub fn give_back(buffer: &mut Vec<u8>) {
    let mut buffer = std::mem::take(buffer);
    buffer.clear();
    if (SIZE..=KEPT_SIZE).contains(&buffer.capacity()) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(buffer);
            }
        });
    }
}
