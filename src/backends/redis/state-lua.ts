import { FORGOTTEN_MAX, IDLE_MEMORY_MS } from "../../backend.ts";

/** Microseconds and milliseconds since 1970; given from outside only where time is simulated. */
export const CLOCK = String.raw`
local call, byte, find, sub = redis.call, string.byte, string.find, string.sub
local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(ARGV[1] * 1000)
end
local ms = (now - now % 1000) / 1000
`;

/**
 * How the state of a lock is kept: the whole of it in one string.
 *
 * The two forms that locks have nearly always can be written by copying, because packing and
 * converting is what a short script spends its time on. Integers are big-endian.
 *
 *     idle   "i" last:8 expires:8 #terms:4 terms… count:1 ids…
 *     held   "h" the same
 *     other  "o" MessagePack of last, capacity, count, ended, revocations, places
 *
 * `held` is one place, granted at the moment that its token, the last one, tells, and no revocation
 * on record. Its terms are text: "manner permits capacity claimMs patienceMs owner", where `manner`
 * are two digits: whether to wait and to steal. The ids are those of the last places that ended,
 * oldest first, each behind \1 and a mark: r released, g gone. The holder's is the last one and
 * already marked as released, so that the first letter alone says whether it is, and a release
 * writes no more than that; `expires` and the terms of an idle lock say nothing. What differs most
 * between the values of one call, the lease id, comes last: Lua 5.1 hashes a long string by its last
 * byte and some before it, and values that collide make every further one slower (lstring.c).
 */
export const STATE = String.raw`
local char, spack, sunpack = string.char, struct.pack, struct.unpack
local ID, OWNER, PERMITS, CLAIM, TOKEN, SINCE, EXPIRES = 1, 2, 3, 4, 5, 6, 7
local RELEASED, GONE = 'r', 'g'
local TERMS = '^%d%d (%d+) (%d+) (%d+) %S+ (.*)$'

-- Without the oldest id.
local function younger(ids) return sub(ids, (find(ids, '\1', 2, true))) end

local function load(raw)
  if not raw then
    return {last = 0, capacity = 0, count = 0, ended = '', revocations = false, places = {}}
  end
  if byte(raw) == 111 then
    local last, capacity, count, ended, revocations, places = cmsgpack.unpack(sub(raw, 2))
    return {
      last = last, capacity = capacity, count = count, ended = ended,
      revocations = revocations, places = places,
    }
  end
  local last, expires, length = sunpack('>I8I8I4', raw, 2)
  local count, ended = byte(raw, 22 + length), sub(raw, 23 + length)
  if byte(raw) == 105 then
    if count > ${FORGOTTEN_MAX} then count, ended = count - 1, younger(ended) end
    return {
      last = last, capacity = 0, count = count, ended = ended, revocations = false, places = {},
    }
  end
  local permits, capacity, claim, owner = string.match(sub(raw, 22, 21 + length), TERMS)
  local earlier, id = string.match(ended, '^(.*)\1r(.*)$')
  local since = math.floor(last / 1000)
  return {
    last = last, capacity = tonumber(capacity), count = count - 1, ended = earlier,
    revocations = false,
    places = {{id, owner, tonumber(permits), tonumber(claim), last, since, expires}},
  }
end

local function save(key, state)
  local places, first = state.places, state.places[1]
  local raw
  if not first and not state.revocations then
    raw = 'i' .. spack('>I8I8I4', state.last, 0, 0) .. char(state.count) .. state.ended
  elseif #places == 1 and not state.revocations and first[TOKEN] == state.last
    and first[SINCE] == math.floor(state.last / 1000) then
    local terms = string.format('00 %d %d %d 0 ', first[PERMITS], state.capacity, first[CLAIM])
      .. first[OWNER]
    raw = 'h' .. spack('>I8I8I4', state.last, first[EXPIRES], #terms) .. terms
      .. char(state.count + 1) .. state.ended .. '\1r' .. first[ID]
  else
    raw = 'o' .. cmsgpack.pack(
      state.last, state.capacity, state.count, state.ended, state.revocations, places)
  end
  local latest = ms
  for _, place in ipairs(places) do latest = math.max(latest, place[EXPIRES]) end
  call('SET', key, raw, 'PX', math.ceil(latest - ms) + ${IDLE_MEMORY_MS})
end

-- The mark of an id that has ended, or nothing.
local function endedAs(state, id)
  local ended = '\1' .. state.ended .. '\1'
  local from, to = find(ended, id .. '\1', 1, true)
  while from do
    if sub(ended, from - 2, from - 2) == '\1' then return sub(ended, from - 1, from - 1) end
    from, to = find(ended, id .. '\1', to + 1, true)
  end
end

local function show(into, place)
  local at = #into
  into[at + 1], into[at + 2], into[at + 3] = place[ID], place[OWNER], place[PERMITS]
  into[at + 4], into[at + 5], into[at + 6] = place[TOKEN], place[SINCE], place[EXPIRES]
end
`;
