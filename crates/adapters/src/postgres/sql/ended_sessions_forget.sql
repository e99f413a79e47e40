DELETE FROM ended_sessions WHERE ended_at < $1
