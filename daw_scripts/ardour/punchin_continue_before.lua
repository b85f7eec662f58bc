ardour {
  ["type"] = "EditorAction", name = "punchin: Continue before", license = "MIT", author = "punchin",
  description = [[What comes before: the selected range, or some bars before the selected regions.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.continue_before")
  return function()
    action.run(body)
  end
end
