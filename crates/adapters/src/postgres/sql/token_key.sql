-- The newest key, or the one offered when there is none. Run under the lock of the keys.
WITH newest AS (
    SELECT kid, secret FROM token_keys ORDER BY created_at DESC, kid DESC LIMIT 1
), made AS (
    INSERT INTO token_keys (kid, secret, created_at)
    SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM newest)
    RETURNING kid, secret
)
SELECT kid, secret FROM newest
UNION ALL
SELECT kid, secret FROM made
