-- Messages in a window that waits for nobody: a message box in a timer would hold up all of Ardour's timers, and results
-- with them. Ardour lets nothing else be clicked while the window is there, so each message comes once, and none while the
-- user records.
local notice = {}

local TITLE = "punchin"
local HOW_TO_CLOSE = "(Cancel closes this message, nothing else.)"
local WIDTH = 70 -- characters

local window
local waiting, shown = {}, {}

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

local function place_of(list, text)
  for number, one in ipairs(list) do
    if one == text then
      return number
    end
  end
end

local function without(list, text)
  local number = place_of(list, text)
  return number and table.remove(list, number) ~= nil
end

local function hide()
  if window then
    window:done()
    window = nil
  end
end

local function draw()
  hide()
  local parts = {}
  for number, text in ipairs(shown) do
    parts[number] = wrapped(text)
  end
  if #parts > 0 then
    parts[#parts + 1] = HOW_TO_CLOSE
    window = LuaDialog.ProgressWindow(TITLE, true)
    window:progress(0, table.concat(parts, "\n\n"))
  end
end

-- What is there already is not said twice.
function notice.show(text)
  if not place_of(waiting, text) and not place_of(shown, text) then
    print("punchin: " .. text)
    waiting[#waiting + 1] = text
  end
end

-- Takes a message away whose reason is gone.
function notice.withdraw(text)
  without(waiting, text)
  if without(shown, text) then
    draw()
  end
end

-- To be called some times a second.
function notice.turn()
  if window and window:canceled() then
    hide()
    shown = {}
  end
  if #waiting > 0 and not Session:actively_recording() then
    table.move(waiting, 1, #waiting, #shown + 1, shown)
    waiting = {}
    draw()
  end
end

return notice
