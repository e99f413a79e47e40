INSERT INTO sessions (id, user_id, device_id, used_hash, next_hashes, created_at, refreshed_at, expires_at)
VALUES ($1, $2, $3, NULL, ARRAY[$4::bytea], $5, $5, $6)
