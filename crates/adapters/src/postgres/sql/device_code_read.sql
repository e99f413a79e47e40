-- How a device stands that asks.
SELECT user_id, approved, password_version, key, name, platform, polled_at + interval_secs * interval '1 second' > $2
FROM device_codes
WHERE device_hash = $1 AND expires_at > $2
