UPDATE import_devices
SET removed = true
WHERE user_id = $1 AND id = $2 AND NOT removed
RETURNING id
