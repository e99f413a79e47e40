SELECT api_key.id, api_key.device_id, api_key.scopes, device.precedence, person.heartbeat_timeout_secs
FROM api_keys AS api_key
JOIN devices AS device ON device.user_id = api_key.user_id AND device.id = api_key.device_id
JOIN users AS person ON person.id = api_key.user_id AND person.disabled_at IS NULL
WHERE api_key.hash = $1
