-- By the instant too: somebody who was erased again since is still to be heeded.
DELETE FROM usage_erased
USING unnest($1::uuid[], $2::timestamptz[]) AS past (user_id, erased_at)
WHERE usage_erased.user_id = past.user_id AND usage_erased.erased_at = past.erased_at
