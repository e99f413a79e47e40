SELECT id, email, full_name, timezone, day_start_secs, created_at, password_hash
FROM users
WHERE email = $1
