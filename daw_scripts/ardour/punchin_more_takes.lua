ardour {
  ["type"] = "EditorAction", name = "punchin: More takes", license = "MIT", author = "punchin",
  description = [[More takes of what the selected regions were made of.]],
}

function factory()
  local action = require("punchin.action")
  local body = require("punchin.actions.more_takes")
  return function()
    action.run(body)
  end
end
