-- The device that shows a code and that nobody has answered.
SELECT key, name, platform, address, asked_at, expires_at
FROM device_codes
WHERE user_hash = $1 AND user_id IS NULL AND expires_at > $2
