INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at, heartbeat_timeout_secs)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (email) DO NOTHING
RETURNING id
