-- Every request takes a random line of the file of paths; a single path is wrk's own constant request, which is the
-- fastest. The last line of the output is for bench/wrk.py to read.
function init(args)
  local prepared = {}
  for path in io.lines(args[1]) do prepared[#prepared + 1] = wrk.format("GET", path) end
  local random, count = math.random, #prepared
  if count > 1 then
    request = function() return prepared[random(count)] end
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write, e.timeout, e.status))
end
