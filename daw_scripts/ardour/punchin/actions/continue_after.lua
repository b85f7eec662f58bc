-- What comes after.
local continuing = require("punchin.actions.continuing")

return function(given)
  continuing("after", given)
end
