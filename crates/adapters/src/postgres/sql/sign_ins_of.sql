SELECT id FROM sessions WHERE user_id = $1
UNION ALL
SELECT id FROM api_keys WHERE user_id = $1
