-- The device of a source of imported history. A new one gets a precedence below that of all others of the person, which is below every device that signs in, and
-- the time-out of heartbeats that is the person's now. Both are its own for ever. The person's row is locked, so no other gets the same precedence. No row when it
-- would be one too many.
INSERT INTO import_devices (id, user_id, source, name, precedence, made_at, used_at, heartbeat_timeout_secs)
SELECT $1, $2, $3, $3, coalesce(min(precedence), $6) - 1, $4, $4, $7
FROM import_devices
WHERE user_id = $2
HAVING count(*) < $5 OR bool_or(source = $3)
ON CONFLICT (user_id, source) DO UPDATE
SET used_at = greatest(import_devices.used_at, excluded.used_at), removed = false
RETURNING id, precedence, heartbeat_timeout_secs
