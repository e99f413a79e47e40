-- Nearly all of the work. Neither a key nor a start is named, so no trigger is looked at and no index changes: a HOT update.
UPDATE usage_open
SET end_time = extension.end_time,
    numbered_by = extension.numbered_by,
    merged_through = extension.merged_through
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[]) AS extension (user_id, end_time, numbered_by, merged_through)
WHERE usage_open.user_id = extension.user_id
