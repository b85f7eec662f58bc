std = "lua54"
globals = { "reaper" }
max_line_length = 125
