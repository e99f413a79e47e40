UPDATE second_factors SET last_step = $2
WHERE user_id = $1 AND confirmed AND last_step < $2
