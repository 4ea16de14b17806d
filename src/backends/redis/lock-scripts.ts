import { FORGOTTEN_MAX, IDLE_MEMORY_MS, REVOCATIONS_MAX } from "../../backend.ts";
import { RULE } from "./rule-lua.ts";
import { CLOCK, STATE } from "./state-lua.ts";

/**
 * A plain case (an idle lock is taken, a lone holder renews or releases) is done in the script's
 * own loop. The rest is not even defined before it is needed: to make functions is a good part of
 * what a short script costs. `slow` is then what does it.
 */
const slowly = (verb: string): string => String.raw`
  slow = slow or (function()
    ${STATE}
    ${RULE}
    ${verb}
    local function step(key, raw, ...)
      local state = enter(key, raw)
      local answer = {verb(key, state, ...)}
      if state.changed then save(key, state) end
      return unpack(answer)
    end
    return {step = step, publish = publish}
  end)()
`;

/** The one place is this one, and has not run out. */
const isHeldByIt = String.raw`raw and byte(raw) == 104 and sub(raw, -#id) == id
    and byte(raw, -#id - 2) == 1 and struct.unpack('>I8', raw, 10) > ms`;

/**
 * ARGV: now, then ttlMs, keepMs and what state-lua.ts calls terms, once for all requests or for
 * each, then the lease ids. Answers the clock, alone or with five numbers for each request that was
 * not plainly granted at that time: its place in the call, what came instead (see ADMISSIONS in
 * locks.ts), and up to three details.
 */
const ADMIT_SLOWLY = slowly(String.raw`
local function answerWith(state, at, place)
  if place[TOKEN] == 0 then return 1, at - 1, earliest(state.places, at - 1), 0 end
  return 0, place[TOKEN], place[EXPIRES], strangers(state, place)
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

local function verb(key, state, id, ttl, terms)
  local permits, capacity, claim, owner = string.match(terms, TERMS)
  permits, capacity, claim = tonumber(permits), tonumber(capacity), tonumber(claim)
  local patience = tonumber(string.match(terms, '^%S+ %S+ %S+ %S+ (%S+)'))
  local wait, steal = byte(terms) == 49, byte(terms, 2) == 49
  local at, mine = indexOf(state.places, id)
  if mine then
    if mine[TOKEN] == 0 then mine[EXPIRES], state.changed = ms + patience, true end
    return answerWith(state, at, mine)
  end
  if endedAs(state, id) then return 4, 0, 0, 0 end
  if #state.places > 0 and state.capacity ~= capacity then return 3, state.capacity, 0, 0 end
  if steal then
    local function isHeld(place) return place[TOKEN] ~= 0 end
    remove(state, isHeld, {key = key, reason = 'stolen'})
  end
  local used = permits
  if not steal then
    for _, place in ipairs(state.places) do used = used + place[PERMITS] end
  end
  if used > capacity and not wait then return 2, #state.places, earliest(state.places), 0 end
  local place = {id, owner, permits, claim, 0, ms, ms + patience}
  state.capacity, state.changed = capacity, true
  table.insert(state.places, steal and 1 or #state.places + 1, place)
  if used <= capacity then mint(state, place, ttl) else tellContended(state, key, place) end
  handOver(state, key)
  return answerWith(state, indexOf(state.places, id))
end
`);

const ADMIT = String.raw`${CLOCK}
local slow, answers, ttl, keep, terms, stamp
local ids = #ARGV - #KEYS
for i = 1, #KEYS do
  local at = i * 3 - 1
  if at < ids then
    ttl, keep, terms = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    stamp = struct.pack('>I8I8I4', now, ms + ttl, #terms)
  end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if not raw then
    call('SET', key, 'h' .. stamp .. terms .. '\1\1r' .. id, 'PX', keep)
  elseif byte(raw) == 105 and struct.unpack('>I8', raw, 2) < now and not find(raw, id, 22, true) then
    local from = 22 + struct.unpack('>I4', raw, 18)
    local count = byte(raw, from)
    if count > ${FORGOTTEN_MAX} then
      from = find(raw, '\1', from + 2, true) - 1
    else
      count = count + 1
    end
    local ids = string.char(count) .. sub(raw, from + 1)
    call('SET', key, 'h' .. stamp .. terms .. ids .. '\1r' .. id, 'PX', keep)
  else
    ${ADMIT_SLOWLY}
    answers = answers or {now}
    local to = #answers
    answers[to + 1] = i - 1
    answers[to + 2], answers[to + 3], answers[to + 4], answers[to + 5] =
      slow.step(key, raw, id, ttl, terms)
  end
end
if slow then slow.publish() end
return answers or now
`;

/**
 * ARGV: now, then ttlMs and keepMs, once for all requests or for each, then the lease ids. Answers
 * the clock, alone or with two numbers for each request that was not plainly renewed: its place in
 * the call, and how many wait behind it, -1 for gone.
 */
const RENEW_SLOWLY = slowly(String.raw`
local function verb(key, state, id, ttl)
  local at, place = indexOf(state.places, id)
  if not place or place[TOKEN] == 0 then return -1 end
  place[EXPIRES], state.changed = ms + ttl, true
  return strangers(state, place)
end
`);

const RENEW = String.raw`${CLOCK}
local slow, answers, ttl, keep
local ids = #ARGV - #KEYS
for i = 1, #KEYS do
  if i * 2 < ids then ttl, keep = ARGV[i * 2], ARGV[i * 2 + 1] end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if ${isHeldByIt} then
    local renewed = sub(raw, 1, 9) .. struct.pack('>I8', ms + ttl) .. sub(raw, 18)
    call('SET', key, renewed, 'PX', keep)
  else
    ${RENEW_SLOWLY}
    answers = answers or {now}
    local to = #answers
    answers[to + 1], answers[to + 2] = i - 1, slow.step(key, raw, id, ttl)
  end
end
if slow then slow.publish() end
return answers or now
`;

/**
 * ARGV: now, then the lease ids. Answers the clock, alone or with those requests that found nothing
 * to release. An idle lock is kept for as long as was set when it was taken, which is enough; but
 * not for hours on end.
 */
const RELEASE_SLOWLY = slowly(String.raw`
local function verb(key, state, id)
  local at = indexOf(state.places, id)
  if at then
    table.remove(state.places, at)
    forget(state, id, RELEASED)
    state.changed = true
    handOver(state, key)
    return true
  end
  local ended = endedAs(state, id)
  if not ended then
    forget(state, id, GONE)
    state.changed = true
  end
  return ended == RELEASED
end
`);

const RELEASE = String.raw`${CLOCK}
local slow, answers
local ids = #ARGV - #KEYS
for i = 1, #KEYS do
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if ${isHeldByIt} then
    call('SETRANGE', key, '0', 'i')
    if struct.unpack('>I8', raw, 10) > ms + ${IDLE_MEMORY_MS} then
      call('PEXPIRE', key, '${IDLE_MEMORY_MS}')
    end
  else
    ${RELEASE_SLOWLY}
    if not slow.step(key, raw, id) then
      answers = answers or {now}
      answers[#answers + 1] = i - 1
    end
  end
end
if slow then slow.publish() end
return answers or now
`;

/**
 * ARGV: now, lease id or nothing, reason, by, a name of this very call. Answers six
 * values for each place that was revoked; a call that comes a second time is recognised by its
 * name.
 */
const REVOKE = String.raw`${CLOCK}${STATE}${RULE}
local key, id, reason, by, name = KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local state = enter(key, call('GET', key))
local revoked
for _, revocation in ipairs(state.revocations or {}) do
  if revocation[5] == name then revoked = revocation[4] end
end
if not revoked then
  local function isMeant(place) return place[TOKEN] ~= 0 and (id == '' or place[ID] == id) end
  revoked = remove(state, isMeant, {key = key, reason = 'revoked'})
  if #revoked > 0 then
    state.last = math.max(state.last + 1, now)
    state.revocations = state.revocations or {}
    table.insert(state.revocations, {ms, reason, by, revoked, name})
    if #state.revocations > ${REVOCATIONS_MAX} then table.remove(state.revocations, 1) end
  end
  handOver(state, key)
end
if state.changed then save(key, state) end
publish()
local answers = {}
for _, place in ipairs(revoked) do show(answers, place) end
return answers
`;

/**
 * ARGV: now. Answers the clock, and for each key its capacity (0: idle), places and revocations.
 * Changes nothing.
 */
const INSPECT = String.raw`${CLOCK}${STATE}
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
  admit: ADMIT,
  renew: RENEW,
  release: RELEASE,
  revoke: REVOKE,
  inspect: INSPECT,
} as const;
