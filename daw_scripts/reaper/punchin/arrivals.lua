-- What to do with results: those of one action are kept until all of them are there, so that one undo takes all of it back.
local describing = require("punchin.describing")
local exports = require("punchin.exports")
local placing = require("punchin.placing")

local arrivals = {}

-- Lists of what has come for the project in front, one an action, and the ids of what belongs to nobody.
local function grouped(results)
  local groups, by_name, strangers = {}, {}, {}
  for _, result in ipairs(results) do
    local place = placing.read(result.cookie)
    if not place then
      strangers[#strangers + 1] = result.id
    elseif placing.is_here(place) then
      place.job = result.id
      local name = place.group or result.id
      if not by_name[name] then
        by_name[name] = { name = name }
        groups[#groups + 1] = by_name[name]
      end
      table.insert(by_name[name], { place = place, clips = result.clips, description = result.description })
    end
  end
  return groups, strangers
end

local function put(group, tell)
  local ok, sentences = pcall(placing.put, group)
  if not ok and #group > 1 then
    -- one that cannot be placed does not keep back the others
    for _, one in ipairs(group) do
      put({ one }, tell)
    end
    return
  end
  for _, sentence in ipairs(ok and sentences or {}) do
    tell(sentence)
  end
  if not ok then
    tell(("the clips are in %s, and could not be placed: %s"):format(group[1].clips[1].path, sentences))
  end
end

-- `is_awaited`: whether more of a group may come; `tell`: says a sentence. Returns the ids of those that are done with.
function arrivals.take(results, is_awaited, tell)
  local groups, done = grouped(results)
  for _, group in ipairs(groups) do
    local is_whole = #group >= (group[1].place.of or 1) or not is_awaited(group.name)
    local is_description = group[1].place.how == "describe"
    if is_whole and not (is_description and describing.has_to_wait()) then
      table.sort(group, function(one, other) return (one.place.number or 0) < (other.place.number or 0) end)
      if is_description then
        describing.show(group)
      else
        put(group, tell)
      end
      for _, one in ipairs(group) do
        exports.drop(one.place, true)
        done[#done + 1] = one.place.job
      end
    end
  end
  return done
end

return arrivals
