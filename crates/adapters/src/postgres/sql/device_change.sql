UPDATE devices
SET name = coalesce($3, name), precedence = coalesce($4, precedence)
WHERE user_id = $1 AND id = $2
