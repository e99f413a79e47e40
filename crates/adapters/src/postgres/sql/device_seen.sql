UPDATE devices SET last_seen_at = $2, last_address = coalesce($3, last_address) WHERE id = $1
