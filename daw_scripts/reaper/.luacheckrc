std = "lua54"
read_globals = { "reaper" }
max_line_length = 125
