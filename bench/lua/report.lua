-- Prints what a run found as one line of JSON. By itself it sends the same GET again and again.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"answers":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
