import { IDLE_MEMORY_MS } from "../../backend.ts";

/**
 * Lua that reads the clock, in microseconds and milliseconds since 1970; it is given from outside only where
 * time is simulated.
 */
export const CLOCK = String.raw`
local call = redis.call
local now
if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(ARGV[1] * 1000)
end
local ms = math.floor(now / 1000)
`;

/** First bytes of the state, the lengths of what comes before the ended ids, and how a holder is packed. */
export const IDLE = "105";
export const HELD = "104";
export const IDLE_HEAD = "10";
export const HELD_HEAD = "46";
export const HELD_FORMAT = "'>I8I8I8I4I4I4I4I4'";
export const RELEASED = String.raw`'\1'`;
export const MARKS = String.raw`'[\1\2]'`;

/**
 * Lua that knows how the state of a lock is kept: the whole of it in one string.
 *
 * The two forms that locks have nearly always are binary and can be written by copying, because packing is
 * what such a script spends its time on. Integers are big-endian.
 *
 *     idle   "i" last:8                                                                        count:1 ended…
 *     held   "h" last:8 expires:8 since:8 permits:4 capacity:4 claim:4 #id:4 #owner:4 owner… count:1 ended… id…
 *     other  "o" MessagePack of last, capacity, count, ended, revocations, places
 *
 * `held` is one place, granted under the last token, and no revocation on record. `ended` are the ids of the
 * last `count` places that ended, oldest first, each behind a mark. What differs most between the values of
 * one call, the lease id, comes last: Lua hashes long strings by the last byte and a few before it, and
 * values that collide make every next one slower (PUC Lua 5.1, lstring.c).
 */
export const STATE = String.raw`
local call, byte, char, find, sub = redis.call, string.byte, string.char, string.find, string.sub
local spack, sunpack = struct.pack, struct.unpack

local ID, OWNER, PERMITS, CLAIM, TOKEN, SINCE, EXPIRES = 1, 2, 3, 4, 5, 6, 7
local GRANTED, WAITING, BUSY, MISMATCH, ENDED = 0, 1, 2, 3, 4
local RELEASED, GONE, MARKS = ${RELEASED}, '\2', ${MARKS}
local IDLE, HELD = ${IDLE}, ${HELD}
local IDLE_HEAD, HELD_HEAD = ${IDLE_HEAD}, ${HELD_HEAD}

local function heldHead(last, expires, since, permits, capacity, claim, idLength, owner)
  return 'h' .. spack(${HELD_FORMAT}, last, expires, since, permits, capacity, claim, idLength, #owner) .. owner
end

local function load(raw)
  if not raw then return {last = 0, capacity = 0, count = 0, ended = '', revocations = false, places = {}} end
  local kind = byte(raw)
  if kind == IDLE then
    return {
      last = sunpack('>I8', raw, 2), capacity = 0, count = byte(raw, IDLE_HEAD),
      ended = sub(raw, IDLE_HEAD + 1), revocations = false, places = {},
    }
  end
  if kind == HELD then
    local last, expires, since, permits, capacity, claim, idLength, ownerLength =
      sunpack(${HELD_FORMAT}, raw, 2)
    local at = HELD_HEAD + ownerLength
    local id, owner = sub(raw, -idLength), sub(raw, HELD_HEAD, at - 1)
    return {
      last = last, capacity = capacity, count = byte(raw, at), ended = sub(raw, at + 1, -idLength - 1),
      revocations = false, places = {{id, owner, permits, claim, last, since, expires}},
    }
  end
  local last, capacity, count, ended, revocations, places = cmsgpack.unpack(sub(raw, 2))
  return {
    last = last, capacity = capacity, count = count, ended = ended,
    revocations = revocations, places = places,
  }
end

local function save(key, state)
  local places, first = state.places, state.places[1]
  local raw
  if not first and not state.revocations then
    raw = 'i' .. spack('>I8', state.last) .. char(state.count) .. state.ended
  elseif #places == 1 and not state.revocations and first[TOKEN] == state.last then
    raw = heldHead(state.last, first[EXPIRES], first[SINCE], first[PERMITS], state.capacity,
      first[CLAIM], #first[ID], first[OWNER]) .. char(state.count) .. state.ended .. first[ID]
  else
    raw = 'o' .. cmsgpack.pack(
      state.last, state.capacity, state.count, state.ended, state.revocations, places)
  end
  local latest = ms
  for _, place in ipairs(places) do latest = math.max(latest, place[EXPIRES]) end
  call('SET', key, raw, 'PX', latest - ms + ${IDLE_MEMORY_MS})
end

-- The mark of an id that has ended, or nothing.
local function endedAs(state, id)
  local ended, from, to = state.ended, find(state.ended, id, 1, true)
  while from do
    local mark, next = sub(ended, from - 1, from - 1), byte(ended, to + 1)
    if byte(mark) <= 2 and (not next or next <= 2) then return mark end
    from, to = find(ended, id, from + 1, true)
  end
end

local function show(into, place)
  local at = #into
  into[at + 1], into[at + 2], into[at + 3] = place[ID], place[OWNER], place[PERMITS]
  into[at + 4], into[at + 5], into[at + 6] = place[TOKEN], place[SINCE], place[EXPIRES]
end
`;
