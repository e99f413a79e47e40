SELECT id, email, full_name, timezone, day_start_secs, created_at, heartbeat_timeout_secs
FROM users
WHERE id = $1
