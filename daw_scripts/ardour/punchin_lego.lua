ardour {
  ["type"] = "EditorAction", name = "punchin: Add an instrument", license = "MIT", author = "punchin",
  description = [[A new instrument for the selected range, or the selected regions, on a new track.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.lego")
  return function()
    action.run(body)
  end
end
