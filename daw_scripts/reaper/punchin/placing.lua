-- Puts the clips of a job where its cookie says, as one undo point.
local edit = require("punchin.edit")
local fields = require("punchin.fields")
local items = require("punchin.items")
local project = require("punchin.project")
local takes = require("punchin.takes")
local tracks = require("punchin.tracks")

local placing = {}

local NUMBERS = { "zero", "from", "to", "item_start", "gain", "handles" }

-- Where clips belong, as the action wrote it:
--   project, track, item   names that stay; `item` and `track` may be empty
--   zero                   project time of the source's start
--   how                    take, item, join or spread
--   from, to               (take, spread) the stretch of the item
--   gain, only             (take) volume of the new takes; the one part that is wanted where a job has several
--   item_start             where the item was
--   side, handles          (join)
--   folder, part, mute     (spread) the title of the folder, empty for none; the name of a part that has none; whether
--                          the source is muted
function placing.read(cookie)
  local place = fields.decode(cookie)
  for _, name in ipairs(NUMBERS) do
    place[name] = tonumber(place[name])
  end
  return place.project and place.how and place
end

local ways = { item = items.place, join = items.join, spread = items.spread }

function ways.take(place, clips)
  if takes.place(place, clips) then
    return true
  end
  tracks.at_end("punchin: " .. place.verb)
  place.track = reaper.GetTrackGUID(reaper.GetTrack(0, reaper.CountTracks(0) - 1))
  items.place(place, clips)
  return false
end

-- Whether a cookie belongs to the project in front.
function placing.is_here(place)
  return project.get("project") == place.project
end

-- Returns a sentence for the user where the clips could not go where they were meant to. What is there already, because
-- REAPER ended before the daemon heard of it, is not put there again.
function placing.put(place, clips)
  if project.has(place.job) then
    return nil
  end
  local found = edit("punchin: " .. place.verb, function()
    return ways[place.how](place, clips)
  end)
  if not found then
    return ("What the %s was meant for is gone: it is on a new track at the end."):format(place.verb)
  end
end

return placing
