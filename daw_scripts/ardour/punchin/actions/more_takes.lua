-- More takes of what the selected regions were made of: the same settings, the next seeds.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local made = require("punchin.made")
local refuse = require("punchin.refuse")
local selection = require("punchin.selection")
local tracks = require("punchin.tracks")

-- Where the clip and its source begin now: the user may have moved the region, and trimmed it.
local function zero_of(region, of)
  local at = region:position():samples() - region:start():samples()
  return at + math.tointeger(tonumber(of.zero)) - math.tointeger(tonumber(of.at))
end

return function(given)
  local parts = selection.regions()
  if #parts == 0 then
    refuse("Select a region of punchin's first.")
  end
  for _, part in ipairs(parts) do
    part.made_of = made.read(part.region)
    if not part.made_of then
      refuse("A selected region is not one of punchin's: there is nothing to make more of.")
    elseif part.made_of.verb == "extract" then
      refuse("Stems have one result: there are no more takes of them.")
    end
  end
  local answers = dialog.ask("More takes", { "takes" }, given, parts)
  if not answers then
    return
  end
  for number, part in ipairs(parts) do
    local of = part.made_of
    local name = ("punchin_%x%04x-%d"):format(os.time(), math.random(0, 0xffff), number)
    local keys = { job = of.job, seed = made.next_seed(of), takes = answers.takes, name = name }
    local audio = part.region:to_audioregion()
    action.request("retry", keys, {
      how = "top", track = tracks.id(part.track), zero = zero_of(part.region, of), verb = of.verb, prompt = of.prompt,
      only = of.part, first = part.from, last = part.to, origin = of.origin,
      fade_in = audio:fade_in_active() and of.fade_in or nil, fade_out = audio:fade_out_active() and of.fade_out or nil,
    })
  end
end
