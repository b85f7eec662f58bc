-- Files and folders, as far as a script of Ardour may reach them.
local files = {}

-- All of a file, or nil where there is none.
function files.read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local content = file:read("a")
  file:close()
  return content
end

-- Replaces a file; `mode` "ab" appends to it. False where it cannot be written.
function files.write(path, content, mode)
  local file = io.open(path, mode or "wb")
  if not file then
    return false
  end
  file:write(content)
  file:close()
  return true
end

local function make_command(path)
  if Session:path():match("^%a:") then
    return ('mkdir "%s"'):format((path:gsub("/", "\\")))
  end
  return ("mkdir -p '%s'"):format((path:gsub("'", "'\\''")))
end

-- Makes a folder, and those around it, unless it is there.
function files.make_folder(path)
  if not ARDOUR.LuaAPI.file_test(path, ARDOUR.LuaAPI.FileTest.IsDir) then
    os.execute(make_command(path))
  end
  return path
end

return files
