-- Requests that the daemon has not taken yet: whoever quits Ardour while there is no daemon finds them again.
local client = require("punchin.client")
local files = require("punchin.files")

local waiting = {}

local kept -- as it stands in the file

local function path()
  return client.folder() .. "/waiting"
end

function waiting.load()
  return client.unpacked(files.read(path()) or "")
end

-- `requests`: those of the conversation.
function waiting.keep(requests)
  local parts = {}
  for _, request in pairs(requests) do
    parts[#parts + 1] = request.renders and not request.cancelled and client.packed(request.packet) or nil
  end
  table.sort(parts)
  local content = table.concat(parts)
  if content ~= kept then
    kept = content
    files.write(path(), content)
  end
end

return waiting
