-- Settles for this REAPER what is otherwise chosen by itself: the way to the daemon, and where a part of an item goes.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local refuse = require("punchin.refuse")
  local settings = require("punchin.settings")

  local captions, values = {}, {}
  for number, setting in ipairs(settings.ALL) do
    local name, caption, choices = table.unpack(setting)
    captions[number] = ("%s (%s)"):format(caption, table.concat(choices, "/"))
    values[number] = settings.get(name)
  end
  local layout = table.concat(captions, ",") .. ",extrawidth=100,separator=\n"
  local ok, line = reaper.GetUserInputs("punchin: Settings", #values, layout, table.concat(values, "\n"))
  if not ok then
    return
  end
  local chosen, number = {}, 0
  for text in (line .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local name, caption, choices = table.unpack(settings.ALL[number])
    if not ("/" .. table.concat(choices, "/") .. "/"):find("/" .. text .. "/", 1, true) then
      refuse("%s: %s, %s came.", caption, table.concat(choices, " or "), text)
    end
    chosen[name] = text
  end
  for name, text in pairs(chosen) do
    settings.set(name, text)
  end
  action.restart_background()
end)
