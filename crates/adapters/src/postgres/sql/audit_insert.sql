-- Nothing is kept of somebody who was erased meanwhile.
WITH person AS (SELECT id FROM users WHERE id = $2 FOR KEY SHARE)
INSERT INTO audit_log (id, user_id, at, event, device_id, session_id, address, count)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE $2::uuid IS NULL OR EXISTS (SELECT FROM person)
