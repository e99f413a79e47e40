-- Sources of one person are made one after the other.
SELECT heartbeat_timeout_secs FROM users WHERE id = $1 AND disabled_at IS NULL FOR NO KEY UPDATE
