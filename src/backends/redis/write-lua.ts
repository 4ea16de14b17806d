import { CLOCK, STATE } from "./state-lua.ts";

/**
 * A collection is kept in one bucket, or in a cluster in several: keys that begin alike, and share a slot.
 *
 *     v:KEY    a record, as a hash: h its head and e its entries, r… an older version by its revision,
 *              o… the revision that an opId made, f… the highest token seen of a lock
 *     index    keys of live records, in binary order
 *     entries  what live records are found by, in binary order; claims: who has a unique one
 *     feed     a stream with an entry for each version, in the order of commits: key k, revision r, number
 *              n in the record's chain, time t
 *     pruned   the last entry that has left the feed: its id and its revision
 *
 * The forms of versions and entries are described in record-text.ts and entry-text.ts.
 */
export const TEXTS = String.raw`
local NUMBERS = '^(%d+) (%d+) (%a) (%d+%-%d+)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n'
local NUMBER, AT, KIND, ID, REVISION, PARENT, OP = 1, 2, 3, 4, 5, 6, 7

local function parts(text) return {string.match(text, NUMBERS)} end

-- A version by its revision, given the record's head.
local function textOf(record, head, revision)
  if head and parts(head)[REVISION] == revision then return head end
  return redis.call('HGET', record, 'r' .. revision)
end
`;

/** A fence's lock may be kept by the same server; its state is looked at only where there is a fence. */
const FENCE = String.raw`
local function isOvertaken(key, storeToken)
  ${STATE}
  local token, raw = tonumber(storeToken), call('GET', key)
  local state = raw and load(raw)
  if not state or state.last <= token then return false end
  for _, place in ipairs(state.places) do
    if place[TOKEN] == token and place[EXPIRES] > ms then return false end
  end
  return true
end

local function isStale(write)
  local fence = write.fence
  if write.lock and isOvertaken(write.lock, fence.storeToken) then return true end
  local seen = not fence.shared and call('HGET', write.record, 'f' .. fence.resource)
  return seen and seen > fence.token
end
`;

/**
 * What writes want is compared with claims as they will be once all of the call is done. Not even defined
 * where there are no entries, because to make functions is a good part of what a short script costs.
 */
const ENTRIES = String.raw`
local function entriesOf(write)
  if write.entries then return write.entries end
  return write.packed and cmsgpack.unpack(write.packed) or {}
end

local function bucketOf(write) return sub(write.index, 1, -6) end

local function isUnique(entry) return byte(entry) == 117 end

local function firstTaken()
  local written, wanted = {}, {}
  for _, write in ipairs(writes) do written[write.record] = not write.replay end
  for w, write in ipairs(writes) do
    if not write.replay and byte(write.kinds, -1) ~= DELETED then
      for _, entry in ipairs(entriesOf(write)) do
        local claims = bucketOf(write) .. 'claims'
        if isUnique(entry) then
          local claim = claims .. sub(entry, 2)
          local holder, key = call('HGET', claims, sub(entry, 2)), wanted[claim]
          if not key and holder and not written[bucketOf(write) .. 'v:' .. holder] then key = holder end
          if key then return {5, w - 1, entry, key} end
          wanted[claim] = write.key
        end
      end
    end
  end
end

function setEntries(write, entries)
  local index, claims = bucketOf(write) .. 'entries', bucketOf(write) .. 'claims'
  for _, entry in ipairs(write.packed and cmsgpack.unpack(write.packed) or {}) do
    local term = sub(entry, 2)
    call('ZREM', index, term .. write.key)
    if isUnique(entry) and call('HGET', claims, term) == write.key then call('HDEL', claims, term) end
  end
  for _, entry in ipairs(entries) do
    local term = sub(entry, 2)
    call('ZADD', index, 0, term .. write.key)
    if isUnique(entry) then call('HSET', claims, term, write.key) end
  end
  if #entries > 0 then
    call('HSET', write.record, 'e', cmsgpack.pack(entries))
  elseif write.packed then
    call('HDEL', write.record, 'e')
  end
end
`;

/**
 * KEYS, for each write: record, feed, index, and perhaps a fence's lock. ARGV: now, keys per write, then
 * for each write: flags, a letter for each step (v or d), the key, the revision expected; with flag f the
 * fence's resource, its token in 20 digits, the store's part of that token; with flag e the number of
 * entries, and these; for each step its opId, revision, details and value. Further flags: n must not
 * exist, r revision expected, s shared fence. Revisions and opIds are JSON text.
 *
 * Answers 1, and for each write when its record was written, or nothing (0), or in case of a replay what
 * the version is; 2, the write in conflict and the record; 3, the stale write; 4, the write that repeats,
 * and the versions; 5, the write, the entry that is taken, and by which key.
 */
export const WRITE = String.raw`${CLOCK}${TEXTS}
local match = string.match
local HEAD, DELETED = '^(%d+) (%d+) (%a)[^\n]*\n([^\n]*)', 100
local writes, each, a = {}, tonumber(ARGV[2]), 3
${FENCE}

for w = 1, #KEYS / each do
  local k, flags, kinds = (w - 1) * each, ARGV[a], ARGV[a + 1]
  local record = KEYS[k + 1]
  local write = {
    kinds = kinds, key = ARGV[a + 2], record = record, feed = KEYS[k + 2], index = KEYS[k + 3],
    lock = KEYS[k + 4],
  }
  writes[w] = write
  local expected = ARGV[a + 3]
  a = a + 4
  if find(flags, 'f', 1, true) then
    write.fence = {
      resource = ARGV[a], token = ARGV[a + 1], storeToken = ARGV[a + 2],
      shared = find(flags, 's', 1, true) ~= nil,
    }
    a = a + 3
  end
  if find(flags, 'e', 1, true) then
    local count = tonumber(ARGV[a])
    write.entries = {unpack(ARGV, a + 1, a + count)}
    a = a + 1 + count
  end
  write.first = a
  a = a + 4 * #kinds

  local found
  if #kinds == 1 then
    found = call('HMGET', record, 'h', 'e', 'o' .. ARGV[write.first])
  else
    local fields = {}
    for s = 1, #kinds do fields[s] = 'o' .. ARGV[write.first + 4 * (s - 1)] end
    found = call('HMGET', record, 'h', 'e', unpack(fields))
  end
  local head, packed = found[1], found[2]
  write.head, write.packed = head, packed
  if head then write.number, write.at, write.kind, write.revision = match(head, HEAD) end
  local known = {}
  for s = 3, #kinds + 2 do
    if found[s] then known[#known + 1] = textOf(record, head, found[s]) end
  end
  if #known == #kinds then
    write.replay = known[#known]
  elseif #known > 0 then
    return {4, w - 1, known}
  else
    if write.fence and isStale(write) then return {3, w - 1} end
    write.live = write.kind == 'v'
    local current = write.live and write.revision
    local isWrong = find(flags, 'n', 1, true) and current
      or find(flags, 'r', 1, true) and current ~= expected
    if isWrong then return {2, w - 1, current and head} end
  end
end

local hasEntries = #writes > 1 or writes[1].entries
  or writes[1].packed and byte(writes[1].kinds, -1) == DELETED
local setEntries
if hasEntries then
  ${ENTRIES}
  local taken = firstTaken()
  if taken then return taken end
end

local answers = {1}
for w, write in ipairs(writes) do
  local fence = write.fence
  local isDeleted = byte(write.kinds, -1) == DELETED
  if write.replay then
    answers[w + 1] = write.replay
  elseif #write.kinds == 1 and isDeleted and not write.live then
    answers[w + 1] = 0
  else
    local number, at = tonumber(write.number or 0), math.max(ms, tonumber(write.at or 0))
    local revision, text = write.revision or '', write.head
    local sets = {}
    for s = 1, #write.kinds do
      local a = write.first + 4 * (s - 1)
      local id = call('XADD', write.feed, '*', 'k', write.key, 'r', ARGV[a + 1], 'n', number + 1, 't', at)
      local n = #sets
      if text then
        sets[n + 1], sets[n + 2] = 'r' .. revision, text
        n = n + 2
      end
      number = number + 1
      text = number .. ' ' .. at .. ' ' .. sub(write.kinds, s, s) .. ' ' .. id .. '\n' .. ARGV[a + 1]
        .. '\n' .. revision .. '\n' .. ARGV[a] .. '\n' .. ARGV[a + 2] .. '\n' .. ARGV[a + 3]
      revision = ARGV[a + 1]
      sets[n + 1], sets[n + 2] = 'o' .. ARGV[a], revision
    end
    local n = #sets
    sets[n + 1], sets[n + 2] = 'h', text
    if fence and not fence.shared then sets[n + 3], sets[n + 4] = 'f' .. fence.resource, fence.token end
    call('HSET', write.record, unpack(sets))
    if isDeleted then
      if write.live then call('ZREM', write.index, write.key) end
      if write.packed then setEntries(write, {}) end
    else
      if not write.live then call('ZADD', write.index, 0, write.key) end
      if write.entries and write.packed ~= cmsgpack.pack(write.entries) then
        setEntries(write, write.entries)
      end
    end
    answers[w + 1] = at
  end
end
return answers
`;
