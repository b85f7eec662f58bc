-- More takes of what the active take of each selected item was made of: the same settings, the next seeds.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

-- The seed after the highest of an item's takes.
local function next_seed(item)
  local clip_of = require("punchin.clip")
  local highest = -1
  for index = 0, reaper.GetMediaItemNumTakes(item) - 1 do
    local made_of = clip_of.read(reaper.GetMediaItemTake(item, index))
    highest = math.max(highest, made_of and math.tointeger(tonumber(made_of.seed)) or -1)
  end
  return highest + 1
end

action.run(function()
  local clip_of = require("punchin.clip")
  local dialog = require("punchin.dialog")
  local project = require("punchin.project")
  local refuse = require("punchin.refuse")
  local selection = require("punchin.selection")

  local parts = selection.whole()
  for _, part in ipairs(parts) do
    part.made_of = clip_of.read(reaper.GetActiveTake(part.item))
    if not part.made_of then
      refuse("The active take of a selected item is not one of punchin's: there is nothing to make more of.")
    elseif part.made_of.verb == "extract" then
      refuse("Stems have one result: there are no more takes of them.")
    end
  end
  local answers = dialog.ask("More takes", { "takes" }, {})
  if not answers then
    return
  end
  local requests = {}
  for number, part in ipairs(parts) do
    local made_of, take = part.made_of, reaper.GetActiveTake(part.item)
    local start, stop = project.bounds(part.item)
    local keys = { job = made_of.job, seed = next_seed(part.item), takes = answers.takes, directory = project.folder() }
    requests[number] = { keys = keys, place = action.of_item(part.item, {
      how = "take", verb = made_of.verb, prompt = made_of.prompt, only = made_of.track, heard = made_of.heard,
      from = start, to = stop,
      zero = start - reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - tonumber(made_of.start),
      gain = reaper.GetMediaItemTakeInfo_Value(take, "D_VOL"), pan = reaper.GetMediaItemTakeInfo_Value(take, "D_PAN"),
    }) }
  end
  action.request("retry", requests)
end)
