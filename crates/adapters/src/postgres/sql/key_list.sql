SELECT api_key.id, api_key.name, api_key.scopes, api_key.device_id, device.name, api_key.created_at, api_key.last_used_at
FROM api_keys AS api_key
JOIN devices AS device ON device.user_id = api_key.user_id AND device.id = api_key.device_id
WHERE api_key.user_id = $1
ORDER BY api_key.created_at DESC, api_key.id DESC
