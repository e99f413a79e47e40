-- Sign-ins of one person happen one after the other, and none while their password is being changed.
SELECT devices_ordered, password_version, disabled_at IS NOT NULL FROM users WHERE id = $1 FOR NO KEY UPDATE
