import type { Mutant } from "./mutant.ts";

const rule = "backends/redis/rule-lua.js";
const locks = "backends/redis/lock-scripts.js";
const records = "backends/redis/record-scripts.js";

export const redisMutants: readonly Mutant[] = [
  {
    name: "hand-over lets in one more than fits",
    file: rule,
    find: "if ahead > state.capacity then",
    replace: "if ahead > state.capacity + 1 then",
  },
  {
    name: "hand-over goes on behind who does not fit",
    file: rule,
    find: "waiter = place\n        break",
    replace: "waiter = place",
  },
  {
    name: "a place ends a millisecond late",
    file: rule,
    find: "return place[EXPIRES] <= ms end)",
    replace: "return place[EXPIRES] < ms end)",
  },
  {
    name: "the token is not increased",
    file: rule,
    find: "state.last = math.max(state.last + 1, now)",
    replace: "state.last = math.max(state.last, now)",
  },
  {
    name: "the token loses its last digits on the way",
    file: rule,
    find: "local function text(number) return string.format('%.0f', number) end",
    replace: "local function text(number) return tostring(number) end",
  },
  {
    name: "the claim deadline is ignored",
    file: rule,
    find: "mint(state, place, place[CLAIM])",
    replace: "mint(state, place, 60000)",
  },
  {
    name: "ended ids are forgotten",
    file: rule,
    find: ".. '\\1' .. mark .. id",
    replace: ".. '\\1' .. mark .. 'x'",
  },
  {
    name: "the grant is not pushed",
    file: rule,
    find: "tell(place[ID], 'g', key, place[ID], token, expires, strangers(state, place))",
    replace: "",
  },
  {
    name: "the plain case admits a lease that has ended",
    file: locks,
    find: "and not find(raw, id, 22, true) then",
    replace: "then",
  },
  {
    name: "the plain case renews a lease that has run out",
    file: locks,
    find: " and struct.unpack('>I8', raw, 10) > ms",
    replace: "",
  },
  {
    name: "the plain case renews whose lease it is not",
    file: locks,
    find: " and sub(raw, -#id) == id",
    replace: "",
  },
  {
    name: "admission does not count waiters",
    file: locks,
    find: "do used = used + place[PERMITS] end",
    replace: "do if place[TOKEN] ~= 0 then used = used + place[PERMITS] end end",
  },
  {
    name: "wait: false enqueues",
    file: locks,
    find: "if used > capacity and not wait then return 2",
    replace: "if used > capacity + 1 and not wait then return 2",
  },
  {
    name: "renewal of a waiter is confirmed",
    file: locks,
    find: "if not place or place[TOKEN] == 0 then return -1 end",
    replace: "if not place then return -1 end",
  },
  {
    name: "renewal is answered, but not stored",
    file: locks,
    find: "place[EXPIRES], state.changed = ms + ttl, true",
    replace: "place[EXPIRES] = ms + ttl",
  },
  {
    name: "patience is refreshed, but not stored",
    file: locks,
    find: "mine[EXPIRES], state.changed = ms + patience, true",
    replace: "mine[EXPIRES] = ms + patience",
  },
  {
    name: "release never hands over",
    file: locks,
    find: "    handOver(state, key)\n    return true",
    replace: "    return true",
  },
  {
    name: "force-release does not fence off",
    file: locks,
    find: "    state.last = math.max(state.last + 1, now)\n",
    replace: "",
  },
  {
    name: "steal forgets to revoke",
    file: locks,
    find: "remove(state, isHeld, {key = key, reason = 'stolen'})",
    replace: "",
  },
  {
    name: "the fence is skipped",
    file: records,
    find: "if write.fenced and isStale(",
    replace: "if false and isStale(",
  },
  {
    name: "the fence trusts a lease that has ended",
    file: records,
    find: "if place[TOKEN] == token and place[EXPIRES] > ms then",
    replace: "if place[TOKEN] == token then",
  },
  {
    name: "the fence sees the lock only, not what records have seen",
    file: records,
    find: "return not write.shared and head and",
    replace: "return false and",
  },
  {
    name: "the fence forgets with the record",
    file: records,
    find: "local fences = head and head.fences or {}",
    replace: "local fences = head and head.live and head.fences or {}",
  },
  {
    name: "a revision comes back within a microsecond",
    file: records,
    find: "last = math.max(last + 1, now)",
    replace: "last = now",
  },
  {
    name: "a new record is not in the index",
    file: records,
    find: "call('ZADD', write.index, 0, write.key)",
    replace: "",
  },
];
