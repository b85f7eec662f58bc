-- The MIDI of a clip as a region beside it, whose notes stay at their seconds whatever the session's tempo does.
local client = require("punchin.client")
local files = require("punchin.files")
local regions = require("punchin.regions")
local smf = require("punchin.smf")
local tracks = require("punchin.tracks")

local notes = {}

local TICKS = 1920 -- a quarter note, as Ardour counts
local DEFAULT_TEMPO = 500000 -- microseconds a quarter note
local NOTE_OFF, NOTE_ON = 0x80, 0x90
local END_OF_TRACK = "\xff\x2f\x00"

-- A function that gives, for seconds after a frame, the ticks between both in the session's tempo.
local function clock(position)
  local rate, zero = Session:nominal_sample_rate(), Temporal.timepos_t(position):ticks()
  return function(seconds)
    return Temporal.timepos_t(position + math.floor(seconds * rate + 0.5)):ticks() - zero
  end
end

local function variable_length(value)
  local bytes = string.char(value & 0x7f)
  while value > 0x7f do
    value = value >> 7
    bytes = string.char(value & 0x7f | 0x80) .. bytes
  end
  return bytes
end

-- Each { tick, status, pitch, velocity }, in order; what ends comes before what begins.
local function events_of(found, ticks_at, length)
  local events = {}
  for _, note in ipairs(found) do
    local start, stop = ticks_at(note.start), ticks_at(math.min(note.stop, length))
    if note.start < length then
      events[#events + 1] = { start, NOTE_ON | note.channel, note.pitch, note.velocity }
      events[#events + 1] = { math.max(stop, start + 1), NOTE_OFF | note.channel, note.pitch, 0 }
    end
  end
  table.sort(events, function(one, other)
    for key = 1, 3 do
      if one[key] ~= other[key] then
        return one[key] < other[key]
      end
    end
    return false
  end)
  return events
end

-- A Standard MIDI File with these events. Ardour takes its beats for the session's, and makes a region of each track.
local function packed(events, last)
  local parts, now = { "\x00\xff\x51\x03" .. string.pack(">I3", DEFAULT_TEMPO) }, 0
  for _, event in ipairs(events) do
    parts[#parts + 1] = variable_length(event[1] - now) .. string.char(table.unpack(event, 2))
    now = event[1]
  end
  parts[#parts + 1] = variable_length(math.max(0, last - now)) .. END_OF_TRACK
  return string.pack(">c4I4I2I2I2", "MThd", 6, 0, 1, TICKS) .. string.pack(">c4s4", "MTrk", table.concat(parts))
end

-- The notes of a clip in the session, as a region of them all; nil where there are none. An error says what is wrong with
-- its file.
local function import(clip, position)
  local ticks_at, length = clock(position), clip.frames / Session:nominal_sample_rate()
  local events = events_of(smf.notes(clip.midi), ticks_at, length)
  if #events == 0 then
    return nil
  end
  local path = ("%s/%s"):format(client.session_folder(), clip.midi:match("[^/\\]*$"))
  assert(files.write(path, packed(events, ticks_at(length))), "cannot write " .. path)
  local ok, region = pcall(regions.import, path)
  os.remove(path)
  return ok and region or error(region, 0)
end

-- What does not work is told in `clip.without_notes`: it is no reason to hold back what is heard.
local function attempt(clip, body)
  local ok, problem = pcall(body)
  if not ok then
    clip.without_notes = ("The notes are in %s, and could not be placed: %s"):format(clip.midi, problem)
  end
end

-- Imports the notes of a clip whose first frame belongs at `position`, and makes a track for them behind the clip's:
-- `clip.notes`, for `add`. Returns that track, or nil where there are none.
function notes.prepare(clip, track, part, position)
  attempt(clip, function()
    local whole = import(clip, position)
    if whole then
      local behind = tracks.notes_after(track, part .. " MIDI", part)
      clip.notes = { whole = whole, track = behind, name = part .. " MIDI", position = position }
    end
  end)
  return clip.notes and clip.notes.track
end

-- A region of the prepared notes, as long as their clip.
function notes.add(clip)
  attempt(clip, function()
    local region = ARDOUR.RegionFactory.clone_region(clip.notes.whole, true, false)
    local first = Temporal.timepos_t(clip.notes.position)
    local ticks = clock(clip.notes.position)(clip.frames / Session:nominal_sample_rate())
    region:set_name(clip.notes.name)
    region:set_length(Temporal.timecnt_t.from_ticks(ticks, first))
    clip.notes.track:playlist():add_region(region, first, 1, false, 0, 0, false)
  end)
end

return notes
