-- Gives a key to one of punchin's actions, in REAPER's own dialog, which says where it is taken; tells which keys there are.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"
local action = require("punchin.action")

local MAIN_SECTION = 0
local ADD = -1

-- Names of the actions with their commands, in order.
local function all()
  local found, index = {}, 0
  reaper.EnumerateFiles(folder, -1)
  repeat
    local file = reaper.EnumerateFiles(folder, index)
    local name = file and file:match("^punchin_([%a_]+)%.lua$")
    if name then
      local command = reaper.AddRemoveReaScript(true, MAIN_SECTION, folder .. file, true)
      found[#found + 1] = { name = name, command = command }
    end
    index = index + 1
  until not file
  table.sort(found, function(one, other) return one.name < other.name end)
  return found
end

local function keys_of(section, command)
  local keys = {}
  for index = 0, reaper.CountActionShortcuts(section, command) - 1 do
    keys[#keys + 1] = select(2, reaper.GetActionShortcutDesc(section, command, index))
  end
  return table.concat(keys, ", ")
end

local function list(section, actions)
  local lines = {}
  for number, one in ipairs(actions) do
    local keys = keys_of(section, one.command)
    lines[number] = one.name .. (keys ~= "" and ": " .. keys or "")
  end
  local toolbar = require("punchin.place").load(folder).toolbar
  lines[#lines + 1] = toolbar and ("\nButtons: %s, in the menu View > Toolbars"):format(toolbar)
    or "\nButtons: none; punchin install reaper makes a toolbar where one is free"
  return table.concat(lines, "\n")
end

action.run(function()
  local layout = "Action (empty: list them),extrawidth=100"
  local ok, name = reaper.GetUserInputs("punchin: Hotkeys and toolbar", 1, layout, "")
  if not ok then
    return
  end
  local section, actions = reaper.SectionFromUniqueID(MAIN_SECTION), all()
  if name == "" then
    reaper.ShowMessageBox(list(section, actions), "punchin: Hotkeys and toolbar", 0)
    return
  end
  for _, one in ipairs(actions) do
    if one.name == name then
      reaper.DoActionShortcutDialog(reaper.GetMainHwnd(), section, one.command, ADD)
      return
    end
  end
  require("punchin.refuse")("There is no action %s: leave the field empty to see their names.", name)
end)
