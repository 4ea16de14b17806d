import { CHANGES, FEED_END, PRUNE } from "./feed-lua.ts";
import { TEXTS, WRITE } from "./write-lua.ts";

/**
 * KEYS: index. ARGV: what record keys begin with, where to begin, prefix, limit. Answers members of the
 * index and heads in turn.
 */
const page = (keyOf: string): string => String.raw`
local function keyOf(member) ${keyOf} end
local upTo = ARGV[3] == '' and '+' or '(' .. ARGV[3] .. '\255'
local members = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], upTo, 'LIMIT', 0, ARGV[4])
local answers = {}
for _, member in ipairs(members) do
  answers[#answers + 1] = member
  answers[#answers + 1] = redis.call('HGET', ARGV[1] .. keyOf(member), 'h')
end
return answers
`;

const SCAN = page("return member");

/** Behind a name and a value, which end like each other. */
const FIND = page(String.raw`
  local _, name = string.find(member, '\0\1', 1, true)
  local _, value = string.find(member, '\0\1', name + 1, true)
  return string.sub(member, value + 1)
`);

/** KEYS: record. ARGV: a revision after which to begin, or nothing, and the limit. */
const HISTORY = String.raw`${TEXTS}
local head, answers = redis.call('HGET', KEYS[1], 'h'), {}
local text = head
if head and ARGV[1] ~= '' then
  local after = textOf(KEYS[1], head, ARGV[1])
  text = after and redis.call('HGET', KEYS[1], 'r' .. parts(after)[PARENT])
end
while text and #answers < tonumber(ARGV[2]) do
  answers[#answers + 1] = text
  text = redis.call('HGET', KEYS[1], 'r' .. parts(text)[PARENT])
end
return answers
`;

export const RECORD_SCRIPTS = {
  write: WRITE,
  scan: SCAN,
  find: FIND,
  history: HISTORY,
  changes: CHANGES,
  feedEnd: FEED_END,
  prune: PRUNE,
} as const;
