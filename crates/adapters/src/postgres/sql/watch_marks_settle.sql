-- Of these marks, those that end by an instant go, and the others begin there. Should a crash undo that, what they stand for is claimed once more, which changes
-- nothing: so nobody waits for it to be on disk.
WITH gone AS (
    DELETE FROM watch_marks
    WHERE user_id = $1 AND device_id = $2 AND id = ANY ($3) AND end_ms <= $4
        AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
)
UPDATE watch_marks SET start_ms = $4
WHERE user_id = $1 AND device_id = $2 AND id = ANY ($3) AND start_ms < $4 AND end_ms > $4
