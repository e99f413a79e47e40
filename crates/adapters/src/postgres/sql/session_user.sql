-- Whose the session is that is looked up. That never changes, so it needs no lock.
SELECT user_id FROM sessions WHERE id = $1
