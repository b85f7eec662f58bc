-- A table of texts and numbers as one line of text, for cookies and for what is kept in projects.
local fields = {}

local function escaped(text)
  return (text:gsub("[%c%%&=]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- Numbers keep every bit.
function fields.encode(values)
  local names = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    local value = values[name]
    local text = math.type(value) == "float" and ("%.17g"):format(value) or tostring(value)
    parts[#parts + 1] = name .. "=" .. escaped(text)
  end
  return table.concat(parts, "&")
end

-- All values come back as text.
function fields.decode(line)
  local values = {}
  for name, text in line:gmatch("([%w_]+)=([^&]*)") do
    values[name] = text:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end)
  end
  return values
end

return fields
