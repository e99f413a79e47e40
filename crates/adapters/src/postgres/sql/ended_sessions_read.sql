SELECT session_id, ended_at
FROM ended_sessions
WHERE (ended_at, session_id) > ($1, $2)
ORDER BY ended_at, session_id
LIMIT $3
