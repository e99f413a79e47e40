//! The spool: pings on disk until the server says that they are merged.
//!
//! A file of lines, only ever appended to, and rewritten now and then without what is gone. A ping counts as kept once it is synced to the disk.
//! The other lines need no sync: a crash that loses one makes the agent send again what was merged already, which changes nothing.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use domain::time::UnixMs;

use crate::chain::Chain;
use crate::files::{self, FileError};
use crate::watch::Ping;

use book::Book;
use line::{Line, PingLine, line_bytes};

mod book;
mod line;
#[cfg(test)]
mod tests;

/// Lines that stand for nothing any more and may be in the file before it is rewritten, beside one for each ping that is kept.
const DEAD_LINES_MAX: usize = 1_024;

/// A ping with the number under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Counts up from 1.
    pub seq: u64,
    /// What is kept.
    pub ping: Ping,
}

/// A number and the ping to send under it. That is the ping's own number, unless the one that had this number is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The number to settle.
    pub seq: u64,
    /// The ping.
    pub kept: Kept,
}

/// What an answer meant for the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing more is merged than before.
    None,
    /// More is merged, and gone from the spool.
    Merged,
    /// The server knows higher numbers of this device, so everything that is kept has a new number and must be sent again.
    Renumbered,
}

/// How much a spool may hold before the oldest pings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Pings.
    pub pings: usize,
    /// Bytes of their lines.
    pub bytes: usize,
}

/// What the spool says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Pings that are kept.
    pub waiting: usize,
    /// Bytes of their lines.
    pub bytes: usize,
    /// Start of the oldest of them.
    pub oldest: Option<UnixMs>,
    /// Start of the newest of them.
    pub newest: Option<UnixMs>,
    /// The number given last.
    pub numbered: u64,
    /// Through which number the server has merged everything.
    pub merged: u64,
    /// When the server last took a request.
    pub answered_at: Option<UnixMs>,
    /// Pings given up because the spool was full.
    pub dropped: u64,
    /// Pings that the server will never take.
    pub refused: u64,
    /// Lines of the file that could not be read.
    pub unreadable: u64,
    /// The e-mail address of the account that the pings belong to.
    pub owner: Option<String>,
}

/// The spool of one device. One process at a time may have it open.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    book: Book,
    bounds: Bounds,
    /// The length of the file up to its last whole line.
    bytes: u64,
    lines: usize,
    /// Whether something may stand in the file after `bytes`.
    torn: bool,
    unreadable: u64,
    /// The greatest number that the server may have seen from this spool.
    offered: u64,
}

impl Spool {
    /// As [`Spool::open_within`], for at most `max` pings of any length.
    pub fn open(dir: &Path, max: usize) -> Result<Self, FileError> {
        let bytes = usize::MAX;
        Self::open_within(dir, Bounds { pings: max, bytes })
    }

    /// Opens the spool in `dir`, or makes an empty one.
    pub fn open_within(dir: &Path, bounds: Bounds) -> Result<Self, FileError> {
        let path = path_in(dir);
        let replayed = replay(&path)?;
        let opened = File::options().append(true).open(&path);
        let (file, is_new) = match opened {
            Ok(file) => (file, replayed.bytes == 0),
            // Made by the rewrite below.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (files::replace_with(&path, |_| Ok(()))?, true)
            }
            Err(source) => return Err(FileError::new("open", &path, source)),
        };
        let mut spool = Self {
            offered: replayed.book.last(),
            path,
            file,
            bounds,
            bytes: replayed.bytes,
            lines: replayed.lines,
            torn: replayed.torn,
            unreadable: replayed.unreadable,
            book: replayed.book,
        };
        if is_new || spool.unreadable > 0 {
            spool.rewrite(&spool.book.clone())?;
        }
        Ok(spool)
    }

    /// Keeps the pings, in order, and gives how many of the oldest had to go for them. When it returns, they survive a power cut; when it fails,
    /// none is kept and none is gone.
    pub fn keep(&mut self, pings: &[Ping]) -> Result<u64, FileError> {
        let kept: Vec<Kept> = (self.book.last() + 1..)
            .zip(pings)
            .map(|(seq, ping)| Kept {
                seq,
                ping: ping.clone(),
            })
            .collect();
        let mut lines: Vec<Line<'_>> = kept.iter().map(|kept| Line::Ping(PingLine::of(kept))).collect();
        if let Some(through) = self.full_through(&kept) {
            lines.push(Line::Dropped { through });
        }
        let before = self.book.dropped();
        self.append(&lines, true)?;
        self.rewrite_if_due();
        Ok(self.book.dropped() - before)
    }

    /// At most `max` numbers after `after` to send, in order and without a gap.
    pub fn offers(&mut self, after: u64, max: usize) -> Vec<Offer> {
        let offers = self.book.offers(after, max);
        self.offered = offers.last().map_or(self.offered, |offer| self.offered.max(offer.seq));
        offers
    }

    /// Takes in that the server took a request and what it says is merged, and forgets what is.
    ///
    /// A number that this spool never sent comes from another spool of the same device, one that was lost: then everything is numbered anew above
    /// it, or the server would take new pings for old ones.
    pub fn answered(&mut self, merged: u64, at: UnixMs) -> Result<News, FileError> {
        let before = self.book.merged();
        let foreign = merged > self.offered || (!self.book.agreed() && merged > 0);
        if foreign {
            self.append(&[Line::Answered { at: at.0, merged: 0 }], false)?;
            self.renumber(merged + 1)?;
            return Ok(News::Renumbered);
        }
        self.append(&[Line::Answered { at: at.0, merged }], false)?;
        self.rewrite_if_due();
        Ok(if merged > before { News::Merged } else { News::None })
    }

    /// Numbers everything that is kept anew from `first` on, as for a server that lost count.
    pub fn renumber(&mut self, first: u64) -> Result<(), FileError> {
        let mut renumbered = self.book.clone();
        renumbered.renumber(first.max(1));
        self.rewrite(&renumbered)?;
        self.book = renumbered;
        self.offered = self.book.merged();
        Ok(())
    }

    /// Gives up a ping that the server will never take.
    pub fn refuse(&mut self, seq: u64) -> Result<(), FileError> {
        self.append(&[Line::Refused { seq }], false)
    }

    /// Makes the pings those of an account. False, and nothing is changed, while the spool holds pings of another.
    pub fn own(&mut self, email: &str) -> Result<bool, FileError> {
        match self.book.owner() {
            Some(owner) if owner == email => Ok(true),
            Some(_) if !self.book.queue().is_empty() => Ok(false),
            _ => {
                let email = Cow::Borrowed(email);
                self.append(&[Line::Owner { email }], true)?;
                Ok(true)
            }
        }
    }

    /// How many pings are kept.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.book.queue().len()
    }

    /// The number of the newest ping that is kept; 0 if there is none.
    #[must_use]
    pub fn last_kept(&self) -> u64 {
        self.book.queue().back().map_or(0, |kept| kept.seq)
    }

    /// Through which number the server has merged everything.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.book.merged()
    }

    /// What the spool says about itself.
    #[must_use]
    pub fn summary(&self) -> Summary {
        summary_of(&self.book, self.unreadable)
    }

    /// Through which number the oldest have to go for `more` to fit.
    fn full_through(&self, more: &[Kept]) -> Option<u64> {
        let queue = self.book.queue();
        let all = || queue.iter().chain(more);
        let pings = queue.len() + more.len();
        let bytes = self.book.bytes() + more.iter().map(line_bytes).sum::<usize>();
        if pings <= self.bounds.pings && bytes <= self.bounds.bytes {
            return None;
        }
        // A hundredth at a time, so that a full spool does not say so at every ping.
        let least = pings
            .saturating_sub(self.bounds.pings)
            .max(self.bounds.pings.min(pings) / 100);
        let mut left = bytes;
        let gone = all().enumerate().take_while(|(place, kept)| {
            let goes = *place < least || left > self.bounds.bytes;
            left -= line_bytes(kept);
            goes
        });
        gone.last().map(|(_, kept)| kept.seq)
    }

    /// Appends the lines, and takes them in once they are written.
    fn append(&mut self, lines: &[Line<'_>], sync: bool) -> Result<(), FileError> {
        let mut bytes = Vec::new();
        for line in lines {
            line.write(&mut bytes);
        }
        let failed = |source| FileError::new("write", &self.path, source);
        if self.torn {
            self.file.set_len(self.bytes).map_err(failed)?;
        }
        self.torn = true;
        self.file.write_all(&bytes).map_err(failed)?;
        if sync {
            self.file.sync_data().map_err(failed)?;
        }
        self.torn = false;
        self.bytes += bytes.len() as u64;
        self.lines += lines.len();
        for line in lines {
            self.book.apply(line);
        }
        Ok(())
    }

    fn rewrite_if_due(&mut self) {
        if self.lines <= 2 * self.book.queue().len() + DEAD_LINES_MAX {
            return;
        }
        self.book.tidy();
        let book = std::mem::take(&mut self.book);
        let rewritten = self.rewrite(&book);
        self.book = book;
        if let Err(error) = rewritten {
            // Nothing is lost: the old file stays in use, and grows.
            tracing::warn!(error = %Chain(&error), "the spool could not be rewritten");
        }
    }

    /// Writes the file anew with what the book holds.
    fn rewrite(&mut self, book: &Book) -> Result<(), FileError> {
        let mut written = 0;
        self.file = files::replace_with(&self.path, |file| {
            let mut to = BufWriter::new(file);
            let mut bytes = Vec::new();
            Line::Head(book.head()).write(&mut bytes);
            for kept in book.queue() {
                to.write_all(&bytes)?;
                written += bytes.len() as u64;
                bytes.clear();
                Line::Ping(PingLine::of(kept)).write(&mut bytes);
            }
            to.write_all(&bytes)?;
            written += bytes.len() as u64;
            to.flush()
        })?;
        self.bytes = written;
        self.lines = 1 + book.queue().len();
        self.torn = false;
        Ok(())
    }
}

/// What the spool in `dir` says about itself, read without touching it. It may be in use.
pub fn summary(dir: &Path) -> Result<Summary, FileError> {
    let replayed = replay(&path_in(dir))?;
    Ok(summary_of(&replayed.book, replayed.unreadable))
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("spool")
}

fn summary_of(book: &Book, unreadable: u64) -> Summary {
    Summary {
        waiting: book.queue().len(),
        bytes: book.bytes(),
        oldest: book.queue().front().map(|kept| kept.ping.span.start()),
        newest: book.queue().back().map(|kept| kept.ping.span.start()),
        numbered: book.last(),
        merged: book.merged(),
        answered_at: book.answered_at(),
        dropped: book.dropped(),
        refused: book.refused(),
        unreadable,
        owner: book.owner().map(str::to_owned),
    }
}

#[derive(Default)]
struct Replayed {
    book: Book,
    bytes: u64,
    lines: usize,
    torn: bool,
    unreadable: u64,
}

fn replay(path: &Path) -> Result<Replayed, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Replayed::default()),
        Err(source) => return Err(FileError::new("open", path, source)),
    };
    let mut reader = BufReader::new(file);
    let mut replayed = Replayed::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|source| FileError::new("read", path, source))?;
        if read == 0 {
            return Ok(replayed);
        }
        let Some(text) = line.strip_suffix(b"\n") else {
            // The crash came in the middle of this line, so it was never kept.
            replayed.torn = true;
            return Ok(replayed);
        };
        if !Line::read(text).is_some_and(|line| replayed.book.apply(&line)) {
            replayed.unreadable += 1;
        }
        replayed.bytes += read as u64;
        replayed.lines += 1;
    }
}
