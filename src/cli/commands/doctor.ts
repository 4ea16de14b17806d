import type { Diagnosis, Finding } from "../../index.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { guaranteeTexts } from "../guarantee-text.ts";
import { measuredFindings } from "../health.ts";
import { STORE_OPTIONS, withStore } from "../store.ts";
import { paint, print, printable, printJson } from "../terminal.ts";
import { wrap } from "../wrap.ts";

const MARKS = {
  ok: ["ok", "green"],
  warning: ["warning", "yellow"],
  danger: ["danger", "red"],
} as const;

export const doctor = command({
  name: "doctor",
  summary: "check a store, and say what follows for the safety of locks",
  operands: "",
  operandCount: [0, 0],
  about: [
    "Connects, measures the round trip and how far the store's clock is from this machine's, " +
      "and asks the store for its version and for the settings that decide whether locks can be " +
      "lost: eviction, persistence and replication of Redis, journal and file of SQLite. Changes " +
      "nothing.",
    "Then it lists what the store guarantees. `danger` means that locks or records can be lost in " +
      "normal operation.",
  ],
  options: {
    json: { type: "boolean", help: "one JSON document: an array with one diagnosis per store" },
    ...STORE_OPTIONS,
  },
  examples: [
    [
      "holdfast doctor --url redis://db:6379",
      "before the first use, and after each change of its settings",
    ],
    [
      "holdfast doctor --json | jq '.[].findings[] | select(.level != \"ok\")'",
      "what there is to do",
    ],
  ],
  exits: [
    ["0", "nothing dangerous was found; there may be warnings"],
    ["1", "danger"],
    ["64", "the command line was not understood"],
    ["69", "the store cannot be reached"],
  ],

  run({ values }) {
    return withStore(values, {}, async (hf) => {
      const diagnoses = (await hf.diagnose()).map((diagnosis) => ({
        ...diagnosis,
        findings: [...measuredFindings(diagnosis), ...diagnosis.findings],
      }));
      if (values.json === true) printJson(diagnoses);
      else print(diagnoses.map(describe).join("\n\n"));
      const isDangerous = diagnoses.some(({ findings }) =>
        findings.some(({ level }) => level === "danger"),
      );
      return isDangerous ? EXIT.no : EXIT.ok;
    });
  },
});

function describe({ backend, findings, guarantees }: Diagnosis): string {
  return [
    paint(`${backend}, seen from Node.js ${process.versions.node}`, "bold"),
    ...findings.map(line),
    "",
    paint("What it guarantees", "bold"),
    ...guaranteeTexts(guarantees).map((text) => `  ${wrap(text, 76).replaceAll("\n", "\n  ")}`),
  ].join("\n");
}

function line({ detail, level, remedy, subject }: Finding): string {
  const [mark, colour] = MARKS[level];
  const facts = `  ${paint(mark.padEnd(8), colour)} ${printable(subject)}: ${printable(detail)}`;
  return remedy === undefined ? facts : `${facts}\n           ${printable(remedy)}`;
}
