SELECT id FROM devices WHERE user_id = $1
