-- Nothing is kept of somebody who was erased meanwhile.
WITH person AS (SELECT id FROM users WHERE id = $1 FOR KEY SHARE)
INSERT INTO second_factors (user_id, secret, confirmed, created_at)
SELECT person.id, $2, false, $3 FROM person
ON CONFLICT (user_id) DO UPDATE
SET secret = excluded.secret, created_at = excluded.created_at
WHERE NOT second_factors.confirmed
