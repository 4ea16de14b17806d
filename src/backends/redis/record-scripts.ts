import { CLOCK, STATE } from "./state-lua.ts";

/**
 * A record is one string: a line of JSON `[revision, updatedAt, author, opId, fences]`, and behind
 * it the value; without a second line it is deleted, but its revision and fences are remembered. A
 * bucket also has an index of its live keys, in binary order, and its last revision, which is never
 * lower than the clock so that none comes again after a crash that lost writes.
 *
 * ARGV: now, keys per write, then for each write: key, flags, value, expected revision, opId,
 * author, the fence's resource, its token in 20 digits, the store's part of that token. KEYS, for
 * each write: record, index, last revision, and perhaps the state of the fence's lock. Flags: d
 * delete, n must not exist, r revision expected, a has an author, f fenced, s shared. Answers 1,
 * the clock and what became of each write: its revision, nothing (0), or in case of a replay the
 * record (as a list of one); 2, the write in conflict and the record; 3, the stale write.
 */
const WRITE = String.raw`
local each = tonumber(ARGV[2])
local writes, heads, parsed = #KEYS / each, {}, {}

local function parse(raw)
  local at = find(raw, '\n', 1, true)
  local header = cjson.decode(at and sub(raw, 1, at - 1) or raw)
  return {raw = raw, live = at ~= nil, revision = header[1], opId = header[4], fences = header[5]}
end

local function isStale(write, lock, head)
  if lock then
    local token = tonumber(write.storeToken)
    local raw = call('GET', lock)
    local state = raw and load(raw)
    if state and state.last > token then
      local held = false
      for _, place in ipairs(state.places) do
        if place[TOKEN] == token and place[EXPIRES] > ms then held = true end
      end
      if not held then return true end
    end
  end
  return not write.shared and head and (head.fences[write.resource] or '') > write.token
end

local asked = {}
for w = 1, writes do
  local a, k = 2 + (w - 1) * 9, (w - 1) * each
  local flags = ARGV[a + 2]
  local function has(flag) return find(flags, flag, 1, true) ~= nil end
  local write = {
    key = ARGV[a + 1], delete = has('d'), value = ARGV[a + 3],
    absent = has('n'), expected = has('r'), revision = ARGV[a + 4], opId = ARGV[a + 5],
    author = has('a') and ARGV[a + 6] or cjson.null,
    fenced = has('f'), shared = has('s'), resource = ARGV[a + 7], token = ARGV[a + 8],
    storeToken = ARGV[a + 9], record = KEYS[k + 1], index = KEYS[k + 2], last = KEYS[k + 3],
  }
  asked[w] = write
  if parsed[write.record] == nil then
    local raw = call('GET', write.record)
    parsed[write.record] = raw and parse(raw) or false
  end
  local head = parsed[write.record]
  heads[w] = head
  if not head or head.opId ~= write.opId then
    if write.fenced and isStale(write, KEYS[k + 4], head) then return {3, w - 1} end
    local current = head and head.live and head.revision
    if (write.absent and current) or (write.expected and current ~= write.revision) then
      return {2, w - 1, current and head.raw}
    end
  end
end

local answers, revisions = {1, now}, {}
for w, write in ipairs(asked) do
  local head = heads[w]
  if head and head.opId == write.opId then
    answers[w + 2] = {head.raw}
  elseif not head and write.delete then
    answers[w + 2] = 0
  else
    local fences = head and head.fences or {}
    if write.fenced and not write.shared then fences[write.resource] = write.token end
    local last = revisions[write.last] or tonumber(call('GET', write.last) or 0)
    last = math.max(last + 1, now)
    revisions[write.last] = last
    local revision = string.format('%.0f', last)
    local raw = cjson.encode({revision, ms, write.author, write.opId, fences})
    if write.delete then
      call('ZREM', write.index, write.key)
    else
      raw = raw .. '\n' .. write.value
      call('ZADD', write.index, 0, write.key)
    end
    call('SET', write.record, raw)
    answers[w + 2] = revision
  end
end
for key, last in pairs(revisions) do call('SET', key, string.format('%.0f', last)) end
return answers
`;

/**
 * KEYS: index. ARGV: what record keys begin with, lower bound, prefix, limit. Answers keys and
 * records in turn.
 */
const SCAN = String.raw`
local upTo = ARGV[3] == '' and '+' or '(' .. ARGV[3] .. '\255'
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], upTo, 'LIMIT', 0, ARGV[4])
local answers = {}
for _, name in ipairs(names) do
  answers[#answers + 1] = name
  answers[#answers + 1] = redis.call('GET', ARGV[1] .. name)
end
return answers
`;

export const RECORD_SCRIPTS = { write: CLOCK + STATE + WRITE, scan: SCAN } as const;
