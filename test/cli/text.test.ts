import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, parseDuration, relativeTime } from "#src/cli/duration.js";
import { nearest } from "#src/cli/suggest.js";
import { table } from "#src/cli/table.js";
import { printable } from "#src/cli/terminal.js";
import { wrap } from "#src/cli/wrap.js";

test("durations: with units, with fractions, and as flock takes them", () => {
  const expected = {
    "500ms": 500,
    "10s": 10_000,
    "2m": 120_000,
    "1.5h": 5_400_000,
    "1d": 86_400_000,
    "7": 7_000,
  };
  for (const [text, ms] of Object.entries(expected))
    assert.equal(parseDuration(text, "--wait"), ms, text);
  assert.equal(parseDuration("0.25", "--wait"), 250);
  assert.equal(parseDuration(".5s", "--wait"), 500);
  assert.equal(parseDuration("0", "--wait"), 0);
  // Never rounded to 0, which has a meaning of its own.
  assert.equal(parseDuration("0.1ms", "--wait"), 1);
  for (const text of ["", "s", "-1", "1 s", "1x", "1e3", "10sec", "constructor", "Infinity"]) {
    assert.throws(() => parseDuration(text, "--wait"), /--wait ".*" is not a duration/, text);
  }
});

test("durations for people", () => {
  assert.equal(durationText(0.4), "0 ms");
  assert.equal(durationText(850), "850 ms");
  assert.equal(durationText(1_240), "1.2 s");
  assert.equal(durationText(12_400), "12 s");
  assert.equal(durationText(200_000), "3 min");
  assert.equal(durationText(7_500_000), "2 h 5 min");
  assert.equal(durationText(7_200_000), "2 h");
  assert.equal(durationText(345_600_000), "4 d");
  assert.equal(relativeTime(900, 1_000), "100 ms ago");
  assert.equal(relativeTime(9_000, 1_000), "in 8.0 s");
});

test("the nearest name is suggested, and nothing for what is near to none", () => {
  const names = ["run", "ls", "inspect", "force-release", "doctor"];
  assert.equal(nearest("inspcet", names), "inspect");
  assert.equal(nearest("insp", names), "inspect");
  assert.equal(nearest("force-relase", names), "force-release");
  assert.equal(nearest("rum", names), "run");
  assert.equal(nearest("bench", names), undefined);
});

test("tables align wide and combining characters, and hostile names cannot steer the terminal", () => {
  const lines = table(
    ["LOCK", "N"],
    [
      ["invoice:42", "1"],
      ["发票:四二", "2"],
      ["cafe\u0301", "3"],
      ["\u001b[2Jgone\n\u202e", "4"],
    ],
  ).split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    `LOCK${" ".repeat(21)}  N`,
    `invoice:42${" ".repeat(15)}  1`,
    `发票:四二${" ".repeat(16)}  2`,
  ]);
  assert.equal(lines[4], "\\u001b[2Jgone\\u000a\\u202e  4");
  assert.equal(lines.length, 5);
  assert.equal(printable("a\tb\u{e0001}"), "a\\u0009b\\u{e0001}");
});

test("texts are broken between words", () => {
  assert.equal(wrap("one two three four", 9), "one two\nthree\nfour");
  assert.equal(wrap("incomprehensibilities", 9), "incomprehensibilities");
});
