import { FORGOTTEN_MAX, IDLE_MEMORY_MS, REVOCATIONS_MAX } from "../../backend.ts";
import { STATE } from "./state-lua.ts";

/**
 * The one rule, and what every verb shares. A step loads the state, clears away what has run out, changes
 * it and saves it. What is to be told is gathered by process and published once, at the end.
 */
const RULE = String.raw`
local told, processes = {}, {}

local function processOf(id) return sub(id, 1, find(id, ':', 1, true) - 1) end

local function tell(id, ...)
  local process = processOf(id)
  local messages = told[process]
  if not messages then
    messages = {}
    told[process] = messages
    processes[#processes + 1] = process
  end
  for _, part in ipairs({...}) do messages[#messages + 1] = part end
end

-- A lost message delays, but never breaks anything: so must not a process that may not publish.
local function publish()
  for _, process in ipairs(processes) do
    redis.pcall('PUBLISH', ARGV[2] .. process, cjson.encode(told[process]))
  end
end

-- Whole, as text: Lua by itself writes 14 digits.
local function text(number) return string.format('%.0f', number) end

local function forget(state, id, mark)
  if state.count == ${FORGOTTEN_MAX} then
    state.ended = sub(state.ended, find(state.ended, MARKS, 2) or #state.ended + 1)
  else
    state.count = state.count + 1
  end
  state.ended = state.ended .. mark .. id
end

local function mint(state, place, duration)
  state.last = math.max(state.last + 1, now)
  place[TOKEN], place[SINCE], place[EXPIRES] = state.last, ms, ms + duration
end

local function indexOf(places, id)
  for at, place in ipairs(places) do
    if place[ID] == id then return at, place end
  end
end

-- Waiting places of other processes than the one that has this place.
local function strangers(state, place)
  local own, count = processOf(place[ID]) .. ':', 0
  for _, each in ipairs(state.places) do
    if each[TOKEN] == 0 and sub(each[ID], 1, #own) ~= own then count = count + 1 end
  end
  return count
end

local function earliest(places, upTo)
  local at = -1
  for i = 1, upTo or #places do
    local expires = places[i][EXPIRES]
    if at < 0 or expires < at then at = expires end
  end
  return at
end

local function handOver(state, key)
  local ahead, granted, waiter = 0, {}, false
  for _, place in ipairs(state.places) do
    ahead = ahead + place[PERMITS]
    if place[TOKEN] == 0 then
      if ahead > state.capacity then
        waiter = place
        break
      end
      mint(state, place, place[CLAIM])
      granted[#granted + 1] = place
    end
  end
  for _, place in ipairs(granted) do
    local token, expires = text(place[TOKEN]), text(place[EXPIRES])
    tell(place[ID], 'g', key, place[ID], token, expires, strangers(state, place))
  end
  if waiter and #granted > 0 then tell(waiter[ID], 'l', key, text(earliest(granted))) end
end

-- Ends the places that are chosen, and returns them.
local function remove(state, chosen, message)
  local kept, gone = {}, {}
  for _, place in ipairs(state.places) do
    local into = chosen(place) and gone or kept
    into[#into + 1] = place
  end
  if #gone > 0 then state.places, state.changed = kept, true end
  for _, place in ipairs(gone) do
    forget(state, place[ID], GONE)
    if message then tell(place[ID], 'r', message.key, place[ID], message.reason) end
  end
  return gone
end

local function enter(key, raw)
  local state = load(raw)
  local gone = remove(state, function(place) return place[EXPIRES] <= ms end)
  if #gone > 0 then handOver(state, key) end
  return state
end

local function leave(key, state)
  if state.changed then save(key, state) end
end
`;

/**
 * ARGV: now, channels, owner, claimMs, patienceMs, shapes, then so many shapes (permits, capacity, ttlMs,
 * wait, steal, keepMs), then the lease ids. One shape: all requests have it. Answers the clock, and five
 * numbers for each request that was not plainly granted at that time: its place in the call, what came
 * instead (see ADMISSION in locks.ts), and up to three details.
 */
const ADMIT = String.raw`
local owner, claim, patience, shapes = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local answers = {now}

local function answer(...)
  for _, part in ipairs({...}) do answers[#answers + 1] = part end
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
    return answer(i, BUSY, #state.places, earliest(state.places), 0)
  end
  local place = {id, owner, permits, claim, 0, ms, ms + patience}
  state.capacity, state.changed = capacity, true
  table.insert(state.places, steal and 1 or #state.places + 1, place)
  if used <= capacity then mint(state, place, ttl) else tellContended(state, key, place) end
  handOver(state, key)
  answerWith(i, state, indexOf(state.places, id))
end

local permits, capacity, ttl, wait, steal, keep, heads
local ids = 6 + shapes * 6
for i = 1, #KEYS do
  if i <= shapes then
    local at = i * 6
    permits, capacity, ttl = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    wait, steal, keep = ARGV[at + 4] == '1', ARGV[at + 5] == '1', ARGV[at + 6]
    heads = {}
  end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if not raw or (byte(raw) == IDLE and sunpack('>I8', raw, 2) < now and not find(raw, id, IDLE_HEAD, true)) then
    local head = heads[#id]
    if not head then
      head = heldHead(now, ms + ttl, ms, permits, capacity, claim, #id, owner)
      heads[#id] = head
    end
    call('SET', key, head .. (raw and sub(raw, IDLE_HEAD) or NONE_ENDED) .. id, 'PX', keep)
  else
    local state = enter(key, raw)
    admit(i - 1, key, state, id, permits, capacity, ttl, wait, steal)
    leave(key, state)
  end
end
publish()
return answers
`;

/**
 * ARGV: now, channels, terms, then so many terms (ttlMs, keepMs), then the lease ids. Answers the clock, and
 * two numbers for each request that was not plainly renewed: its place in the call, and how many wait behind
 * it, -1 for gone.
 */
const RENEW = String.raw`
local answers, terms, ttl, keep = {now}, tonumber(ARGV[3])
local ids = 3 + terms * 2
for i = 1, #KEYS do
  if i <= terms then ttl, keep = tonumber(ARGV[i * 2 + 2]), ARGV[i * 2 + 3] end
  local key, id = KEYS[i], ARGV[ids + i]
  local raw = call('GET', key)
  if raw and isHeldBy(raw, id) then
    call('SET', key, sub(raw, 1, 9) .. spack('>I8', ms + ttl) .. sub(raw, 18), 'PX', keep)
  else
    local state = enter(key, raw)
    local at, place = indexOf(state.places, id)
    local waiting = -1
    if place and place[TOKEN] ~= 0 then
      place[EXPIRES], state.changed = ms + ttl, true
      waiting = strangers(state, place)
    end
    if waiting ~= 0 then
      answers[#answers + 1] = i - 1
      answers[#answers + 1] = waiting
    end
    leave(key, state)
  end
end
publish()
return answers
`;

/** ARGV: now, channels, then the lease ids. Answers the clock, and which requests found nothing to release. */
const RELEASE = String.raw`
local answers = {now}
for i = 1, #KEYS do
  local key, id = KEYS[i], ARGV[2 + i]
  local raw = call('GET', key)
  if raw and isHeldBy(raw, id) then
    call('SET', key, released(raw, id), 'PX', '${IDLE_MEMORY_MS}')
  else
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
      if ended ~= RELEASED then answers[#answers + 1] = i - 1 end
    end
    leave(key, state)
  end
end
publish()
return answers
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
  admit: STATE + RULE + ADMIT,
  renew: STATE + RULE + RENEW,
  release: STATE + RULE + RELEASE,
  revoke: STATE + RULE + REVOKE,
  inspect: STATE + INSPECT,
} as const;
