-- With a file of paths as argument every request takes a random one of them; without, wrk sends one
-- request prepared in advance. The last line is for bench/wrk.py to read.
function init(args)
  if not args[1] then return end
  local prepared = {}
  for path in io.lines(args[1]) do prepared[#prepared + 1] = wrk.format("GET", path) end
  local random, count = math.random, #prepared
  request = function() return prepared[random(count)] end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write, e.timeout, e.status))
end
