-- What each of the two roles may do, by whichever grant, with the text of the policies that stand before it.
SELECT role.rolname::text, class.relname::text, privilege, class.relrowsecurity, ARRAY(
    SELECT coalesce(pg_get_expr(polqual, polrelid), '') || ' / ' || coalesce(pg_get_expr(polwithcheck, polrelid), '') FROM pg_policy
    WHERE polrelid = class.oid AND polpermissive AND (role.oid = ANY (polroles) OR 0 = ANY (polroles))
        AND polcmd::text = ANY (ARRAY['*', CASE privilege WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' WHEN 'DELETE' THEN 'd' END])
)
FROM pg_class AS class, pg_roles AS role,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND role.rolname IN ('daybook_api', 'daybook_worker')
    AND CASE WHEN privilege IN ('DELETE', 'TRUNCATE', 'TRIGGER') THEN has_table_privilege(role.oid, class.oid, privilege)
        ELSE has_any_column_privilege(role.oid, class.oid, privilege) END
ORDER BY 1, 2, 3
