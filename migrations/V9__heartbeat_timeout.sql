-- How long a person's heartbeats wait for a later one of their device before the time after them is nobody's: it is fixed in each when it is accepted.

ALTER TABLE users
    ADD COLUMN heartbeat_timeout_secs integer NOT NULL DEFAULT 600,
    ADD CONSTRAINT users_heartbeat_timeout_range CHECK (heartbeat_timeout_secs BETWEEN 60 AND 3600);
