-- Ends an action with one sentence for the user.
return function(sentence, ...)
  error({ sentence = sentence:format(...) }, 0)
end
