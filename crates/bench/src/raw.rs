//! What the servers do when nothing of ours is in between: the same bytes into Redis, as many rows into Postgres.

pub mod entries;
pub mod rows;
