-- Settles the way to the daemon for this REAPER, where what is chosen by itself is not wanted.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

local EXTENSION = "punchin"
local WAYS = { auto = true, spool = true }

action.run(function()
  local kept = reaper.GetExtState(EXTENSION, "link")
  local layout = "Way to the daemon (auto/spool),extrawidth=100,separator=\n"
  local ok, way = reaper.GetUserInputs("punchin: Settings", 1, layout, kept ~= "" and kept or "auto")
  if not ok then
    return
  end
  if not WAYS[way] then
    require("punchin.refuse")("Way to the daemon: auto or spool, %s came.", way)
  end
  reaper.SetExtState(EXTENSION, "link", way, true)
  action.restart_background()
end)
