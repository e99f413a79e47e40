-- Nothing is kept of somebody who was erased meanwhile.
WITH person AS (SELECT id FROM users WHERE id = $1 FOR KEY SHARE)
INSERT INTO password_resets (user_id, hash, created_at, expires_at)
SELECT person.id, $2, $3, $4 FROM person
ON CONFLICT (user_id) DO UPDATE
SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE password_resets.created_at <= $5
