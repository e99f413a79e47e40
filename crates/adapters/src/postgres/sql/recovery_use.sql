DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2
