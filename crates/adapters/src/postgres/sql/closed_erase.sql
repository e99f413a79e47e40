-- The first closed pieces of a person, up to a number of them, and how many that were. Few enough at a time that the statement stays within its bound however
-- long the person was there. Where they end is computed apart: to the planner a comparison that holds more than a value might tell somebody of rows that a
-- policy hides, so it would not search the key by it. The order keeps the planner to the key, see closed_read.
WITH beyond AS (
    SELECT coalesce((
        SELECT start_time
        FROM app_usage
        WHERE user_id = $1
        ORDER BY start_time
        OFFSET $2 LIMIT 1
    ), 'infinity') AS start_time
), gone AS (
    DELETE FROM app_usage
    WHERE user_id = $1 AND start_time < (SELECT start_time FROM beyond)
    RETURNING 1
)
SELECT count(*) FROM gone
