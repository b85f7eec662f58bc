-- The notes of an item as lyrics: lines that begin with `#` say something about it and are left out.
local lyrics = {}

-- Nil where nothing is left.
function lyrics.of(item)
  local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
  local lines = {}
  for line in (notes .. "\n"):gmatch("(.-)\r?\n") do
    if line:sub(1, 1) ~= "#" then
      lines[#lines + 1] = line
    end
  end
  local text = table.concat(lines, "\n"):match("^%s*(.-)%s*$")
  return text ~= "" and text or nil
end

return lyrics
