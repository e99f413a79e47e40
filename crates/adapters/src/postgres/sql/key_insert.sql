INSERT INTO api_keys (id, user_id, device_id, name, hash, scopes, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2) < $8
