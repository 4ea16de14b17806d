import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importsOf, parseSource, type Import, type Source } from "./source.ts";

/** A line that breaks a law. The message ends with the remedy. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly law: string;
  readonly message: string;
}

export type Law = (house: House) => Iterable<Violation>;

/** The project as the laws see it. Paths are relative to its root, with forward slashes. */
export class House {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #existsBesides: (path: string) => boolean;
  readonly #sources = new Map<string, Source>();
  readonly #imports = new Map<string, readonly Import[]>();

  /** `existsBesides` answers for what is not a text of the project, such as what the build has made. */
  constructor(texts: ReadonlyMap<string, string>, existsBesides: (path: string) => boolean = () => false) {
    this.#texts = texts;
    this.#existsBesides = existsBesides;
  }

  /** Everything that could be committed: what is not installed, built or hidden by Git itself. */
  static read(root: string): House {
    const texts = new Map<string, string>();
    const enter = (folder: string): void => {
      for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory() && !NOT_OURS.has(entry.name)) enter(path);
        else if (entry.isFile() && isText(path)) texts.set(path, readFileSync(join(root, path), "utf8"));
      }
    };
    enter("");
    return new House(texts, (path) => existsSync(join(root, path)));
  }

  get paths(): readonly string[] {
    return [...this.#texts.keys()].sort();
  }

  text(path: string): string | undefined {
    return this.#texts.get(path);
  }

  exists(path: string): boolean {
    return this.#texts.has(path) || this.#existsBesides(path);
  }

  /** TypeScript under any of these folders; of all when none is given. */
  sources(...folders: readonly string[]): readonly Source[] {
    return this.paths
      .filter((path) => /\.tsx?$/.test(path))
      .filter((path) => folders.length === 0 || folders.some((folder) => path.startsWith(`${folder}/`)))
      .map((path) => this.#source(path));
  }

  imports(source: Source): readonly Import[] {
    let imports = this.#imports.get(source.path);
    if (imports === undefined) this.#imports.set(source.path, (imports = importsOf(source)));
    return imports;
  }

  /** The parsed JSON of a file; undefined when there is none. */
  json(path: string): unknown {
    const text = this.text(path);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Names of the backends: files and folders of `src/backends`. */
  get backends(): readonly string[] {
    const names = this.sources("src/backends").map(({ path }) => backendOf(path));
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  #source(path: string): Source {
    let source = this.#sources.get(path);
    if (source === undefined) this.#sources.set(path, (source = parseSource(path, this.text(path) ?? "")));
    return source;
  }
}

/** `src/backends/redis/scripts.ts` and `src/backends/redis.ts` belong to `redis`. */
export function backendOf(path: string): string | undefined {
  return /^src\/backends\/([^/.]+)/.exec(path)?.[1];
}

const NOT_OURS = new Set([".git", "node_modules", "dist", "build", "coverage"]);

function isText(path: string): boolean {
  return /\.(?:tsx?|mjs|json|md|ya?ml|lua|sql|css|html|sh)$|(?:^|\/)(?:run|LICENSE|\.[a-z]+)$/.test(path);
}
