INSERT INTO sessions (id, user_id, device_id, refresh_hash, previous_hash, created_at, refreshed_at, expires_at)
VALUES ($1, $2, $3, $4, NULL, $5, $5, $6)
ON CONFLICT (device_id) DO UPDATE
SET id = excluded.id,
    refresh_hash = excluded.refresh_hash,
    previous_hash = NULL,
    created_at = excluded.created_at,
    refreshed_at = excluded.refreshed_at,
    expires_at = excluded.expires_at
