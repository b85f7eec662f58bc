-- Puts the clips of jobs where their cookies say, as one undo point an action.
local edit = require("punchin.edit")
local fields = require("punchin.fields")
local items = require("punchin.items")
local lanes = require("punchin.lanes")
local project = require("punchin.project")
local settings = require("punchin.settings")
local spread = require("punchin.spread")
local takes = require("punchin.takes")
local tracks = require("punchin.tracks")

local placing = {}

local NUMBERS = { "zero", "from", "to", "anchor", "gain", "pan", "volume", "handles", "number", "of" }

-- Where clips belong, as the action wrote it:
--   project, track, item   names that stay; `item` and `track` may be empty
--   group, number, of      (all) the jobs of one action, and which of them this is
--   zero                   project time of the source's start
--   how                    take, item, join, spread, or describe where no clips come
--   from, to               (take, spread) the stretch of the item
--   heard                  file name of the export that was heard, where there is one
--   gain, pan, volume      of the new takes, and of the items that are made for them: they play as loud as the source
--   only                   (take) the one part that is wanted where a job has several
--   take, anchor           the take of the item that played, and where its file began
--   side, handles          (join)
--   folder, part, mute     (spread) the title of the folder, empty for none; the name of a part that has none, empty where
--                          the parts are wanted without their mix; whether the source is muted
function placing.read(cookie)
  local place = fields.decode(cookie)
  for _, name in ipairs(NUMBERS) do
    place[name] = tonumber(place[name])
  end
  return place.project and place.how and place
end

local ways = { item = items.place, join = items.join, spread = spread }

function ways.take(place, clips)
  local way = settings.get("parts") == "lane" and lanes.place or takes.place
  if way(place, clips) then
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

-- Puts what has come, each { place, clips }, as one undo point. What is there already, because REAPER ended before the
-- daemon heard of it, is not put there again. Returns sentences for the user about what could not go where it was meant to.
function placing.put(arrived)
  local new, lost, sentences = {}, {}, {}
  for _, one in ipairs(arrived) do
    if #project.takes_of(one.place.job) == 0 then
      new[#new + 1] = one
    end
  end
  if #new == 0 then
    return sentences
  end
  edit("punchin: " .. new[1].place.verb, function()
    for _, one in ipairs(new) do
      lost[#lost + 1] = not ways[one.place.how](one.place, one.clips) and one.place.verb or nil
    end
  end)
  if #lost > 0 then
    local whole = #lost == 1 and "it is" or "they are"
    sentences[1] = ("What the %s was meant for is gone: %s on a new track at the end."):format(lost[1], whole)
  end
  return sentences
end

return placing
