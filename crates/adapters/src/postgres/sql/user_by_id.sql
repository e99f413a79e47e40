SELECT id, email, full_name, timezone, day_start_secs, created_at
FROM users
WHERE id = $1
