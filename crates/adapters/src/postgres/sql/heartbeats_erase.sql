-- The first points of a person, up to a number of them and those of the same instant as the last, and how many that were: see closed_erase.
WITH beyond AS (
    SELECT coalesce((
        SELECT at
        FROM heartbeats
        WHERE user_id = $1
        ORDER BY at
        OFFSET $2 LIMIT 1
    ), 'infinity') AS at
), gone AS (
    DELETE FROM heartbeats
    WHERE user_id = $1 AND at <= (SELECT at FROM beyond)
    RETURNING 1
)
SELECT count(*) FROM gone
