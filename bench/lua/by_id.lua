-- GET /customers/{id} with random ids. Arguments: the first id, the last id.
require("report")

-- Made before the clock runs, so that making them takes no time from the server on the same machine.
local requests, next_one = {}, 0

function init(arguments)
  local first, last = tonumber(arguments[1]), tonumber(arguments[2])
  math.randomseed(1)
  for number = 1, 20000 do
    requests[number] = wrk.format("GET", "/customers/" .. math.random(first, last))
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end
