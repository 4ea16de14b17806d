import { FORGOTTEN_MAX } from "../../backend.ts";

/**
 * The one rule, and what every verb shares. A step loads the state, clears away what has run out,
 * changes it and saves it. What is to be told is gathered by process and published once, at the
 * end.
 */
export const RULE = String.raw`
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

-- A lost message delays, but never breaks anything: so must not a user who may not publish.
local function publish()
  local channels = sub(KEYS[1], 1, find(KEYS[1], '{', 1, true) - 1) .. 'push:'
  for _, process in ipairs(processes) do
    redis.pcall('PUBLISH', channels .. process, cjson.encode(told[process]))
  end
end

-- Whole, as text: Lua by itself writes 14 digits.
local function text(number) return string.format('%.0f', number) end

local function forget(state, id, mark)
  if state.count == ${FORGOTTEN_MAX} then
    state.ended = younger(state.ended)
  else
    state.count = state.count + 1
  end
  state.ended = state.ended .. '\1' .. mark .. id
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
`;
