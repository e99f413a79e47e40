INSERT INTO token_keys (kid, secret, created_at) VALUES ($1, $2, $3)
