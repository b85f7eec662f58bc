-- What a track's playlist plays, as a WAV file: regions with their gains, fades and layers, before the track's effects.
local client = require("punchin.client")
local refuse = require("punchin.refuse")
local tracks = require("punchin.tracks")
local wav = require("punchin.wav")

local sound = {}

local BLOCK = 16384
local CONTEXT_SECONDS = 20
local LONG_SECONDS = 60 -- from which on reading takes so long that a window says so
local LONGEST_BYTES = 2 ^ 32 - 64 -- of samples in a WAV file

local function interleaved(blocks, count)
  local channels, values = #blocks, {}
  for channel, block in ipairs(blocks) do
    for frame = 1, count do
      values[(frame - 1) * channels + channel] = block[frame]
    end
  end
  return values
end

local function channels_of(regions)
  local channels = 1
  for _, region in ipairs(regions) do
    channels = math.max(channels, region:to_audioregion():n_channels())
  end
  return channels
end

local function written(result, reason)
  return result or refuse("What is selected could not be written: %s.", reason)
end

-- A window with a bar for what takes long, moved on once a second; called with the part that is done. `close` takes it away.
local function progress_bar(seconds)
  if seconds < LONG_SECONDS then
    return function() end, function() end
  end
  local window, moved = LuaDialog.ProgressWindow("punchin: reading what is selected", true), nil
  local function move(part)
    if moved ~= os.time() then
      moved = os.time()
      window:progress(part, ("%.0f %%"):format(100 * part))
    end
    if window:canceled() then
      refuse("Cancelled: nothing was asked for.")
    end
  end
  return move, function() window:done() end
end

local function write(file, playlist, from, frames, channels, show)
  -- result, and the two buffers that Ardour mixes in
  local memory = ARDOUR.DSP.DspShm(3 * BLOCK)
  for done = 0, frames - 1, BLOCK do
    local count = math.min(BLOCK, frames - done)
    local blocks = {}
    for channel = 1, channels do
      ARDOUR.DSP.memset(memory:to_float(0), 0, BLOCK)
      playlist:read(
        memory:to_float(0), memory:to_float(BLOCK), memory:to_float(2 * BLOCK),
        Temporal.timepos_t(from + done), Temporal.timecnt_t(count), channel - 1
      )
      blocks[channel] = memory:to_float(0):get_table(count)
    end
    written(file:write(wav.packed(interleaved(blocks, count))))
    show(done / frames)
  end
end

-- The track's name as part of a file name.
local function file_name(track)
  local name = track:name()
  name = name:sub(1, (utf8.offset(name, 60) or 0) - 1)
  return (name:gsub('[%c/\\:*?"<>|%%]', " "):gsub("^[ .]+", ""):gsub("[ .]+$", ""))
end

-- Exactly these frames of a track: { path, name, zero, frames, rate }. `zero` is the session's frame where the file begins;
-- `name` is that of clips, and no other result's.
function sound.part(track, from, to)
  local rate, id = Session:nominal_sample_rate(), ("%x%04x"):format(os.time(), math.random(0, 0xffff))
  local path = ("%s/heard %s.wav"):format(client.session_folder(), id)
  local channels = channels_of(tracks.regions(track, from, to))
  if (to - from) * channels * 4 > LONGEST_BYTES then
    refuse("That is too long: select at most %d minutes.", LONGEST_BYTES // (channels * 4 * rate * 60))
  end
  local file = written(io.open(path, "wb"))
  local show, close = progress_bar((to - from) / rate)
  local ok, problem = pcall(function()
    written(file:write(wav.header(to - from, rate, channels)))
    write(file, track:playlist():to_audioplaylist(), from, to - from, channels, show)
    written(file:close())
  end)
  close()
  if not ok then
    pcall(file.close, file)
    os.remove(path)
    error(problem, 0)
  end
  return { path = path, name = file_name(track) .. "_" .. id, zero = from, frames = to - from, rate = rate }
end

-- The same with what is heard around it, up to the last region of the track.
function sound.around(track, from, to)
  local context = CONTEXT_SECONDS * Session:nominal_sample_rate()
  local last = to
  for _, region in ipairs(tracks.regions(track, to, math.huge)) do
    last = math.max(last, region:position():samples() + region:length():samples())
  end
  return sound.part(track, math.max(0, from - context), math.min(last, to + context))
end

return sound
