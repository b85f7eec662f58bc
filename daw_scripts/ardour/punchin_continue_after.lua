ardour {
  ["type"] = "EditorAction", name = "punchin: Continue after", license = "MIT", author = "punchin",
  description = [[What comes after: the selected range, or some bars behind the selected regions.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.continue_after")
  return function()
    action.run(body)
  end
end
