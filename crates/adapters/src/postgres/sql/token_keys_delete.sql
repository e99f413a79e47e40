DELETE FROM token_keys WHERE kid = ANY ($1)
