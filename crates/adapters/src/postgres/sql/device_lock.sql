-- The device of a session. Locked before the session, as when it signs in, so that the two never wait for each other.
SELECT device.id, device.key, device.name, device.platform, device.precedence
FROM sessions AS session
JOIN devices AS device ON device.user_id = session.user_id AND device.id = session.device_id
WHERE session.id = $1
FOR NO KEY UPDATE OF device
