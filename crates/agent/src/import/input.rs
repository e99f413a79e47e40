//! Files and standard input, opened and looked at for what they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use super::ImportError;

/// What stands for standard input.
pub const STANDARD_INPUT: &str = "-";
/// So much of the beginning is looked at.
const HEAD_BYTES: u64 = 4 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that is open.
pub struct Input {
    /// What it is called.
    pub name: String,
    /// Whether it is JSON; else it is a table.
    pub is_json: bool,
    /// The rest of it, which is all.
    pub from: Box<dyn BufRead>,
}

impl Input {
    /// Opens a file, or standard input.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        if path.as_os_str() == STANDARD_INPUT {
            return Self::of("standard input".to_owned(), Box::new(io::stdin()));
        }
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::of(name, Box::new(file)),
            Err(source) => Err(ImportError::Open { file: name, source }),
        }
    }

    pub(super) fn of(name: String, mut from: Box<dyn Read>) -> Result<Self, ImportError> {
        let mut head = Vec::new();
        if let Err(source) = from.by_ref().take(HEAD_BYTES).read_to_end(&mut head) {
            return Err(ImportError::Open { file: name, source });
        }
        if let Some(what) = unreadable(&head) {
            return Err(ImportError::Unreadable { file: name, what });
        }
        if head.starts_with(MARK) {
            head.drain(..MARK.len());
        }
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        Ok(Self {
            is_json: matches!(first, Some(b'{' | b'[')),
            from: Box::new(BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(from))),
            name,
        })
    }
}

/// What a file is that has to be made into another first.
fn unreadable(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "is written in UTF-16: save it as UTF-8"),
        (b"\xfe\xff", "is written in UTF-16: save it as UTF-8"),
        (b"\x1f\x8b", "is compressed: unpack it with gunzip"),
        (b"PK\x03\x04", "is an archive: unpack it first"),
        (
            b"SQLite format 3",
            "is a database: export it from the program that made it",
        ),
    ];
    if head.is_empty() {
        return Some("is empty");
    }
    known
        .iter()
        .find(|(mark, _)| head.starts_with(mark))
        .map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &'static [u8]) -> Result<(bool, Vec<u8>), String> {
        let input = Input::of("x".to_owned(), Box::new(bytes)).map_err(|error| error.to_string())?;
        let (is_json, mut from, mut all) = (input.is_json, input.from, Vec::new());
        from.read_to_end(&mut all).expect("memory");
        Ok((is_json, all))
    }

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes_and_none_is_lost() {
        assert_eq!(of(b" \n {\"a\": 1}"), Ok((true, b" \n {\"a\": 1}".to_vec())));
        assert_eq!(of(b"\xef\xbb\xbf[]"), Ok((true, b"[]".to_vec())));
        assert_eq!(of(b"\xef\xbb\xbfstart,end\n"), Ok((false, b"start,end\n".to_vec())));
        assert_eq!(of(b"\n"), Ok((false, b"\n".to_vec())));
    }

    #[test]
    fn what_has_to_be_unpacked_first_is_said() {
        for (bytes, word) in [
            (&b""[..], "empty"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"PK\x03\x04", "archive"),
            (b"SQLite format 3\0", "database"),
        ] {
            assert!(of(bytes).is_err_and(|why| why.contains(word)), "{word}");
        }
    }
}
