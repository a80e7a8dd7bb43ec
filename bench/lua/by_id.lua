-- GET /customers/{id} with random ids. Arguments: the first id, the last id.
require("report")

local before, after, first, last

function init(arguments)
  first, last = tonumber(arguments[1]), tonumber(arguments[2])
  math.randomseed(1)
  before, after = wrk.format("GET", "/customers/ID"):match("^(.-)ID(.*)$")
end

function request()
  return before .. math.random(first, last) .. after
end
