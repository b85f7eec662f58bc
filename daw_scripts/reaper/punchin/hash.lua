-- A number of 32 bits that stays the same for a text, for names of clients.
return function(text)
  local value = 5381
  for at = 1, #text do
    value = (value * 33 + text:byte(at)) & 0xffffffff
  end
  return value
end
