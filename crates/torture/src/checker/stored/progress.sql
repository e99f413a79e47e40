-- Through which number each device is settled, and the stretches above. It stands in one of two places: the number of the device that holds the open piece
-- stands beside that piece, while none is missing below it. Where both are there, the higher one comes last.
SELECT device_id, merged_through, ahead
FROM usage_progress
UNION ALL
SELECT numbered_by, merged_through, ARRAY[]::bigint[]
FROM usage_open
WHERE numbered_by IS NOT NULL
ORDER BY merged_through
