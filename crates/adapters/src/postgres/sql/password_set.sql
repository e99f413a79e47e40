UPDATE users SET password_hash = $2, password_version = password_version + 1 WHERE id = $1
