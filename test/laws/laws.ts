import { backendNames, banned, clockModules } from "./banned.ts";
import { cycles, reachable } from "./graph.ts";
import type { Law } from "./house.ts";
import { layers, neighbours } from "./layers.ts";
import { installScripts, manifest, registryHosts } from "./packages.ts";
import { examples, links } from "./pages.ts";
import { backendPages, errorsPage, eventsPage } from "./reference.ts";
import { barrels, fileLength, fileNames, lineLength, machinePaths, promises } from "./text.ts";

/** The laws of the house. Each has a self-test in test/laws.test.ts that breaks it. */
export const LAWS: readonly Law[] = [
  layers,
  neighbours,
  cycles,
  reachable,
  barrels,
  banned,
  clockModules,
  backendNames,
  fileNames,
  fileLength,
  lineLength,
  promises,
  machinePaths,
  manifest,
  installScripts,
  registryHosts,
  links,
  examples,
  errorsPage,
  eventsPage,
  backendPages,
];
