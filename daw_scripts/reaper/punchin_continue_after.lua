-- What comes after each selected item: up to the end of the time selection, or for some bars.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
require("punchin.action").run(function()
  require("punchin.continuing")("after")
end)
