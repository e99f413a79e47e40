-- Closed pieces by their key. The person is compared with an array of one because only the index of the key can search by that: while a partition looks small to
-- the planner, it would search the index of the exclusion constraint for all pieces of the person. (Keys compared as rows would keep it to the key as well, but
-- a search between two rows reads on to the person's last piece of the month.)
DELETE FROM app_usage
USING unnest($1::uuid[], $2::timestamptz[]) AS gone (user_id, start_time)
WHERE app_usage.user_id = ANY (ARRAY[gone.user_id])
    AND app_usage.start_time = gone.start_time
