-- Ends all that is being rendered for this REAPER.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  if (tonumber(reaper.GetExtState("punchin", "open")) or 0) == 0 then
    require("punchin.refuse")("Nothing is being rendered.")
  end
  action.send("/punchin/cancel", { action.new_id() })
end)
