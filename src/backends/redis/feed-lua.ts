import { TEXTS } from "./write-lua.ts";

/** Ids of entries are two numbers, which order them. */
const IDS = String.raw`
local function isBefore(id, other)
  local ms, count = string.match(id, '^(%d+)%-(%d+)$')
  local otherMs, otherCount = string.match(other, '^(%d+)%-(%d+)$')
  if ms ~= otherMs then return tonumber(ms) < tonumber(otherMs) end
  return tonumber(count) < tonumber(otherCount)
end

local function idOf(position) return string.match(position, '^[^ ]+') end

-- The least id after this one; that XRANGE can leave one out is news of Redis 6.2.
local function nextOf(id)
  local ms, count = string.match(id, '^(%d+)%-(%d+)$')
  return string.format('%s-%.0f', ms, count + 1)
end

-- Where the feed's entry is, and its revision, so that it cannot be taken for another one.
local function positionOf(entry) return entry[1] .. ' ' .. entry[2][4] end
`;

/**
 * KEYS: feed, pruned. Answers the last entry's position, also if it has left the feed by now; the
 * beginning's, 0-0, if there never was any.
 */
export const FEED_END = String.raw`${IDS}
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local pruned = redis.call('GET', KEYS[2])
local position = last and positionOf(last)
if pruned and (not position or isBefore(idOf(position), idOf(pruned))) then return pruned end
return position or '0-0'
`;

/**
 * KEYS: feed, pruned. ARGV: what record keys begin with, the position, limit. Answers nothing if there is a
 * gap behind the position, or if the entry that it names is not there: then the store has lost it, and
 * what came after it. Else the number of entries beyond the limit, the position of the last of them, and
 * keys and versions in turn.
 */
export const CHANGES = String.raw`${IDS}${TEXTS}
local call = redis.call
local position, limit = ARGV[2], tonumber(ARGV[3])
local id, pruned = idOf(position), call('GET', KEYS[2])
if pruned and isBefore(id, idOf(pruned)) then return false end
if position ~= pruned and id ~= '0-0' then
  local entry = call('XRANGE', KEYS[1], id, id)[1]
  if not entry or positionOf(entry) ~= position then return false end
end
local page = call('XRANGE', KEYS[1], nextOf(id), '+', 'COUNT', limit + 1)
local answer = {math.max(0, #page - limit), position}
for e = 1, math.min(limit, #page) do
  local entry = page[e]
  local key, revision = entry[2][2], entry[2][4]
  local record = ARGV[1] .. key
  local text = call('HGET', record, 'r' .. revision) or call('HGET', record, 'h')
  if not text then return false end
  local n = #answer
  answer[n + 1], answer[n + 2] = key, text
  answer[2] = positionOf(entry)
end
return answer
`;

/**
 * KEYS: feed, pruned. ARGV: what record keys begin with, before, keep, limit, the id after which to
 * begin, entries to look at, then ids after which nothing may go. Answers how many versions went, and
 * the id after which to go on, if there may be more. In the feed's order, and so of each record the
 * oldest first.
 */
export const PRUNE = String.raw`${IDS}${TEXTS}
local call = redis.call
local before, keep, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local page = call('XRANGE', KEYS[1], nextOf(ARGV[5]), '+', 'COUNT', ARGV[6])
local heads, gone, last = {}, {}, nil

local function mayGo(id, at)
  if tonumber(at) >= before then return false end
  for a = 7, #ARGV do if isBefore(ARGV[a], id) then return false end end
  return true
end

for _, entry in ipairs(page) do
  if #gone == limit then break end
  local id, fields = entry[1], entry[2]
  local revision, number = fields[4], tonumber(fields[6])
  local record = ARGV[1] .. fields[2]
  local head = heads[record]
  if head == nil then
    local text = call('HGET', record, 'h')
    head = text and parts(text)
    heads[record] = head
  end
  local isOver = not head or head[KIND] == 'd' and mayGo(head[ID], head[AT])
  if not head or isOver and revision == head[REVISION] then
    call('DEL', record)
    gone[#gone + 1] = entry
  elseif isOver or number <= tonumber(head[NUMBER]) - keep and mayGo(id, fields[8]) then
    local old = call('HGET', record, 'r' .. revision)
    call('HDEL', record, 'r' .. revision, 'o' .. parts(old)[OP])
    gone[#gone + 1] = entry
  end
  last = id
end
for _, entry in ipairs(gone) do call('XDEL', KEYS[1], entry[1]) end
local latest, pruned = gone[#gone], call('GET', KEYS[2])
if latest and (not pruned or isBefore(idOf(pruned), latest[1])) then
  call('SET', KEYS[2], positionOf(latest))
end
return {#gone, #page == tonumber(ARGV[6]) and last or false}
`;
