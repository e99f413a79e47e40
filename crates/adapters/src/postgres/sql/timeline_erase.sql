-- Notes that a person was erased, and erases what there is one row of for each person or device. Run under the person's lock: a merge that comes before is
-- erased here, one that comes after finds the note.
WITH open AS (
    DELETE FROM usage_open WHERE user_id = $1
    RETURNING numbered_by
), progress AS (
    DELETE FROM usage_progress WHERE user_id = $1
    RETURNING device_id
), numbered AS (
    SELECT device_id FROM progress
    UNION
    SELECT numbered_by FROM open WHERE numbered_by IS NOT NULL
)
INSERT INTO usage_erased AS known (user_id, erased_at, device_ids)
SELECT $1, $2, coalesce(array_agg(device_id ORDER BY device_id), '{}')
FROM numbered
-- Who was erased before has numbered no ping since that was kept.
ON CONFLICT (user_id) DO UPDATE
SET erased_at = greatest(known.erased_at, excluded.erased_at)
