-- To be sent in the transaction that ends them, so that no crash leaves an end that nobody is told of.
INSERT INTO ended_sessions (session_id, ended_at)
SELECT id, $2
FROM unnest($1::uuid[]) AS id
ON CONFLICT (session_id) DO NOTHING
