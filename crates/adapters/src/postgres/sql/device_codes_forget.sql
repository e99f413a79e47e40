SELECT device_codes_forget($1)
