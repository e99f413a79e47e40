//! What is found in the files: rows, points and names, before anything is joined.

use std::sync::Arc;

use domain::trackers::activitywatch::Row;

use crate::privacy::Privacy;

use super::activitywatch::{Bucket, Rows};
use super::claims::Used;
use super::names::Names;
use super::places::Places;
use super::points::Points;
use super::report::FileReport;

/// The most events, heartbeats and rows of all files together: more than ten years of anybody's.
pub const ROWS_MAX: usize = 10_000_000;

/// Everything found so far.
#[derive(Debug)]
pub struct Found {
    /// ActivityWatch's buckets.
    pub buckets: Vec<Bucket>,
    /// Claims that were written down as such.
    pub claims: Vec<Row<Used>>,
    /// WakaTime's heartbeats.
    pub points: Points,
    /// Names, and what the rules say of them.
    pub names: Names,
    /// Where all that stands.
    pub places: Places,
    rows: usize,
    rows_max: usize,
}

impl Found {
    /// Nothing yet, and room for `rows_max` rows.
    #[must_use]
    pub fn under(privacy: &Arc<Privacy>, rows_max: usize) -> Self {
        Self {
            buckets: Vec::new(),
            claims: Vec::new(),
            points: Points::default(),
            names: Names::under(Arc::clone(privacy)),
            places: Places::default(),
            rows: 0,
            rows_max,
        }
    }

    /// Makes room for one more row. False where there is none left.
    pub fn has_room(&mut self) -> bool {
        self.rows += 1;
        self.rows <= self.rows_max
    }

    /// How many rows there may be.
    #[must_use]
    pub fn rows_max(&self) -> usize {
        self.rows_max
    }

    /// Adds a bucket, or its rows to those of the same bucket in another file.
    pub fn add(&mut self, bucket: Bucket) {
        let same = |known: &&mut Bucket| known.id == bucket.id && known.hostname == bucket.hostname;
        match (
            self.buckets.iter_mut().find(same).map(|known| &mut known.rows),
            bucket.rows,
        ) {
            (Some(Rows::Windows(known)), Rows::Windows(rows)) => known.extend(rows),
            (Some(Rows::Presence(known)), Rows::Presence(rows)) => known.extend(rows),
            (Some(Rows::Tabs(known)), Rows::Tabs(tabs)) => known.rows.extend(tabs.rows),
            (_, rows) => self.buckets.push(Bucket { rows, ..bucket }),
        }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// Where what is found goes.
    pub found: &'a mut Found,
    /// What is said of the file.
    pub report: &'a mut FileReport,
}
