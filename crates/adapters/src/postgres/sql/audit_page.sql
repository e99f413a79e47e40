SELECT id, user_id, at, event, device_id, session_id, address, count
FROM audit_log
WHERE user_id = $1 AND id < $2
ORDER BY id DESC
LIMIT $3
