-- No row where it is the person's own already. That nobody else has it, the constraint sees to.
UPDATE users SET email = $2
WHERE id = $1 AND email <> $2
RETURNING id, email, full_name, timezone, day_start_secs, created_at, heartbeat_timeout_secs
