WITH signed_in AS (DELETE FROM sessions WHERE user_id = $1 AND device_id = $2 RETURNING id),
    keys AS (DELETE FROM api_keys WHERE user_id = $1 AND device_id = $2 RETURNING id)
SELECT id FROM signed_in UNION ALL SELECT id FROM keys
