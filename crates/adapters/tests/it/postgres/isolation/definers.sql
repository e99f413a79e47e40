-- Functions that run with the rights of their owner.
SELECT rolname::text, pg_proc.oid::regprocedure::text FROM pg_proc, pg_roles
WHERE pronamespace = 'public'::regnamespace AND prosecdef AND rolname IN ('daybook_api', 'daybook_worker')
    AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')
