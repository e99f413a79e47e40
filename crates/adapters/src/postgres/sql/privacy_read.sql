SELECT version, subjects, patterns, actions, new_names FROM privacy_rules WHERE user_id = $1
