-- Nearly all of the work. Only the end is named, so no trigger is looked at and no index changes: a HOT update.
UPDATE usage_open
SET end_time = extension.end_time
FROM unnest($1::uuid[], $2::timestamptz[]) AS extension (user_id, end_time)
WHERE usage_open.user_id = extension.user_id
