-- What comes after or before each selected item.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local hints = require("punchin.hints")
local project = require("punchin.project")
local refuse = require("punchin.refuse")
local selection = require("punchin.selection")
local source = require("punchin.source")
local tempo = require("punchin.tempo")

local CONTEXT_SECONDS = 60
local HANDLES_SECONDS = 0.05

-- So many bars from a time on, backwards where they are negative, in the meter that holds there.
local function after_bars(time, bars)
  local beats, value = reaper.TimeMap_GetTimeSigAtTime(0, time)
  local quarters = reaper.TimeMap2_timeToQN(0, time) + bars * beats * 4 / value
  return project.on_frame(reaper.TimeMap2_QNToTime(0, math.max(quarters, 0)))
end

-- `side`: "after" or "before".
return function(side)
  local from, to = selection.time()
  local parts = selection.whole()
  local by_selection = from ~= nil
  for _, part in ipairs(parts) do
    if side == "before" and part.from <= 0 then
      refuse("There is no room before an item that begins at the project's start.")
    end
    by_selection = by_selection and (side == "after" and to > part.to or side == "before" and from < part.from)
  end
  local names = { "prompt", "lyrics", "key", "takes", "seed", "engine" }
  if not by_selection then
    table.insert(names, 2, "bars")
  end
  local answers = dialog.ask("Continue " .. side, names, hints.of("continue", parts))
  if not answers then
    return
  end
  local bars = answers.bars or 4
  answers.bars = nil
  local requests = {}
  for number, part in ipairs(parts) do
    local keys, heard
    local handles = project.on_frame(math.min(HANDLES_SECONDS, part.to - part.from))
    if side == "after" then
      heard = source.part(part.item, math.max(part.from, part.to - CONTEXT_SECONDS), part.to)
      keys = action.with_source(answers, heard, part.item)
      keys.start, keys["end"] = 0.0, (by_selection and to or after_bars(part.to, bars)) - heard.zero
    else
      heard = source.part(part.item, part.from, math.min(part.to, part.from + CONTEXT_SECONDS))
      keys = action.with_source(answers, heard, part.item)
      keys.start, keys["end"] = (by_selection and from or after_bars(part.from, -bars)) - heard.zero, heard.length
    end
    keys.handles = handles
    tempo.add(keys, heard.zero + math.min(keys.start, 0), heard.zero + keys["end"], heard.zero)
    requests[number] = { keys = keys, place = action.of_item(part.item, {
      how = "join", side = side, handles = handles, zero = heard.zero,
    }, heard) }
  end
  action.request("continue", requests)
end
