ardour {
  ["type"] = "EditorAction", name = "punchin: Generate into range", license = "MIT", author = "punchin",
  description = [[New music for the selected range.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.generate")
  return function()
    action.run(body)
  end
end
