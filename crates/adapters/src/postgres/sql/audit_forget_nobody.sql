SELECT audit_log_forget_nobody($1)
