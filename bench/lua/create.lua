-- POST /customers, each time another customer.
require("report")

local CUSTOMER = [[{"externalId": "%d-%d", "name": "%s %s %d", "attributes": {"tier": "gold"},
"address": {"streetAddress": "%d Harbor Road", "postalCode": "92612", "city": "%s", "countryCode": "DE"},
"contactPersons": [{"type": "admin", "firstName": "Jane", "lastName": "Doe", "email": "jane.doe@%d-%d.test",
"phoneNumber": "+4930901820"}], "language": "de"}]]
local TRADES = {"Bäckerei", "Druckerei", "Пекарня", "Λογιστικά", "製作所", "Drukarnia", "מאפייה"}
local TOWNS = {"Köln", "München", "Київ", "Αθήνα", "大阪", "Łódź", "חיפה", "Leeds"}

-- Runs take a second or more, so no two of them begin in the same one.
local run = os.time()
local number = 0

function init()
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  number = number + 1
  local trade, town = TRADES[number % #TRADES + 1], TOWNS[number % #TOWNS + 1]
  return wrk.format("POST", nil, nil, CUSTOMER:format(run, number, trade, town, number, number, town, run, number))
end
