SELECT id, source, name, precedence, made_at, used_at
FROM import_devices
WHERE user_id = $1 AND NOT removed
ORDER BY precedence DESC
