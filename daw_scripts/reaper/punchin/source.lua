-- The audio that a request works on: the item's own file where that is what is heard, else an export of the track.
local export = require("punchin.export")
local exports = require("punchin.exports")
local project = require("punchin.project")
local refuse = require("punchin.refuse")
local render = require("punchin.render")
local tracks = require("punchin.tracks")

local source = {}

local CONTEXT_SECONDS = 20
local NEAR_SECONDS = 1
local ENOUGH_SECONDS = 5
local CANDIDATES = 480 -- within so many frames of 48 kHz there is one that is a frame of 44.1 kHz too
-- What the daemon reads to the frame as REAPER does; where an MP3 begins is a question of the reader.
local EXACT = { WAVE = true, AIFF = true, FLAC = true }

-- The file that a take plays as it is, or nil where anything changes its sound or its time.
local function plain_file(take)
  local media = reaper.GetMediaItemTake_Source(take)
  local path = reaper.GetMediaSourceFileName(media)
  if path ~= "" and not reaper.file_exists(path) then
    refuse("The file of an item is missing, so nothing of it can be heard: %s", path)
  end
  local is_plain = EXACT[reaper.GetMediaSourceType(media)]
    and not reaper.GetMediaSourceParent(media)
    and reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE") == 1
    and reaper.GetMediaItemTakeInfo_Value(take, "D_PITCH") == 0
    and reaper.GetMediaItemTakeInfo_Value(take, "I_CHANMODE") == 0
    and reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") >= 0
    and reaper.GetTakeNumStretchMarkers(take) == 0
    and reaper.CountTakeEnvelopes(take) == 0
    and reaper.TakeFX_GetCount(take) == 0
    and reaper.GetMediaSourceSampleRate(media) > 0
  return is_plain and path or nil, media
end

-- The frame of the project between two times that lies nearest to a frame of the file. `shift`: file minus project seconds.
local function anchor(from, to, shift, file_rate)
  local rate = project.rate()
  local first, last = math.ceil(from * rate - 1e-6), math.floor(to * rate + 1e-6)
  local best, best_error = first, nil
  for frame = first, math.min(last, first + CANDIDATES) do
    local place = (frame / rate + shift) * file_rate
    local off = math.abs(place - math.floor(place + 0.5))
    if not best_error or off < best_error - 1e-6 then
      best, best_error = frame, off
    end
  end
  return best / rate
end

local function is_muted(item)
  return reaper.GetMediaItemInfo_Value(item, "B_MUTE") ~= 0
end

-- From the file itself, muted or not; nil where it ends before `to`, as that of a loop does.
local function of_file(item, path, media, from, to)
  local take = reaper.GetActiveTake(item)
  local start, stop = project.bounds(item)
  local shift = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - start
  local file_rate = reaper.GetMediaSourceSampleRate(media)
  local zero = anchor(start, from, shift, file_rate)
  local length = math.min(stop, reaper.GetMediaSourceLength(media) - shift) - zero
  -- whole frames of the file, and none beyond its end
  length = math.floor(length * file_rate + 1e-6) / file_rate
  if zero + length < to - 0.5 / project.rate() then
    return nil
  end
  return {
    path = path, file_start = zero + shift, length = length, zero = zero,
    gain = reaper.GetMediaItemTakeInfo_Value(take, "D_VOL"), pan = reaper.GetMediaItemTakeInfo_Value(take, "D_PAN"),
    volume = reaper.GetMediaItemInfo_Value(item, "D_VOL"),
  }
end

-- The track's name as part of a file name, or nil where nothing of it could be.
local function file_name(track)
  local name = tracks.name(track)
  name = name:sub(1, (utf8.offset(name, 60) or 0) - 1)
  name = name:gsub('[%c/\\:*?"<>|]', " "):gsub("^[ .]+", ""):gsub("[ .]+$", "")
  return name ~= "" and name or nil
end

local function of_track(item, from, to)
  if is_muted(item) then
    refuse("A muted item that is not its file as it stands cannot be heard: unmute it first.")
  end
  local rate = project.rate()
  local track = reaper.GetMediaItem_Track(item)
  local last = 0
  for _, other in ipairs(project.items(track)) do
    local _, stop = project.bounds(other)
    last = math.max(last, stop)
  end
  local first = math.max(0, math.floor(from * rate + 0.5))
  local frames = math.floor(math.min(to, last) * rate + 1e-6) - first
  local heard = exports.name() .. ".wav"
  local path = project.folder() .. "/" .. heard
  export(track, path, first, frames, rate)
  local volume = reaper.GetMediaItemInfo_Value(item, "D_VOL")
  return {
    path = path, heard = heard, name = file_name(track), file_start = 0.0, length = frames / rate, zero = first / rate,
    -- the export holds the item's volume already
    gain = volume > 0 and 1 / volume or 1.0, pan = 0.0, volume = volume > 0 and volume or 1.0,
  }
end

-- Whether something else plays right beside the item, and is to be heard with it.
local function has_neighbours(item, from, to)
  local start, stop = project.bounds(item)
  for _, other in ipairs(project.items(reaper.GetMediaItem_Track(item))) do
    local begins, ends = project.bounds(other)
    local before = from - start < ENOUGH_SECONDS and ends > start - NEAR_SECONDS and begins < start
    local after = stop - to < ENOUGH_SECONDS and begins < stop + NEAR_SECONDS and ends > stop
    if other ~= item and (before or after) then
      return true
    end
  end
  return false
end

-- Behind the effects: of the track, or the mix of all where it is nil.
local function rendered(track, from, to)
  local folder, name = project.folder(), exports.name()
  render(track, folder, name, from, to, project.rate())
  return {
    path = ("%s/%s.wav"):format(folder, name), heard = name .. ".wav", name = track and file_name(track) or "mix",
    file_start = 0.0, length = to - from, zero = from, gain = 1.0, pan = 0.0, volume = 1.0,
  }
end

-- What is heard around `from` to `to` of an item: { path, heard, name, file_start, length, zero, gain, pan, volume }.
-- `heard` is the file name of an export; `name` is that of the clips, where the file's own says nothing; `zero` the
-- project's time where the source starts, a whole frame of the project; `gain` and `pan` let a new take play as the source
-- does, and with `volume` a new item.
function source.around(item, from, to)
  local path, media = plain_file(reaper.GetActiveTake(item))
  local stands_alone = is_muted(item) or not has_neighbours(item, from, to)
  local found = path and stands_alone and of_file(item, path, media, from, to)
  return found or of_track(item, from - CONTEXT_SECONDS, to + CONTEXT_SECONDS)
end

-- Exactly `from` to `to` of an item, with nothing around it. `hear`: item, track (with its effects) or mix (of all tracks).
function source.part(item, from, to, hear)
  if hear == "track" or hear == "mix" then
    return rendered(hear == "track" and reaper.GetMediaItem_Track(item) or nil, from, to)
  end
  local path, media = plain_file(reaper.GetActiveTake(item))
  local found = path and of_file(item, path, media, from, to) or of_track(item, from, to)
  local later = from - found.zero
  found.length = math.min(to - from, found.length - later)
  found.file_start, found.zero = found.file_start + later, from
  return found
end

return source
