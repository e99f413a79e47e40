SELECT id, email, full_name, created_at, disabled_at IS NOT NULL
FROM users
WHERE email > $1
ORDER BY email
LIMIT $2
