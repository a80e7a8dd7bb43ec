-- POST of the bodies in a file, one a line, from a random one on. Arguments: the file.
require("report")

local requests, next_one = {}, 0

function init(arguments)
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, body)
  end
  math.randomseed(os.time())
  next_one = math.random(#requests)
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end
