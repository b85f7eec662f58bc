-- New tracks, and folders of them, beside the track that they were made from.
local tracks = {}

local EXTRA = "P_EXT:punchin"
local CUSTOM = 0x1000000
local COLOURS = {
  drums = { 214, 93, 77 }, percussion = { 226, 140, 82 }, bass = { 120, 86, 168 }, guitar = { 104, 159, 56 },
  keyboard = { 66, 133, 186 }, synth = { 0, 150, 150 }, strings = { 176, 128, 60 }, brass = { 205, 170, 40 },
  woodwinds = { 90, 150, 110 }, vocals = { 219, 86, 142 }, backing_vocals = { 186, 104, 160 }, fx = { 120, 130, 140 },
}
local OTHER_COLOUR = { 140, 140, 140 }

local function depth(track)
  return math.tointeger(reaper.GetMediaTrackInfo_Value(track, "I_FOLDERDEPTH"))
end

local function set_depth(track, value)
  reaper.SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", value)
end

-- 1 for the first track; also where a new one stands right after it, counted from 0.
local function number(track)
  return math.tointeger(reaper.GetMediaTrackInfo_Value(track, "IP_TRACKNUMBER"))
end

local function insert(index, name)
  if reaper.APIExists("InsertTrackInProject") then
    reaper.InsertTrackInProject(0, index, 0)
  else
    reaper.InsertTrackAtIndex(index, false)
  end
  local track = reaper.GetTrack(0, index)
  reaper.GetSetMediaTrackInfo_String(track, "P_NAME", name, true)
  return track
end

local function colour(track, instrument)
  local red, green, blue = table.unpack(COLOURS[instrument] or OTHER_COLOUR)
  reaper.SetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR", reaper.ColorToNative(red, green, blue) | CUSTOM)
end

function tracks.name(track)
  local _, name = reaper.GetSetMediaTrackInfo_String(track, "P_NAME", "", false)
  return name ~= "" and name or ("Track %d"):format(number(track))
end

function tracks.at_end(name)
  return insert(reaper.CountTracks(0), name)
end

-- The last track of the folder that `track` opens, itself where it opens none, and how many folders are open before it.
local function last_of(track)
  local open, index = 0, number(track)
  while open + depth(track) > 0 and index < reaper.CountTracks(0) do
    open = open + depth(track)
    track, index = reaper.GetTrack(0, index), index + 1
  end
  return track, open
end

-- A new track behind `track` and all that is in its folder; folders around it that ended there end with the new one.
function tracks.after(track, name, instrument)
  local last, open = last_of(track)
  local outer = math.min(depth(last) + open, 0)
  set_depth(last, depth(last) - outer)
  local new = insert(number(last), name)
  set_depth(new, outer)
  if instrument then
    colour(new, instrument)
  end
  return new
end

local function mark(track)
  local _, text = reaper.GetSetMediaTrackInfo_String(track, EXTRA, "", false)
  return text
end

local function set_mark(track, text)
  reaper.GetSetMediaTrackInfo_String(track, EXTRA, text, true)
end

-- `fits`: whether a track may be the one.
local function marked(text, fits)
  for index = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, index)
    if mark(track) == text and (not fits or fits(track)) then
      return track
    end
  end
end

-- The track of one instrument behind `source`, which several items of that share; a new one where none is that `fits`.
function tracks.beside(source, instrument, fits)
  local text = reaper.GetTrackGUID(source) .. " " .. instrument
  local found = marked(text, fits)
  if not found then
    found = tracks.after(source, instrument, instrument)
    set_mark(found, text)
  end
  return found
end

-- Lets a track be the folder of what belongs to it, in place of one behind it.
function tracks.make_folder(track, title)
  set_mark(track, reaper.GetTrackGUID(track) .. " " .. title)
end

-- The track of one instrument in the folder that belongs to `source`; both are made where they are missing, so that
-- several items of a track share them. `fits`: whether a track may be the one. A new one stands first, or behind `other`,
-- with its colour.
function tracks.in_folder(source, title, instrument, fits, other)
  local guid = reaper.GetTrackGUID(source)
  local found = marked(guid .. " " .. title .. " " .. instrument, fits)
  if found then
    return found
  end
  local folder = marked(guid .. " " .. title)
  local new
  if other then
    new = tracks.after(other, instrument)
    local shade = reaper.GetMediaTrackInfo_Value(other, "I_CUSTOMCOLOR")
    reaper.SetMediaTrackInfo_Value(new, "I_CUSTOMCOLOR", shade)
  else
    if not folder then
      folder = tracks.after(source, tracks.name(source) .. " " .. title)
      set_mark(folder, guid .. " " .. title)
    end
    new = insert(number(folder), instrument)
    if depth(folder) < 1 then -- it opens with its first track
      set_depth(new, depth(folder) - 1)
      set_depth(folder, 1)
    end
  end
  set_mark(new, guid .. " " .. title .. " " .. instrument)
  if not other then
    colour(new, instrument)
  end
  return new
end

return tracks
