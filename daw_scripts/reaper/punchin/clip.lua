-- One clip as a take, with its name and what it was made of.
local fields = require("punchin.fields")
local peaks = require("punchin.peaks")

local clip_of = {}

local EXTRA = "P_EXT:punchin"

local function name_of(clip, place)
  if clip.track ~= "mix" then
    return clip.track
  end
  local words = place.prompt ~= "" and place.prompt or place.verb
  return ("%s (seed %d)"):format(words, clip.seed)
end

-- Adds the file as a take that begins with its first frame.
function clip_of.add(item, clip, place)
  local media = reaper.PCM_Source_CreateFromFile(clip.path)
  if not media then
    error("cannot read " .. clip.path, 0)
  end
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, media)
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name_of(clip, place), true)
  local made_of = {
    job = place.job, verb = place.verb, prompt = place.prompt, engine = clip.engine,
    seed = clip.seed, take = clip.take, track = clip.track, start = clip.start, heard = place.heard,
  }
  reaper.GetSetMediaItemTakeInfo_String(take, EXTRA, fields.encode(made_of), true)
  peaks.build(take)
  return take
end

-- What a take was made of, as texts by name; nil for one that is not ours.
function clip_of.read(take)
  local _, line = reaper.GetSetMediaItemTakeInfo_String(take, EXTRA, "", false)
  return line ~= "" and fields.decode(line) or nil
end

return clip_of
