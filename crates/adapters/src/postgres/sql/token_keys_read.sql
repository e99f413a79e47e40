-- Every key that may still be of use; the spent ones are few, as each node deletes them.
SELECT kid, secret, created_at FROM token_keys ORDER BY created_at, kid
