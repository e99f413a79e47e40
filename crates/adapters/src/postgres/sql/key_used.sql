WITH used AS (
    UPDATE api_keys SET last_used_at = greatest(last_used_at, $3)
    WHERE user_id = $1 AND id = $2
    RETURNING device_id
)
UPDATE devices
SET last_seen_at = greatest(last_seen_at, $3), last_address = coalesce($4, last_address)
FROM used
WHERE devices.user_id = $1 AND devices.id = used.device_id
