//! A ZIP that is taken away as it grows.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// A ZIP (APPNOTE 6.3.3) whose files are written one after the other. Their lengths follow them, as nothing that was taken can be changed any more.
pub(super) struct Archive {
    /// `None` once it is finished.
    writer: Option<ZipWriter<StreamWriter<Grown>>>,
    grown: Grown,
    has_rows: bool,
}

/// What was written and not taken yet.
#[derive(Clone, Default)]
struct Grown(Arc<Mutex<Vec<u8>>>);

impl Default for Archive {
    fn default() -> Self {
        let grown = Grown::default();
        Self {
            writer: Some(ZipWriter::new_stream(grown.clone())),
            grown,
            has_rows: false,
        }
    }
}

impl Archive {
    /// A whole file.
    pub(super) fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.write(content)
    }

    /// The file before ends, and this one begins.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.has_rows = false;
        self.writer()?.start_file(name, options).map_err(io::Error::other)
    }

    /// More of the file.
    pub(super) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.writer()?.write_all(content)
    }

    /// More rows of the file.
    pub(super) fn write_rows(&mut self, rows: &[u8]) -> io::Result<()> {
        self.has_rows |= !rows.is_empty();
        self.write(rows)
    }

    /// Whether the file has rows by now.
    pub(super) fn has_rows(&self) -> bool {
        self.has_rows
    }

    /// The end of the last file, and the list of all.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let writer = self.writer.take().ok_or_else(finished)?;
        writer.finish().map(drop).map_err(io::Error::other)
    }

    /// What has grown since it was taken last.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut *self.grown.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }

    fn writer(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<Grown>>> {
        self.writer.as_mut().ok_or_else(finished)
    }
}

fn finished() -> io::Error {
    io::Error::other("the archive is finished")
}

impl Write for Grown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
