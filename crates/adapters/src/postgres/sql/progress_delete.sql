-- What stands beside the open piece from now on.
DELETE FROM usage_progress
USING unnest($1::uuid[], $2::uuid[]) AS noted (user_id, device_id)
WHERE usage_progress.user_id = noted.user_id AND usage_progress.device_id = noted.device_id
