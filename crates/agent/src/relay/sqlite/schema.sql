-- Version 1. Times are microseconds since 1970.
CREATE TABLE buckets (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    client TEXT NOT NULL,
    hostname TEXT NOT NULL,
    created_us INTEGER,
    data TEXT NOT NULL,
    -- No event of the bucket is or was longer: what overlaps a window starts at most so long before it.
    longest_us INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket INTEGER NOT NULL REFERENCES buckets (number) ON DELETE CASCADE,
    start_us INTEGER NOT NULL,
    -- In no index, so that a heartbeat that makes an event longer changes one page.
    end_us INTEGER NOT NULL CHECK (end_us >= start_us),
    -- Counts up over all events with every change, so that what is not joined yet can be found after a restart.
    change INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_start ON events (bucket, start_us, id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: what the relay knows of itself.
CREATE TABLE own (
    device TEXT NOT NULL,
    -- Everything up to this change is in the spool.
    joined INTEGER NOT NULL DEFAULT 0,
    -- Events given up because the store was full or they were old.
    dropped INTEGER NOT NULL DEFAULT 0
) STRICT;

PRAGMA user_version = 1;
