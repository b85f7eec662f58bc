-- What the project says about a selection: the region that it lies in, and whether its items have lyrics.
local lyrics = require("punchin.lyrics")

local hints = {}

local WORD = "%a%a"
local BEYOND_ASCII = "[\128-\255]"

-- The name of the shortest region around the middle of a stretch that is named with words, or nil.
local function region_at(middle)
  local best, shortest
  local index = 0
  while true do
    local found, is_region, start, stop, name = reaper.EnumProjectMarkers3(0, index)
    if found == 0 then
      return best
    end
    local is_here = is_region and start <= middle and stop > middle
    local has_words = name:find(WORD) or name:find(BEYOND_ASCII)
    if is_here and has_words and (not shortest or stop - start < shortest) then
      best, shortest = name, stop - start
    end
    index = index + 1
  end
end

local function has_lyrics(parts)
  for _, part in ipairs(parts) do
    if part.item and lyrics.of(part.item) then
      return true
    end
  end
  return false
end

-- { verb, region, has_items, has_lyrics } of parts, each { from, to } and perhaps `item`.
function hints.of(verb, parts)
  local first = parts[1]
  return {
    verb = verb, region = first and region_at((first.from + first.to) / 2),
    has_items = first and first.item ~= nil, has_lyrics = has_lyrics(parts),
  }
end

return hints
