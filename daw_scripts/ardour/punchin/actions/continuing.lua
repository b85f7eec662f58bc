-- What comes after or before: the selected range, made of what plays right beside it; or some bars beside selected regions.
local action = require("punchin.action")
local dialog = require("punchin.dialog")
local refuse = require("punchin.refuse")
local selection = require("punchin.selection")
local sound = require("punchin.sound")
local tempo = require("punchin.tempo")
local tracks = require("punchin.tracks")

local CONTEXT_SECONDS = 60
local HANDLES_SECONDS = 0.05

-- What is to be filled, as { track, from, to }, without a range from or up to a region, so many bars.
local function gaps(side, bars)
  local from, to = selection.range()
  local found = {}
  if from then
    for _, track in ipairs(selection.tracks()) do
      found[#found + 1] = { track = track, from = from, to = to }
    end
    return found
  end
  for _, part in ipairs(selection.regions()) do
    if side == "after" then
      found[#found + 1] = { track = part.track, from = part.to, to = tempo.after_bars(part.to, bars) }
    else
      found[#found + 1] = { track = part.track, from = tempo.after_bars(part.from, -bars), to = part.from }
    end
  end
  return found
end

-- Those of them that have something to go on from, each with the part of the track that is heard.
local function sources(side, bars)
  local context = CONTEXT_SECONDS * Session:nominal_sample_rate()
  local found = {}
  for _, gap in ipairs(gaps(side, bars)) do
    local edge = side == "after" and gap.from or gap.to
    gap.first, gap.last = edge, edge
    for _, region in ipairs(tracks.regions(gap.track, edge - context, edge + context)) do
      local start = region:position():samples()
      local stop = start + region:length():samples()
      if side == "after" and start < edge then
        gap.first = math.max(math.min(gap.first, start), edge - context)
      elseif side == "before" and stop > edge then
        gap.last = math.min(math.max(gap.last, stop), edge + context)
      end
    end
    if gap.last > gap.first and gap.to > gap.from then
      found[#found + 1] = gap
    end
  end
  return found
end

-- `side`: "after" or "before".
return function(side, given)
  local names = { "prompt", "lyrics", "key", "takes", "seed", "engine" }
  local parts = sources(side, 1)
  if #parts == 0 then
    refuse("Select a range right %s audio, or an audio region to go on from.", side == "after" and "behind" or "before")
  end
  if not selection.range() then
    table.insert(names, 2, "bars")
    parts = selection.regions()
  end
  local answers = dialog.ask("Continue " .. side, names, given, parts)
  if not answers then
    return
  end
  local bars = answers.bars
  answers.bars = nil
  for _, gap in ipairs(sources(side, bars)) do
    local heard = sound.part(gap.track, gap.first, gap.last)
    local keys = action.with_sound(answers, heard)
    local handles = math.min(math.floor(HANDLES_SECONDS * heard.rate), heard.frames)
    local place = { how = "top", track = tracks.id(gap.track), zero = heard.zero }
    if side == "after" then
      keys.start, keys["end"] = 0.0, (gap.to - heard.zero) / heard.rate
      place.fade_in, place.last = handles, gap.to
    else
      keys.start, keys["end"] = (gap.from - heard.zero) / heard.rate, heard.frames / heard.rate
      place.fade_out, place.first = handles, gap.from
    end
    keys.handles = handles / heard.rate
    tempo.add(keys, math.min(gap.from, gap.first), math.max(gap.to, gap.last), heard.zero)
    action.request("continue", keys, place)
  end
end
