-- How long the heartbeats of a source of imported history wait for a later one: settled when something is imported from there first, so that the same file gives
-- the same points again whatever its person sets meanwhile. The default is for programs that do not know the column yet.
ALTER TABLE import_devices
    ADD COLUMN heartbeat_timeout_secs integer NOT NULL DEFAULT 600,
    ADD CONSTRAINT import_devices_heartbeat_timeout_range CHECK (heartbeat_timeout_secs BETWEEN 60 AND 3600);

-- Sources that are known already go on with what most of their points came with, or else with what is their person's now.
UPDATE import_devices AS device
SET heartbeat_timeout_secs = coalesce(
    (
        SELECT patience_ms / 1000
        FROM heartbeats
        WHERE heartbeats.user_id = device.user_id AND heartbeats.device_id = device.id
        GROUP BY patience_ms
        ORDER BY count(*) DESC, patience_ms
        LIMIT 1
    ),
    (SELECT person.heartbeat_timeout_secs FROM users AS person WHERE person.id = device.user_id)
);
