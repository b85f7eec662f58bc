-- Texts that are kept with the session, by name: the answers of the last time.
local client = require("punchin.client")
local fields = require("punchin.fields")
local files = require("punchin.files")

local kept = {}

local function path()
  return client.session_folder() .. "/answers"
end

function kept.load()
  return fields.decode(files.read(path()) or "")
end

function kept.save(values)
  files.write(path(), fields.encode(values))
end

return kept
