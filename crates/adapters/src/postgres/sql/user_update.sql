UPDATE users
SET full_name = coalesce($2, full_name),
    timezone = coalesce($3, timezone),
    day_start_secs = coalesce($4, day_start_secs),
    heartbeat_timeout_secs = coalesce($5, heartbeat_timeout_secs)
WHERE id = $1
RETURNING id, email, full_name, timezone, day_start_secs, created_at, heartbeat_timeout_secs
