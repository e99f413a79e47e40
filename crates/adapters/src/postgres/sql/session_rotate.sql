UPDATE sessions
SET used_hash = $2, next_hashes = $3, refreshed_at = $4, expires_at = $5
WHERE id = $1
