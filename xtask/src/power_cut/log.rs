//! What the recorder wrote down: everything that happened to the files of one directory, in one order.

/// One thing that happened. Names are relative to the directory; `.` is the directory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) what: What<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// A new, empty file.
    Created,
    Written {
        at: u64,
        bytes: &'a [u8],
    },
    Truncated {
        len: u64,
    },
    /// A sync with this number begins: it covers what came before.
    SyncBegins(u64),
    /// It has ended: what it covers is durable.
    SyncEnds(u64),
    Renamed {
        to: &'a str,
    },
    Removed,
}

/// Reads a log:
///
/// ```text
/// what (1 byte)   length of the name (1)   name   number (8, little endian)   length of the data (8)   data
/// ```
pub(super) fn read(mut log: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let mut entries = Vec::new();
    while !log.is_empty() {
        entries.push(entry(&mut log).ok_or_else(|| format!("entry {} of the log is broken", entries.len()))?);
    }
    Ok(entries)
}

fn entry<'a>(log: &mut &'a [u8]) -> Option<Entry<'a>> {
    let [what, name_len] = *log.split_off(..2)? else { return None };
    let name = std::str::from_utf8(log.split_off(..usize::from(name_len))?).ok()?;
    let number = u64::from_le_bytes(log.split_off(..8)?.try_into().ok()?);
    let len = u64::from_le_bytes(log.split_off(..8)?.try_into().ok()?);
    let bytes = log.split_off(..usize::try_from(len).ok()?)?;
    let what = match what {
        b'C' => What::Created,
        b'W' => What::Written { at: number, bytes },
        b'T' => What::Truncated { len: number },
        b'S' => What::SyncBegins(number),
        b'E' => What::SyncEnds(number),
        b'R' => What::Renamed { to: std::str::from_utf8(bytes).ok()? },
        b'U' => What::Removed,
        _ => return None,
    };
    Some(Entry { name, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_and_a_broken_one_is_an_error() {
        let mut log = b"C\x01a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0W\x01a\x05\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0hi".to_vec();
        let written = Entry { name: "a", what: What::Written { at: 5, bytes: b"hi" } };
        assert_eq!(read(&log), Ok(vec![Entry { name: "a", what: What::Created }, written]));
        log.pop();
        assert_eq!(read(&log), Err("entry 1 of the log is broken".to_owned()));
    }
}
