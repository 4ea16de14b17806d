import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "holdfast/testkit";

const keepAlive = { keepAlive: true };

test("timers fire in order of time, then of their making, and see their own time", async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.now()}`);
  clock.timer(20, note("c"), keepAlive);
  clock.timer(10, note("a"), keepAlive);
  clock.timer(10, note("b"), keepAlive);
  const cancel = clock.timer(15, note("never"), keepAlive);
  clock.timer(5, cancel, keepAlive);
  await clock.advance(19);
  assert.deepEqual(fired, ["a@10", "b@10"]);
  assert.equal(clock.now(), 19);
  assert.equal(clock.next, 20);
  await clock.advance(1);
  assert.deepEqual(fired.slice(2), ["c@20"]);
  assert.equal(clock.pending, 0);
});

test("promises settle before time goes on, and timers that timers set fire in the same run", async () => {
  const clock = new VirtualClock();
  const story: string[] = [];
  clock.timer(1, () => {
    void Promise.resolve()
      .then(() => new Promise<void>((resolve) => clock.yield(resolve)))
      .then(() => {
        story.push(`settled@${clock.now()}`);
        clock.timer(1, () => story.push(`inner@${clock.now()}`), keepAlive);
      });
  }, keepAlive);
  clock.timer(3, () => story.push(`later@${clock.now()}`), keepAlive);
  await clock.advance(3);
  assert.deepEqual(story, ["settled@1", "inner@2", "later@3"]);
});

test("the wall clock may jump, monotonic time does not; the same seed gives the same chances", async () => {
  const [one, two, other] = [new VirtualClock(7), new VirtualClock(7), new VirtualClock(8)];
  const wall = one.wall();
  await one.advance(10);
  one.jump(-1_000);
  assert.equal(one.wall(), wall - 990);
  assert.equal(one.now(), 10);
  const chances = (clock: VirtualClock): number[] => Array.from({ length: 5 }, () => clock.random());
  assert.deepEqual(chances(one), chances(two));
  assert.notDeepEqual(chances(two), chances(other));
  assert.notEqual(one.id(), one.id());
});

test("a busy loop and a timer without a number are errors, not hangs", async () => {
  const clock = new VirtualClock();
  const again = (): void => void clock.timer(0, again, keepAlive);
  again();
  await assert.rejects(clock.advance(1), /time stands still/);
  assert.throws(() => clock.timer(NaN, () => undefined, keepAlive), RangeError);
});
