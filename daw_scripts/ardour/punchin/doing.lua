-- What is on its way, in words.
local fields = require("punchin.fields")

local doing = {}

local stages = {} -- by job

-- What a job is called, by its cookie.
function doing.title(cookie)
  local place = fields.decode(cookie)
  return place.prompt ~= "" and place.prompt or place.verb or "punchin"
end

function doing.note(job, fraction, stage)
  stages[job] = ("%s, %.0f %%"):format(stage, 100 * fraction)
end

-- One line a job. `talk`: the conversation, whose groups are titles.
function doing.list(talk)
  local lines = {}
  for _, request in pairs(talk.requests) do
    lines[#lines + 1] = request.renders and request.group .. ": waits for the daemon" or nil
  end
  for id, job in pairs(talk.jobs) do
    lines[#lines + 1] = not job.ready and ("%s: %s"):format(job.group or "punchin", stages[id] or "queued") or nil
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

return doing
