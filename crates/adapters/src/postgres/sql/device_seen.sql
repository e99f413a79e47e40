UPDATE devices SET last_seen_at = $2 WHERE id = $1
