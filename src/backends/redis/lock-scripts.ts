import { FORGOTTEN_MAX, IDLE_MEMORY_MS, REVOCATIONS_MAX } from "../../backend.ts";
import { RULE } from "./rule-lua.ts";
import {
  CLOCK,
  HELD,
  HELD_FORMAT,
  HELD_HEAD,
  IDLE,
  IDLE_HEAD,
  MARKS,
  RELEASED,
  STATE,
} from "./state-lua.ts";

/**
 * What the three scripts that locks live on begin with. The plain case (an idle lock is taken, a lone holder
 * renews or releases) is done in the loop itself, without a function: making the functions of the rule takes
 * longer than all the rest, and they are made once a request is not plain. They get what they need as
 * arguments, since each outer local that a function mentions has its price, too.
 */
const PLAIN = String.raw`
local byte, sub, find, sunpack = string.byte, string.sub, string.find, struct.unpack
local answers = {now}
local carefully, publish
`;

const isHeldByOneWith = String.raw`byte(raw) == ${HELD}
    and sunpack('>I4', raw, 38) == #id
    and sub(raw, -#id) == id
    and sunpack('>I8', raw, 10) > ms`;

const withRule = (carefully: string, plainly: string): string => String.raw`${CLOCK}${PLAIN}
local function rule(now, ms, answers)
  ${STATE}${RULE}${carefully}
  return carefully, publish
end
${plainly}
if publish then publish() end
return answers
`;

/**
 * ARGV: now, channels, owner, claimMs, patienceMs, shapes, then so many shapes (permits, capacity, ttlMs,
 * wait, steal, keepMs), then the lease ids. One shape: all requests have it. Answers the clock, and five
 * numbers for each request that was not plainly granted at that time: its place in the call, what came
 * instead (see ADMISSION in locks.ts), and up to three details.
 */
const ADMIT_CAREFULLY = String.raw`
local owner, claim, patience = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local function answer(...)
  for _, part in ipairs({...}) do answers[#answers + 1] = part end
end

local function earliest(places, upTo)
  local at = -1
  for i = 1, upTo do
    local expires = places[i][EXPIRES]
    if at < 0 or expires < at then at = expires end
  end
  return at
end

local function answerWith(i, state, at, place)
  if place[TOKEN] == 0 then
    answer(i, WAITING, at - 1, earliest(state.places, at - 1), 0)
  else
    answer(i, GRANTED, place[TOKEN], place[EXPIRES], strangers(state, place))
  end
end

-- Tells holders of other processes that this place is the first of its kind to wait behind them.
local function tellContended(state, key, place)
  local done = {[processOf(place[ID])] = true}
  for _, holder in ipairs(state.places) do
    local process = processOf(holder[ID])
    if holder[TOKEN] ~= 0 and not done[process] and strangers(state, holder) == 1 then
      done[process] = true
      tell(holder[ID], 'c', key)
    end
  end
end

local function admit(i, key, state, id, permits, capacity, ttl, wait, steal)
  local at, mine = indexOf(state.places, id)
  if mine then
    if mine[TOKEN] == 0 then mine[EXPIRES], state.changed = ms + patience, true end
    return answerWith(i, state, at, mine)
  end
  if endedAs(state, id) then return answer(i, ENDED, 0, 0, 0) end
  if #state.places > 0 and state.capacity ~= capacity then
    return answer(i, MISMATCH, state.capacity, 0, 0)
  end
  if steal then
    remove(state, function(place) return place[TOKEN] ~= 0 end, {key = key, reason = 'stolen'})
  end
  local used = permits
  if not steal then
    for _, place in ipairs(state.places) do used = used + place[PERMITS] end
  end
  if used > capacity and not wait then
    return answer(i, BUSY, #state.places, earliest(state.places, #state.places), 0)
  end
  local place = {id, owner, permits, claim, 0, ms, ms + patience}
  state.capacity, state.changed = capacity, true
  table.insert(state.places, steal and 1 or #state.places + 1, place)
  if used <= capacity then mint(state, place, ttl) else tellContended(state, key, place) end
  handOver(state, key)
  answerWith(i, state, indexOf(state.places, id))
end

local function carefully(i, key, raw, id, ...)
  local state = enter(key, raw)
  admit(i, key, state, id, ...)
  leave(key, state)
end
`;

const ADMIT = String.raw`
local shapes = tonumber(ARGV[6])
local permits, capacity, ttl, wait, steal, keep, head, headFor
local ids = 6 + shapes * 6
for i = 1, #KEYS do
  if i <= shapes then
    local at = i * 6
    permits, capacity, ttl = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    wait, steal, keep = ARGV[at + 4] == '1', ARGV[at + 5] == '1', ARGV[at + 6]
    headFor = nil
  end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  local isIdle = not raw
    or byte(raw) == ${IDLE} and sunpack('>I8', raw, 2) < now and not find(raw, id, ${IDLE_HEAD}, true)
  if isIdle then
    if headFor ~= #id then
      headFor = #id
      head = 'h' .. struct.pack(
        ${HELD_FORMAT}, now, ms + ttl, ms, permits, capacity, ARGV[4], #id, #ARGV[3]) .. ARGV[3]
    end
    call('SET', key, head .. (raw and sub(raw, ${IDLE_HEAD}) or '\0') .. id, 'PX', keep)
  else
    if not carefully then carefully, publish = rule(now, ms, answers) end
    carefully(i - 1, key, raw, id, permits, capacity, ttl, wait, steal)
  end
end
`;

/**
 * ARGV: now, channels, terms, then so many terms (ttlMs, keepMs), then the lease ids. Answers the clock, and
 * two numbers for each request that was not plainly renewed: its place in the call, and how many wait behind
 * it, -1 for gone.
 */
const RENEW_CAREFULLY = String.raw`
local function carefully(i, key, raw, id, ttl)
  local state = enter(key, raw)
  local at, place = indexOf(state.places, id)
  local waiting = -1
  if place and place[TOKEN] ~= 0 then
    place[EXPIRES], state.changed = ms + ttl, true
    waiting = strangers(state, place)
  end
  if waiting ~= 0 then
    answers[#answers + 1] = i
    answers[#answers + 1] = waiting
  end
  leave(key, state)
end
`;

const RENEW = String.raw`
local terms, ttl, keep = tonumber(ARGV[3])
local ids = 3 + terms * 2
for i = 1, #KEYS do
  if i <= terms then ttl, keep = tonumber(ARGV[i * 2 + 2]), ARGV[i * 2 + 3] end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if raw and ${isHeldByOneWith} then
    call('SET', key, sub(raw, 1, 9) .. struct.pack('>I8', ms + ttl) .. sub(raw, 18), 'PX', keep)
  else
    if not carefully then carefully, publish = rule(now, ms, answers) end
    carefully(i - 1, key, raw, id, ttl)
  end
end
`;

/** ARGV: now, channels, then the lease ids. Answers the clock, and which requests found nothing to release. */
const RELEASE_CAREFULLY = String.raw`
local function carefully(i, key, raw, id)
  local state = enter(key, raw)
  local at = indexOf(state.places, id)
  if at then
    table.remove(state.places, at)
    forget(state, id, RELEASED)
    state.changed = true
    handOver(state, key)
  else
    local ended = endedAs(state, id)
    if not ended then
      forget(state, id, GONE)
      state.changed = true
    end
    if ended ~= RELEASED then answers[#answers + 1] = i end
  end
  leave(key, state)
end
`;

const RELEASE = String.raw`
for i = 1, #KEYS do
  local key, id = KEYS[i], ARGV[2 + i]
  local raw = call('GET', key)
  if raw and ${isHeldByOneWith} then
    local at = ${HELD_HEAD} + sunpack('>I4', raw, 42)
    local count, ended = byte(raw, at), sub(raw, at + 1, -#id - 1)
    if count == ${FORGOTTEN_MAX} then
      ended = sub(ended, find(ended, ${MARKS}, 2) or #ended + 1)
    else
      count = count + 1
    end
    local idle = 'i' .. sub(raw, 2, 9) .. string.char(count) .. ended .. ${RELEASED} .. id
    call('SET', key, idle, 'PX', '${IDLE_MEMORY_MS}')
  else
    if not carefully then carefully, publish = rule(now, ms, answers) end
    carefully(i - 1, key, raw, id)
  end
end
`;

/**
 * ARGV: now, channels, lease id or nothing, reason, by, a name of this very call. Answers six values for each
 * place that was revoked; a call that comes a second time is recognised by its name.
 */
const REVOKE = String.raw`
local key, id, reason, by, name = KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local state = enter(key, call('GET', key))
local revoked
for _, revocation in ipairs(state.revocations or {}) do
  if revocation[5] == name then revoked = revocation[4] end
end
if not revoked then
  revoked = remove(state, function(place)
    return place[TOKEN] ~= 0 and (id == '' or place[ID] == id)
  end, {key = key, reason = 'revoked'})
  if #revoked > 0 then
    state.last = math.max(state.last + 1, now)
    state.revocations = state.revocations or {}
    table.insert(state.revocations, {ms, reason, by, revoked, name})
    if #state.revocations > ${REVOCATIONS_MAX} then table.remove(state.revocations, 1) end
  end
  handOver(state, key)
end
leave(key, state)
publish()
local answers = {}
for _, place in ipairs(revoked) do show(answers, place) end
return answers
`;

/** ARGV: now. Answers the clock, and for each key its capacity (0: idle), places and revocations. Changes nothing. */
const INSPECT = String.raw`
local answers = {now}
for _, key in ipairs(KEYS) do
  local state = load(call('GET', key))
  local places, revocations = {}, {}
  for _, place in ipairs(state.places) do
    if place[EXPIRES] > ms then show(places, place) end
  end
  for _, revocation in ipairs(state.revocations or {}) do
    local tokens = {}
    for _, place in ipairs(revocation[4]) do tokens[#tokens + 1] = place[TOKEN] end
    revocations[#revocations + 1] = {revocation[1], revocation[2], revocation[3], tokens}
  end
  answers[#answers + 1] = {#places > 0 and state.capacity or 0, places, revocations}
end
return answers
`;

export const LOCK_SCRIPTS = {
  admit: withRule(ADMIT_CAREFULLY, ADMIT),
  renew: withRule(RENEW_CAREFULLY, RENEW),
  release: withRule(RELEASE_CAREFULLY, RELEASE),
  revoke: CLOCK + STATE + RULE + REVOKE,
  inspect: CLOCK + STATE + INSPECT,
} as const;
