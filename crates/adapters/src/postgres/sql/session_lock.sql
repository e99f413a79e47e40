SELECT used_hash, next_hashes, expires_at
FROM sessions
WHERE id = $1
FOR UPDATE
