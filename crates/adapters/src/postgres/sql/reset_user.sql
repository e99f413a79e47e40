SELECT user_id FROM password_resets WHERE hash = $1 AND expires_at > $2
