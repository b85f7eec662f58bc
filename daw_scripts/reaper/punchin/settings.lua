-- What the user has settled for this REAPER.
local settings = {}

local EXTENSION = "punchin"

-- Name, caption, choices; the first is that of the first time.
settings.ALL = {
  { "link", "Way to the daemon", { "auto", "spool" } },
  { "parts", "Part of an item", { "split", "lane" } },
}

function settings.get(name)
  for _, setting in ipairs(settings.ALL) do
    if setting[1] == name then
      local kept = reaper.GetExtState(EXTENSION, name)
      return kept ~= "" and kept or setting[3][1]
    end
  end
end

function settings.set(name, value)
  reaper.SetExtState(EXTENSION, name, value, true)
end

return settings
