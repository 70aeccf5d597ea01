-- One request over and over; what wrk measured is printed as one line of JSON.
-- wrk … -s request.lua URL -- METHOD TOKEN [BODY]

local prepared

function init(args)
  local method, token, body = args[1], args[2], args[3]
  wrk.method = method
  wrk.headers["authorization"] = "Bearer " .. token
  if body ~= nil then
    wrk.headers["content-type"] = "application/json"
    wrk.body = body
  end
  prepared = wrk.format()
end

function request()
  return prepared
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
