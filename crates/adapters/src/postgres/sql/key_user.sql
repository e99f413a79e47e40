SELECT user_id FROM api_keys WHERE hash = $1
