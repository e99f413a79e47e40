-- Closed pieces by their key. Keys are compared as rows because that is what the index of the key alone can search by: while a partition looks small to the
-- planner, it would search the index of the exclusion constraint for all pieces of the person. The last condition lets the other partitions be left out.
DELETE FROM app_usage
USING unnest($1::uuid[], $2::timestamptz[]) AS gone (user_id, start_time)
WHERE (app_usage.user_id, app_usage.start_time) >= (gone.user_id, gone.start_time)
    AND (app_usage.user_id, app_usage.start_time) <= (gone.user_id, gone.start_time)
    AND app_usage.start_time = gone.start_time
