-- The two roles that Daybook's parts connect as, with the passwords of the environment; for psql 15 or newer, as somebody who may make roles. Safe to run
-- again, which sets the passwords anew. What the roles may do, `daybook migrate` grants.
\set ON_ERROR_STOP on
\getenv api_password API_POSTGRES_PASSWORD
\getenv worker_password WORKER_POSTGRES_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['daybook_api', 'daybook_worker']) AS roles (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE daybook_api PASSWORD :'api_password';
ALTER ROLE daybook_worker PASSWORD :'worker_password';
