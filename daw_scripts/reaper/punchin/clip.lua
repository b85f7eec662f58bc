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

-- A line of the item's notes, which lyrics leave out.
local function note(item, clip, place)
  local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
  local words = place.prompt ~= "" and place.prompt .. ", " or ""
  local line = ("# %s: %s, %sseed %d, engine %s, job %s"):format(
    clip.track ~= "mix" and clip.track or "punchin", place.verb, words, clip.seed, clip.engine, place.job
  )
  reaper.GetSetMediaItemInfo_String(item, "P_NOTES", notes == "" and line or notes .. "\n" .. line, true)
end

-- Adds the file as a take that begins `offset` seconds into it.
function clip_of.add(item, clip, place, offset)
  local media = reaper.PCM_Source_CreateFromFile(clip.path)
  if not media then
    error("cannot read " .. clip.path, 0)
  end
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, media)
  reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", offset)
  reaper.SetMediaItemTakeInfo_Value(take, "D_VOL", place.gain or 1)
  reaper.SetMediaItemTakeInfo_Value(take, "D_PAN", place.pan or 0)
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name_of(clip, place), true)
  local made_of = {
    job = place.job, verb = place.verb, prompt = place.prompt, engine = clip.engine,
    seed = clip.seed, take = clip.take, track = clip.track, start = clip.start, heard = place.heard,
  }
  reaper.GetSetMediaItemTakeInfo_String(take, EXTRA, fields.encode(made_of), true)
  note(item, clip, place)
  peaks.build(take)
  return take
end

-- What a take was made of, as texts by name; nil for one that is not ours.
function clip_of.read(take)
  local _, line = reaper.GetSetMediaItemTakeInfo_String(take, EXTRA, "", false)
  return line ~= "" and fields.decode(line) or nil
end

return clip_of
