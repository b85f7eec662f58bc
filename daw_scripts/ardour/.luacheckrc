std = "lua53"
read_globals = { "ardour", "ARDOUR", "ArdourUI", "C", "Editing", "Editor", "LuaDialog", "LuaSignal", "PBD", "Session", "Temporal" }
globals = { "ardour", "factory", "signals" }
max_line_length = 125
