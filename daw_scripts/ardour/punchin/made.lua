-- What clips were made of, found again by the file that a region plays: regions keep nothing of their own.
local client = require("punchin.client")
local fields = require("punchin.fields")
local files = require("punchin.files")

local made = {}

local function path()
  return client.session_folder() .. "/made"
end

-- `file`: the stem of the clip's file name, which no other clip of the session has.
function made.note(file, values)
  files.write(path(), file .. "\t" .. fields.encode(values) .. "\n", "ab")
end

-- What the source of a region was made of, as texts by name; nil for one that is not ours. Ardour adds the channel to the
-- name of a file, so that the longest beginning counts.
function made.read(region)
  local name = region:source(0):name()
  local longest, found = "", nil
  for file, line in (files.read(path()) or ""):gmatch("([^\t\n]*)\t([^\n]*)\n") do
    if name:sub(1, #file) == file and #file > #longest then
      longest, found = file, fields.decode(line)
    end
  end
  return found
end

-- The seed after the highest that was used at one place, wherever its takes have been moved to since.
function made.next_seed(of)
  local highest = -1
  for line in (files.read(path()) or ""):gmatch("\t([^\n]*)\n") do
    local values = fields.decode(line)
    if values.origin == of.origin then
      highest = math.max(highest, math.tointeger(tonumber(values.seed)) or -1)
    end
  end
  return highest + 1
end

return made
