UPDATE second_factors SET confirmed = true, last_step = $3
WHERE user_id = $1 AND secret = $2 AND NOT confirmed
