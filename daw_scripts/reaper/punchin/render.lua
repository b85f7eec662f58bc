-- A stretch of the project as it sounds behind the effects, through REAPER's own renderer; its settings stay as they are.
local refuse = require("punchin.refuse")

local RENDER_AND_CLOSE = 42230
local MASTER_MIX, SELECTED_TRACKS = 0, 2
local FLOAT_WAV = "ZXZhdyAAAA==" -- "evaw", 32 bits

local function number(name, value)
  return reaper.GetSetProjectInfo(0, name, value or 0, value ~= nil)
end

local function text(name, value)
  return select(2, reaper.GetSetProjectInfo_String(0, name, value or "", value ~= nil))
end

local function selected_tracks()
  local tracks = {}
  for index = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, index)
    tracks[index + 1] = { track = track, is_selected = reaper.IsTrackSelected(track) }
  end
  return tracks
end

-- Sets what is wanted, runs `body` and sets all back, whatever happens.
local function with_settings(numbers, texts, body)
  local numbers_before, texts_before, tracks = {}, {}, selected_tracks()
  for name in pairs(numbers) do
    numbers_before[name] = number(name)
  end
  for name in pairs(texts) do
    texts_before[name] = text(name)
  end
  local ok, problem = pcall(function()
    for name, value in pairs(numbers) do
      number(name, value)
    end
    for name, value in pairs(texts) do
      text(name, value)
    end
    body()
  end)
  for name, value in pairs(numbers_before) do
    number(name, value)
  end
  for name, value in pairs(texts_before) do
    text(name, value)
  end
  for _, one in ipairs(tracks) do
    reaper.SetTrackSelected(one.track, one.is_selected)
  end
  if not ok then
    error(problem, 0)
  end
end

-- Writes `folder/name.wav`, 32-bit float, from `from` to `to` at `rate`: of `track` with its effects, or of the whole mix
-- where it is nil.
return function(track, folder, name, from, to, rate)
  with_settings({
    RENDER_SETTINGS = track and SELECTED_TRACKS or MASTER_MIX, RENDER_BOUNDSFLAG = 0, RENDER_STARTPOS = from,
    RENDER_ENDPOS = to, RENDER_SRATE = rate, RENDER_CHANNELS = 2, RENDER_TAILFLAG = 0, RENDER_ADDTOPROJ = 0,
    RENDER_NORMALIZE = 0, RENDER_DITHER = 0,
  }, { RENDER_FILE = folder, RENDER_PATTERN = name, RENDER_FORMAT = FLOAT_WAV, RENDER_FORMAT2 = "" }, function()
    if track then
      reaper.SetOnlyTrackSelected(track)
    end
    reaper.Main_OnCommand(RENDER_AND_CLOSE, 0)
  end)
  -- the action itself tells nothing
  local file = io.open(folder .. "/" .. name .. ".wav", "rb")
  local length = file and file:seek("end") or 0
  if file then
    file:close()
  end
  if length == 0 then
    refuse("REAPER has not rendered what is to be heard: see its render window for the reason.")
  end
end
