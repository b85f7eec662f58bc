-- The take that was heard last, by a pad or a control surface, plays from now on. The others stay beneath it.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

action.run(function()
  local dialog = require("punchin.dialog")
  local edit = require("punchin.edit")
  local project = require("punchin.project")
  local refuse = require("punchin.refuse")

  local heard = dialog.of_trigger() or {}
  if not heard.job then
    refuse("Listen to a take first, with a pad or a control surface: that one is kept.")
  end
  local takes = project.takes_of(heard.job, heard.take)
  if #takes == 0 then
    refuse("The take that was heard is in no item of this project.")
  end
  edit("punchin: keep a take", function()
    for _, take in ipairs(takes) do
      reaper.SetActiveTake(take)
    end
  end)
end)
