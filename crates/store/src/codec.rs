//! The form of stored values: they name their codec, are compressed where that pays, and sealed where a key is set.
//!
//! ```text
//! byte 0   the rest of it
//!      0   the value
//!      1   its length (u32, little endian), one LZ4 block
//!     16   sealed bytes; they open to one of the above
//! ```
//!
//! A later release reads all codecs that an earlier one wrote.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use stepwell_engine::ExecutionId;

use crate::catalogue::Kind;
use crate::transition::{Entity, Sealed};

/// Values below this size are stored as they are: LZ4 finds nothing in them worth its 5 bytes.
const COMPRESSED_BYTES_MIN: usize = 64;

/// Longer values are not read: a length that a damaged file claims must not become an allocation.
pub const VALUE_BYTES_MAX: usize = 256 << 20;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;
const SEALED: u8 = 16;

/// Where a value belongs. A sealed value opens in its own place only, so that rows cannot be swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place<'a> {
    /// The root record of an execution or a Map Run.
    Root(Entity),
    /// Another record of it, by its key.
    Record(Entity, u64),
    /// The chunk of a history that starts with this event.
    Chunk(Entity, u32),
    /// A payload of an execution or a Map Run, by its number.
    Payload(Entity, u32),
    /// A letter to an execution or a Map Run.
    Letter(Entity),
    /// What an asynchronous Express execution starts with.
    Express(ExecutionId),
    /// A row of the catalogue, by its key.
    Row(Kind, &'a str),
}

/// Encrypts and decrypts stored values.
pub trait Seal: Send + Sync + 'static {
    /// Seals a value in place; false: values of this place are not sealed, and it is as it was.
    ///
    /// # Errors
    /// When its key cannot be had.
    fn seal(&self, place: Place<'_>, value: &mut Vec<u8>) -> Result<bool, SealError>;

    /// Opens a sealed value in place.
    ///
    /// # Errors
    /// When its key cannot be had, or the value was not sealed for this place.
    fn open(&self, place: Place<'_>, value: &mut Vec<u8>) -> Result<(), SealError>;
}

/// No encryption: the state of affairs until a key is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSeal;

impl Seal for NoSeal {
    fn seal(&self, _: Place<'_>, _: &mut Vec<u8>) -> Result<bool, SealError> {
        Ok(false)
    }

    fn open(&self, _: Place<'_>, _: &mut Vec<u8>) -> Result<(), SealError> {
        Err(SealError("the value is encrypted, and no key is set".into()))
    }
}

/// A value could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// Why stored bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It is empty, or its codec is not one of ours.
    #[error("a stored value has a codec that this release does not know")]
    Unknown,
    /// It does not decompress.
    #[error("a stored value is damaged: it does not decompress")]
    Damaged,
    /// It does not open.
    #[error("a stored value cannot be opened")]
    Sealed(#[source] SealError),
}

/// Makes [`Sealed`] values and reads them. Cheap to clone.
#[derive(Clone)]
pub struct Codec {
    seal: Arc<dyn Seal>,
}

impl Codec {
    /// A codec that encrypts with this.
    pub fn new(seal: Arc<dyn Seal>) -> Codec {
        Codec { seal }
    }

    /// The stored form of a value.
    ///
    /// # Errors
    /// When its key cannot be had.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Sealed, SealError> {
        let mut stored = compress(value);
        // What is sealed has its codec byte inside and another, which says so, in front.
        let is_sealed = self.seal.seal(place, &mut stored)?;
        if is_sealed {
            stored.insert(0, SEALED);
        }
        Ok(Sealed(stored))
    }

    /// The value of a stored form.
    ///
    /// # Errors
    /// [`CodecError`]
    pub fn open<'s>(&self, place: Place<'_>, stored: &'s Sealed) -> Result<Cow<'s, [u8]>, CodecError> {
        match stored.0.split_first() {
            Some((&SEALED, sealed)) => {
                let mut opened = sealed.to_vec();
                self.seal.open(place, &mut opened).map_err(CodecError::Sealed)?;
                Ok(Cow::Owned(decompress(&opened)?.into_owned()))
            }
            _ => decompress(&stored.0),
        }
    }
}

impl Default for Codec {
    fn default() -> Codec {
        Codec::new(Arc::new(NoSeal))
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codec")
    }
}

fn compress(value: &[u8]) -> Vec<u8> {
    assert!(value.len() <= VALUE_BYTES_MAX, "a value of {} bytes would not be read again", value.len());
    if value.len() >= COMPRESSED_BYTES_MIN {
        let mut stored = vec![0; 5 + lz4_flex::block::get_maximum_output_size(value.len())];
        stored[0] = LZ4;
        stored[1..5].copy_from_slice(&(value.len() as u32).to_le_bytes());
        let written = lz4_flex::block::compress_into(value, &mut stored[5..]);
        // An eighth is the least that is worth decompressing for at each read.
        if let Ok(len) = written
            && 5 + len <= value.len() - value.len() / 8
        {
            stored.truncate(5 + len);
            stored.shrink_to_fit();
            return stored;
        }
    }
    let mut stored = Vec::with_capacity(1 + value.len());
    stored.push(PLAIN);
    stored.extend_from_slice(value);
    stored
}

fn decompress(stored: &[u8]) -> Result<Cow<'_, [u8]>, CodecError> {
    match stored.split_first() {
        Some((&PLAIN, value)) => Ok(Cow::Borrowed(value)),
        Some((&LZ4, rest)) => {
            let (len, block) = rest.split_first_chunk::<4>().ok_or(CodecError::Damaged)?;
            let len = u32::from_le_bytes(*len) as usize;
            // A block of LZ4 grows 255-fold at most.
            if len > VALUE_BYTES_MAX || len / 255 > block.len() {
                return Err(CodecError::Damaged);
            }
            let mut value = vec![0; len];
            match lz4_flex::block::decompress_into(block, &mut value) {
                Ok(written) if written == len => Ok(Cow::Owned(value)),
                _ => Err(CodecError::Damaged),
            }
        }
        _ => Err(CodecError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'static> = Place::Payload(Entity::Execution(ExecutionId(1)), 7);

    fn sealed(value: &[u8]) -> Sealed {
        Codec::default().seal(PLACE, value).unwrap()
    }

    fn opened(stored: &[u8]) -> Result<Vec<u8>, CodecError> {
        Codec::default().open(PLACE, &Sealed(stored.to_vec())).map(Cow::into_owned)
    }

    #[test]
    fn what_repeats_is_compressed_and_what_does_not_is_stored_as_it_is() {
        let repetitive = br#"{"orderId":"A-1","customer":"Ann","orderId":"A-2","customer":"Ann"}"#.repeat(4);
        assert_eq!(sealed(&repetitive).0[0], LZ4);
        assert!(sealed(&repetitive).0.len() < repetitive.len() / 2);
        assert_eq!(sealed(b"{}").0, [PLAIN, b'{', b'}']);
        let random: Vec<u8> = (0..200u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(sealed(&random).0.len(), random.len() + 1);
    }

    #[test]
    fn what_the_first_release_wrote_is_read() {
        assert_eq!(opened(b"\0{\"a\":1}").unwrap(), b"{\"a\":1}");
        // 70 times "a": a literal, then a match of 64 at distance 1, then five literals.
        let block = [&[LZ4, 70, 0, 0, 0][..], &[0x1f, b'a', 1, 0, 45, 0x50], b"aaaaa"].concat();
        assert_eq!(opened(&block).unwrap(), [b'a'; 70]);
    }

    #[test]
    fn bytes_that_are_no_value_are_an_error_that_says_so() {
        assert_eq!(opened(b""), Err(CodecError::Unknown));
        assert_eq!(opened(b"\x02abc"), Err(CodecError::Unknown));
        assert_eq!(opened(b"\x20abc"), Err(CodecError::Unknown));
        assert_eq!(opened(b"\x01\x05\x00"), Err(CodecError::Damaged));
        assert_eq!(opened(b"\x01\xff\xff\xff\xffabc"), Err(CodecError::Damaged));
        assert!(matches!(opened(b"\x10abc"), Err(CodecError::Sealed(_))));
    }

    /// Adds the place's number to each byte: enough to see that a value is sealed for its place.
    struct Shift;

    impl Shift {
        fn by(place: Place<'_>) -> Option<u8> {
            match place {
                Place::Payload(_, number) => Some(number as u8),
                _ => None,
            }
        }
    }

    impl Seal for Shift {
        fn seal(&self, place: Place<'_>, value: &mut Vec<u8>) -> Result<bool, SealError> {
            let Some(by) = Shift::by(place) else { return Ok(false) };
            value.iter_mut().for_each(|byte| *byte = byte.wrapping_add(by));
            value.push(by);
            Ok(true)
        }

        fn open(&self, place: Place<'_>, value: &mut Vec<u8>) -> Result<(), SealError> {
            let by = value.pop().filter(|by| Some(*by) == Shift::by(place));
            let by = by.ok_or_else(|| SealError("not of this place".into()))?;
            value.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(by));
            Ok(())
        }
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_and_where_nothing_is_sealed_it_stands_in_the_clear() {
        let codec = Codec::new(Arc::new(Shift));
        let value = b"payload ".repeat(20);
        let stored = codec.seal(PLACE, &value).unwrap();
        assert_eq!(stored.0[0], SEALED);
        assert_eq!(codec.open(PLACE, &stored).unwrap(), value);
        let elsewhere = Place::Payload(Entity::Execution(ExecutionId(1)), 8);
        assert!(matches!(codec.open(elsewhere, &stored), Err(CodecError::Sealed(_))));

        let row = Place::Row(Kind::Activity, "arn");
        assert_eq!(codec.seal(row, b"{}").unwrap().0, [PLAIN, b'{', b'}']);
        // What was stored before a key was set is read after it, too.
        assert_eq!(codec.open(PLACE, &sealed(&value)).unwrap(), value);
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_stored(value in proptest::collection::vec(0u8..4, 0..2000)) {
            prop_assert_eq!(opened(&sealed(&value).0).unwrap(), value);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(stored in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = opened(&stored);
        }
    }
}
