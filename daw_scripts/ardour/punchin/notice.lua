-- A message that does not stop Ardour: a window that stays until the user closes it or its reason is gone. A message box
-- in a timer would hold up all of Ardour's timers, and results with them.
local notice = {}

local TITLE = "punchin"
local HOW_TO_CLOSE = "\n\n(Cancel closes this message, nothing else.)"
local WIDTH = 70 -- characters

local window, shown

local function wrapped(text)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + #word >= WIDTH then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

function notice.close()
  if window then
    window:done()
    window, shown = nil, nil
  end
end

function notice.show(text)
  notice.close()
  print("punchin: " .. text)
  window, shown = LuaDialog.ProgressWindow(TITLE, true), text
  window:progress(0, wrapped(text) .. HOW_TO_CLOSE)
end

-- Whether this text is what is shown.
function notice.shows(text)
  return shown == text
end

-- To be called some times a second.
function notice.turn()
  if window and window:canceled() then
    notice.close()
  end
end

return notice
