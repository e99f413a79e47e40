-- Sign-ins of one person happen one after the other.
SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE
