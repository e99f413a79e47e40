-- The devices of a person, or the one of them that is named, that are signed in or have an API key.
SELECT device.id, device.key, device.name, device.platform, device.precedence,
    session.id, api_key.id, coalesce(session.created_at, api_key.created_at), device.last_seen_at, device.last_address
FROM devices AS device
LEFT JOIN sessions AS session ON session.device_id = device.id AND session.expires_at > $3
LEFT JOIN api_keys AS api_key ON api_key.device_id = device.id
WHERE device.user_id = $1 AND ($2::uuid IS NULL OR device.id = $2) AND (session.id IS NOT NULL OR api_key.id IS NOT NULL)
ORDER BY device.precedence DESC, device.id DESC
