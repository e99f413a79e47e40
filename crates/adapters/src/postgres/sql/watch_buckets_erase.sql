-- All buckets of a person, and what of them is not claimed yet. Before their account is locked: whoever keeps an event holds its bucket, and then needs the account.
WITH gone AS (
    DELETE FROM watch_marks WHERE user_id = $1
)
DELETE FROM watch_buckets WHERE user_id = $1
