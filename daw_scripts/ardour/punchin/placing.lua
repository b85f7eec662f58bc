-- Puts the clips of a job where its cookie says, as one undo step. Nothing that was there is changed.
local fields = require("punchin.fields")
local made = require("punchin.made")
local tracks = require("punchin.tracks")

local placing = {}

-- Where clips belong, as the action wrote it; times are frames of the session:
--   track                 the source's track by identity; may be empty
--   zero                  where the source starts
--   how                   top: regions on top of the track's; beside: on new tracks behind it; free: on the track where
--                         nothing plays there, else on a new one
--   handles, side         (top) cross-faded frames at the end that touches the source, and that end's side
--   first, last           (top) what is shown of a clip, where it is not all
function placing.read(cookie)
  local place = fields.decode(cookie)
  for _, name in ipairs({ "zero", "handles", "first", "last" }) do
    place[name] = math.tointeger(tonumber(place[name]))
  end
  return place.how and place.zero and place or nil
end

local function known_regions()
  local known = {}
  for _, region in ARDOUR.RegionFactory.regions():iter() do
    known[region:to_stateful():id():to_s()] = true
  end
  return known
end

-- The clip's file in the session, as a region of all of it. Ardour makes an undo step without effect of each import, and
-- does not take it into another one.
local function import(path)
  local known, files = known_regions(), C.StringVector()
  files:push_back(path)
  Editor:do_import(
    files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
    ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
    Temporal.timepos_t(0), ARDOUR.PluginInfo(), ARDOUR.Track(), false
  )
  for _, region in ARDOUR.RegionFactory.regions():iter() do
    if not known[region:to_stateful():id():to_s()] and region:whole_file() then
      return region
    end
  end
  error("Ardour could not read " .. path, 0)
end

local function name_of(clip, place)
  if clip.track ~= "mix" then
    return clip.track
  end
  return ("%s (seed %d)"):format(place.prompt ~= "" and place.prompt or place.verb, clip.seed)
end

-- A region of the clip that begins with its first frame at `position`; `first` and `last`: what is shown of it, in frames of
-- the session.
local function add(playlist, clip, place, position)
  local region = ARDOUR.RegionFactory.clone_region(clip.whole, true, false)
  local first = math.max(place.first or position, position)
  local last = math.min(place.last or math.huge, position + region:length():samples())
  region:set_name(name_of(clip, place))
  if first > position then
    region:set_start(Temporal.timepos_t(first - position))
  end
  region:set_length(Temporal.timecnt_t(last - first))
  playlist:add_region(region, Temporal.timepos_t(first), 1, false, 0, 0, false)
  local audio = region:to_audioregion()
  -- seams are in the audio
  audio:set_fade_in_active(place.side == "after")
  audio:set_fade_out_active(place.side == "before")
  if place.side == "after" then
    audio:set_fade_in_shape(ARDOUR.FadeShape.FadeLinear)
    audio:set_fade_in_length(place.handles)
  elseif place.side == "before" then
    audio:set_fade_out_shape(ARDOUR.FadeShape.FadeLinear)
    audio:set_fade_out_length(place.handles)
  end
  region:raise_to_top()
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
  return place.zero + math.floor(clip.start * clip.sample_rate + 0.5)
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
    end
    return made_tracks[part]
  end, found
end

local function note(clip, place, position)
  made.note(clip.path:match("([^/\\]*)%.%w+$"), {
    job = place.job, verb = place.verb, prompt = place.prompt, engine = clip.engine, seed = clip.seed, part = clip.track,
    zero = place.zero, place = ("%s %d"):format(place.track, position),
  })
end

-- Puts all clips of a job on their tracks. Returns a sentence for the user where they did not go where they belong.
function placing.put(place, clips)
  local wanted = {}
  for _, clip in ipairs(clips) do
    if not place.only or clip.track == place.only then
      clip.whole = import(clip.path)
      wanted[#wanted + 1] = clip
    end
  end
  local track_for, found = ways[place.how](place, wanted)
  local playlists = {}
  for _, clip in ipairs(wanted) do
    clip.playlist = track_for(clip):playlist()
    playlists[clip.playlist:to_stateful():id():to_s()] = clip.playlist
  end
  Session:begin_reversible_command("punchin: " .. place.verb)
  for _, playlist in pairs(playlists) do
    playlist:to_stateful():clear_changes()
  end
  -- the first take is heard: it comes last, on top
  for number = #wanted, 1, -1 do
    local clip = wanted[number]
    local position = position_of(clip, place)
    add(clip.playlist, clip, place, position)
    note(clip, place, position)
  end
  for _, playlist in pairs(playlists) do
    Session:add_stateful_diff_command(playlist:to_statefuldestructible())
  end
  Session:commit_reversible_command(nil)
  if not found then
    return "The track that this belongs to is gone: the result is on a new track at the end."
  end
end

return placing
