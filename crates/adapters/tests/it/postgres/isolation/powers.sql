-- What makes a role more than one that owns nothing and is held to policies.
SELECT rolname || ' ' || power FROM pg_roles, LATERAL (VALUES
    ('is a superuser', rolsuper), ('bypasses policies', rolbypassrls), ('makes roles', rolcreaterole), ('makes databases', rolcreatedb),
    ('replicates', rolreplication),
    ('is a member of another role', EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)),
    ('owns something', EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = pg_roles.oid AND deptype = 'o')),
    ('may create in the schema', has_schema_privilege(pg_roles.oid, 'public', 'CREATE'))
) AS powers (power, has)
WHERE rolname IN ('daybook_api', 'daybook_worker') AND has
