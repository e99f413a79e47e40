SELECT secret FROM second_factors WHERE user_id = $1 AND NOT confirmed
