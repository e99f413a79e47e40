UPDATE users SET devices_ordered = true WHERE id = $1
