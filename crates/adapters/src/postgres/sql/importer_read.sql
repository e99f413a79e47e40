SELECT heartbeat_timeout_secs FROM users WHERE id = $1 AND disabled_at IS NULL
