-- The panel's window, drawn anew each turn.
local action = require("punchin.action")
local clip_of = require("punchin.clip")
local dialog = require("punchin.dialog")
local edit = require("punchin.edit")
local fields = require("punchin.fields")
local project = require("punchin.project")

local panel = {}

local EXTENSION = "punchin"
local WIDTH, HEIGHT = 420, 520
local PROMPT_HEIGHT, LYRICS_HEIGHT = 60, 100
local MOST_TAKES = 8
-- Label, action, verb of its presets.
local BUTTONS = {
  { "Repaint", "repaint", "repaint" }, { "Generate", "generate", "generate" }, { "Restyle", "cover", "cover" },
  { "Continue after", "continue_after", "continue" }, { "Continue before", "continue_before", "continue" },
}
local KEPT = { "prompt", "lyrics", "key", "takes", "preset" }

function panel.is_possible()
  return reaper.APIExists("ImGui_CreateContext")
end

local function kept(name)
  return project.get("panel_" .. name)
end

-- What the project in front was asked for the last time.
local function load(state)
  state.project = reaper.EnumProjects(-1)
  for _, name in ipairs(KEPT) do
    state[name] = kept(name)
  end
  state.key = project.get("key")
  state.takes = math.tointeger(tonumber(state.takes)) or 1
end

local function keep(state)
  for _, name in ipairs(KEPT) do
    project.set("panel_" .. name, tostring(state[name]))
  end
  project.set("key", state.key)
end

-- Runs an action as a pad does: nobody is asked again.
local function run(folder, name, state, verb)
  keep(state)
  local keys = { prompt = state.prompt, lyrics = state.lyrics, key = state.key, takes = state.takes }
  for _, preset in ipairs(dialog.presets(verb)) do
    keys.preset = preset == state.preset and preset or keys.preset
  end
  reaper.SetExtState(EXTENSION, "trigger", fields.encode(keys), false)
  local path = ("%spunchin_%s.lua"):format(folder, name)
  reaper.Main_OnCommand(reaper.AddRemoveReaScript(true, 0, path, true), 0)
end

local function all_presets()
  local names = {}
  for _, verb in ipairs({ "repaint", "generate", "cover", "continue" }) do
    table.move(dialog.presets(verb), 1, #dialog.presets(verb), #names + 1, names)
  end
  return names
end

-- What a click wants is returned by each `draw_…`, and done once the window is closed: a dialog inside of it would stop it.

local function draw_request(ctx, state, folder)
  local _
  reaper.ImGui_Text(ctx, "Prompt")
  _, state.prompt = reaper.ImGui_InputTextMultiline(ctx, "##prompt", state.prompt, -1, PROMPT_HEIGHT)
  reaper.ImGui_Text(ctx, "Lyrics")
  _, state.lyrics = reaper.ImGui_InputTextMultiline(ctx, "##lyrics", state.lyrics, -1, LYRICS_HEIGHT)
  _, state.key = reaper.ImGui_InputText(ctx, "Key", state.key)
  _, state.takes = reaper.ImGui_SliderInt(ctx, "Takes", state.takes, 1, MOST_TAKES)
  if reaper.ImGui_BeginCombo(ctx, "Preset", state.preset) then
    for _, name in ipairs({ "", table.unpack(all_presets()) }) do
      if reaper.ImGui_Selectable(ctx, name == "" and "none" or name, name == state.preset) then
        state.preset = name
      end
    end
    reaper.ImGui_EndCombo(ctx)
  end
  local wish
  for number, button in ipairs(BUTTONS) do
    local label, name, verb = table.unpack(button)
    if number > 1 then
      reaper.ImGui_SameLine(ctx)
    end
    if reaper.ImGui_Button(ctx, label) then
      wish = function() run(folder, name, state, verb) end
    end
  end
  return wish
end

local function draw_progress(ctx)
  local open = math.tointeger(tonumber(reaper.GetExtState(EXTENSION, "open"))) or 0
  local fraction, stage = reaper.GetExtState(EXTENSION, "progress"):match("^(%S+) (.*)$")
  local text = open > 0 and ("%d rendering: %s"):format(open, stage or "waiting") or "nothing is rendered"
  reaper.ImGui_ProgressBar(ctx, open > 0 and tonumber(fraction) or 0, -1, 0, text)
  reaper.ImGui_BeginDisabled(ctx, open == 0)
  local is_cancelled = reaper.ImGui_Button(ctx, "Cancel")
  reaper.ImGui_EndDisabled(ctx)
  return is_cancelled and function() action.send("/punchin/cancel", { action.new_id() }) end
end

local function choose(item, take)
  edit("punchin: choose a take", function()
    reaper.SetActiveTake(take)
    reaper.UpdateItemInProject(item)
  end)
end

local function listen(made_of, mode)
  local take = math.tointeger(tonumber(made_of.take)) or 1
  action.send("/punchin/audition", { action.new_id(), "job", made_of.job, "take", take, "mode", mode })
end

local function selected_item()
  for index = 0, reaper.CountMediaItems(0) - 1 do
    local item = reaper.GetMediaItem(0, index)
    if reaper.IsMediaItemSelected(item) then
      return item
    end
  end
end

local function draw_takes(ctx)
  local item = selected_item()
  local active = item and reaper.GetActiveTake(item)
  if not active then
    reaper.ImGui_Text(ctx, "Select an item to see its takes.")
    return nil
  end
  local wish
  for number = 0, reaper.GetMediaItemNumTakes(item) - 1 do
    local take = reaper.GetMediaItemTake(item, number)
    local _, name = reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false)
    if reaper.ImGui_Selectable(ctx, ("%d  %s"):format(number + 1, name), take == active) then
      wish = take ~= active and function() choose(item, take) end
    end
  end
  local made_of = clip_of.read(active)
  reaper.ImGui_BeginDisabled(ctx, made_of == nil)
  for _, mode in ipairs({ "solo", "context" }) do
    if reaper.ImGui_Button(ctx, mode == "solo" and "Listen" or "Listen in context") and made_of then
      wish = function() listen(made_of, mode) end
    end
    reaper.ImGui_SameLine(ctx)
  end
  reaper.ImGui_EndDisabled(ctx)
  if reaper.ImGui_Button(ctx, "Stop") then
    wish = function() action.send("/punchin/stop", { action.new_id() }) end
  end
  return wish
end

-- `folder`: of the actions. Gives a function that draws the window and returns whether it is still open.
function panel.new(folder)
  local ctx = reaper.ImGui_CreateContext("punchin")
  local state = {}
  return function()
    if state.project ~= reaper.EnumProjects(-1) then
      load(state)
    end
    reaper.ImGui_SetNextWindowSize(ctx, WIDTH, HEIGHT, reaper.ImGui_Cond_FirstUseEver())
    local is_visible, is_open = reaper.ImGui_Begin(ctx, "punchin", true)
    if is_visible then
      local of_request = draw_request(ctx, state, folder)
      reaper.ImGui_Separator(ctx)
      local of_progress = draw_progress(ctx)
      reaper.ImGui_Separator(ctx)
      local wish = draw_takes(ctx) or of_progress or of_request
      reaper.ImGui_End(ctx)
      if wish then
        wish()
      end
    end
    return is_open
  end
end

return panel
