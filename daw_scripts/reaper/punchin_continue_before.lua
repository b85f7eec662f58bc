-- What comes before each selected item: from the start of the time selection, or for some bars.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
require("punchin.action").run(function()
  require("punchin.continuing")("before")
end)
