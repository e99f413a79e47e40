SELECT refresh_hash, previous_hash, expires_at
FROM sessions
WHERE id = $1
FOR UPDATE
