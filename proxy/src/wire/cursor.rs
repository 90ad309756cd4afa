//! Reading a message's body: every step is checked, and nothing may be left over at the end.

/// A body that is being read, front to back. Each method gives `None` where the bytes are not there.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the front of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Cursor { rest: body }
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next two bytes as the protocol's Int16, unsigned.
    pub fn u16(&mut self) -> Option<u16> {
        let (&bytes, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        Some(u16::from_be_bytes(bytes))
    }

    /// The next two bytes as the protocol's Int16.
    pub fn i16(&mut self) -> Option<i16> {
        let (&bytes, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        Some(i16::from_be_bytes(bytes))
    }

    /// The next four bytes as the protocol's Int32, unsigned (an OID).
    pub fn u32(&mut self) -> Option<u32> {
        let (&bytes, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_be_bytes(bytes))
    }

    /// The next four bytes as the protocol's Int32.
    pub fn i32(&mut self) -> Option<i32> {
        let (&bytes, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(i32::from_be_bytes(bytes))
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// Bytes up to the next zero byte, which is taken too and left out.
    pub fn cstring(&mut self) -> Option<&'a [u8]> {
        let at = self.rest.iter().position(|b| *b == 0)?;
        let text = self.bytes(at)?;
        self.u8()?;
        Some(text)
    }

    /// A length and that many bytes; the inner `None` is the length -1 (NULL). Other negative lengths are not there.
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Some(None),
            n => self.bytes(usize::try_from(n).ok()?).map(Some),
        }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// `whole`, if nothing is left over.
    pub fn end<T>(&self, whole: T) -> Option<T> {
        self.rest.is_empty().then_some(whole)
    }
}
