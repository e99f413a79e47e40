UPDATE import_devices
SET name = coalesce($3, name)
WHERE user_id = $1 AND id = $2 AND NOT removed
RETURNING id, source, name, precedence, made_at, used_at
