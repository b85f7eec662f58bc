-- Puts the clips of a job where its cookie says, as one undo step. Nothing that was there is changed.
local fields = require("punchin.fields")
local made = require("punchin.made")
local notes = require("punchin.notes")
local regions = require("punchin.regions")
local tracks = require("punchin.tracks")

local placing = {}

local GONE = "The track that this belongs to is gone: the result is on a new track at the end."

-- Where clips belong, as the action wrote it; times are frames of the session:
--   track                 the source's track by identity; may be empty
--   zero                  where the source starts
--   how                   top: regions on top of the track's; beside: on new tracks behind it, and the notes of first
--                         takes behind those; free: on the track where nothing plays there, else on a new one
--   fade_in, fade_out     (top) frames that are cross-faded with the source, at an end that touches it
--   first, last           (top) what is shown of a clip, where it is not all
--   origin                (top) the place whose takes these are more of, as `note` writes it
function placing.read(cookie)
  local place = fields.decode(cookie)
  for _, name in ipairs({ "zero", "fade_in", "fade_out", "first", "last" }) do
    place[name] = math.tointeger(tonumber(place[name]))
  end
  return place.how and place.zero and place or nil
end

local function title(place)
  return "punchin: " .. (place.prompt ~= "" and place.prompt or place.verb)
end

-- The track that was meant, or a new one at the end where it is gone. The second result says which.
local function track_of(place, clips)
  local track = tracks.find(place.track)
  if track then
    return track, true
  end
  return tracks.at_end(title(place), clips[1].channels), place.track == ""
end

local function position_of(clip, place)
  return place.zero + math.floor(clip.start * Session:nominal_sample_rate() + 0.5)
end

-- Each clip with the track that it goes to.
local ways = {}

function ways.top(place, clips)
  local track, found = track_of(place, clips)
  return function() return track end, found
end

function ways.free(place, clips)
  local track, found = track_of(place, clips)
  local from = position_of(clips[1], place)
  if #tracks.regions(track, from, from + clips[1].frames) > 0 then
    track = tracks.after(track, title(place), clips[1].channels)
  end
  return function() return track end, found
end

function ways.beside(place, clips)
  local behind, found = track_of(place, clips)
  local made_tracks = {}
  return function(clip)
    local part = clip.track == "mix" and place.verb or clip.track
    if not made_tracks[part] then
      made_tracks[part] = tracks.after(behind, part, clip.channels, part)
      behind = made_tracks[part]
      if clip.midi then
        behind = notes.prepare(clip, behind, part, position_of(clip, place)) or behind
      end
    end
    return made_tracks[part]
  end, found
end

local function note(clip, place, position)
  made.note(clip.path:match("([^/\\]*)%.%w+$"), {
    job = place.job, verb = place.verb, prompt = place.prompt, engine = clip.engine, seed = clip.seed, part = clip.track,
    zero = place.zero, at = position, origin = place.origin or ("%s %d"):format(place.track, position),
    fade_in = place.fade_in, fade_out = place.fade_out,
  })
end

local function import_all(place, clips)
  local wanted = {}
  for _, clip in ipairs(clips) do
    if not place.only or clip.track == place.only then
      clip.whole = regions.import(clip.path)
      wanted[#wanted + 1] = clip
    end
  end
  return wanted
end

local function add_all(place, clips)
  -- the first take is heard: it comes last, on top
  for number = #clips, 1, -1 do
    local clip = clips[number]
    local position = position_of(clip, place)
    regions.add(clip.playlist, clip, place, position)
    note(clip, place, position)
    if clip.notes then
      notes.add(clip)
    end
  end
end

-- Puts all clips of a job on their tracks. Returns sentences for the user where they did not go where they belong.
function placing.put(place, clips)
  local wanted = import_all(place, clips)
  local track_for, found = ways[place.how](place, wanted)
  local playlists = {}
  local function playlist_of(track)
    local playlist = track:playlist()
    playlists[playlist:to_stateful():id():to_s()] = playlist
    return playlist
  end
  for _, clip in ipairs(wanted) do
    clip.playlist = playlist_of(track_for(clip))
    if clip.notes then
      playlist_of(clip.notes.track)
    end
  end
  Session:begin_reversible_command("punchin: " .. place.verb)
  for _, playlist in pairs(playlists) do
    playlist:to_stateful():clear_changes()
  end
  -- a step that is left open would swallow those of the user
  local ok, problem = pcall(add_all, place, wanted)
  for _, playlist in pairs(playlists) do
    Session:add_stateful_diff_command(playlist:to_statefuldestructible())
  end
  Session:commit_reversible_command(nil)
  if not ok then
    error(problem, 0)
  end
  local sentences = { not found and GONE or nil }
  for _, clip in ipairs(wanted) do
    sentences[#sentences + 1] = clip.without_notes
  end
  return #sentences > 0 and table.concat(sentences, " ") or nil
end

return placing
