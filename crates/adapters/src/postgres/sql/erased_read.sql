-- Which of some people were erased. Read under their locks, which whoever erases them holds too.
SELECT user_id
FROM usage_erased
WHERE user_id = ANY ($1::uuid[])
