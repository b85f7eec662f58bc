-- Clips become items on tracks of their own: stems, a new instrument, an accompaniment, the parts of new music.
local clip_of = require("punchin.clip")
local items = require("punchin.items")
local notes = require("punchin.notes")
local project = require("punchin.project")
local takes = require("punchin.takes")
local tracks = require("punchin.tracks")

-- An item whose take that plays is one of ours, from one end of a stretch to the other; nil where there is none.
local function ours_at(track, from, to)
  local close = 0.5 / project.rate()
  for _, item in ipairs(project.items(track)) do
    local start, stop = project.bounds(item)
    local take = reaper.GetActiveTake(item)
    if math.abs(start - from) < close and math.abs(stop - to) < close and take and clip_of.read(take) then
      return item
    end
  end
end

-- Lists of clips, one a part, in the order of the parts; the mix is the one called `mix`, and left out where that is empty.
local function by_part(clips, mix)
  local parts, lists = {}, {}
  for _, clip in ipairs(clips) do
    local name = clip.track == "mix" and mix or clip.track
    if name ~= "" then
      if not lists[name] then
        lists[name] = {}
        parts[#parts + 1] = name
      end
      table.insert(lists[name], clip)
    end
  end
  return parts, lists
end

-- Each part on a track of its own beside the source's: one alone stands by itself, several stand in a folder. Where its
-- track holds an item of ours for this stretch, that one gets more takes: the same part is not heard twice.
return function(place, clips)
  local source, found, is_new = items.track_of(place)
  if is_new and place.folder ~= "" then
    tracks.make_folder(source, place.folder)
  end
  local _, moved = project.found(place)
  local parts, lists = by_part(clips, place.part)
  for number = #parts, 1, -1 do
    local part = parts[number]
    local clip = lists[part][1]
    local position = place.zero + moved + clip.start
    local stop = position + items.length_of(clip)
    local function has_room(track)
      return items.is_free(track, position, stop)
    end
    local function takes_it(track)
      return has_room(track) or ours_at(track, position, stop) ~= nil
    end
    local track
    if place.folder ~= "" then
      track = tracks.in_folder(source, place.folder, part, takes_it)
    else
      track = tracks.beside(source, part, takes_it)
    end
    local there = ours_at(track, position, stop)
    if there then
      items.add_takes(there, lists[part], place, 0)
    else
      items.add(track, lists[part], place, position, 0, 0)
    end
    if clip.midi then
      local name = part .. " MIDI"
      local beside = tracks.in_folder(source, place.folder, name, has_room, track)
      notes.add(beside, name, clip.midi, position, items.length_of(clip))
    end
  end
  if place.mute == "1" then
    local heard, by = takes.find(place)
    if heard then
      reaper.SetMediaItemInfo_Value(takes.cut_out(heard, place.from + by, place.to + by), "B_MUTE", 1)
    end
  end
  return found
end
