import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

interface Server {
  readonly programs: readonly string[];
  /** What else must be there, by its path. */
  readonly files?: readonly string[];
  readonly packages: readonly string[];
}

/** Server programs that tests start themselves, and the Debian packages that have them. */
const SERVERS = {
  redis: { programs: ["redis-server", "redis-cli"], packages: ["redis-server", "redis-tools"] },
  postgres: { programs: ["postgres", "initdb"], packages: ["postgresql"] },
  etcd: { programs: ["etcd", "etcdctl"], packages: ["etcd-server", "etcd-client"] },
  zookeeper: {
    programs: ["java", "javac"],
    files: ["zookeeper.jar", "curator-recipes.jar"].map((jar) => `/usr/share/java/${jar}`),
    packages: ["zookeeper", "libcurator-recipes-java", "default-jdk-headless"],
  },
  pgbouncer: { programs: ["pgbouncer"], packages: ["pgbouncer"] },
  mariadb: { programs: ["mariadbd"], packages: ["mariadb-server"] },
} as const satisfies Record<string, Server>;

export type ServerName = keyof typeof SERVERS;

/** Where server programs stand that are not on everybody's path. */
const FURTHER_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Debian keeps each PostgreSQL version's programs in a folder of its own. */
const DEBIAN_POSTGRES = "/usr/lib/postgresql";

const INSTALL_LIMIT_MS = 300_000;

/**
 * Installs what is missing where that is possible, which is as root on Debian and its kin. Returns the
 * servers that are missing still, and tells what it does and what is left to do.
 */
export function ensureServers(tell: (line: string) => void): readonly ServerName[] {
  let missing = missingServers();
  if (missing.length === 0) return missing;
  const packages = packagesOf(missing);
  if (process.getuid?.() === 0 && findProgram("apt-get") !== undefined) {
    tell(`installing ${packages}`);
    if (!aptGet(["install", ...packages.split(" ")])) {
      // A fresh machine has no package lists, or old ones.
      aptGet(["update"]);
      aptGet(["install", ...packages.split(" ")]);
    }
    missing = missingServers();
  }
  if (missing.length > 0) {
    tell(`missing: ${missing.join(", ")}. On Debian or Ubuntu: sudo apt-get install ${packagesOf(missing)}`);
    if (process.env["CI"] !== "true") tell(`left out: every test that needs ${missing.join(" or ")}`);
  }
  return missing;
}

/**
 * For the `skip` option of a test: false when the server can be started here, else why not. With CI=true it
 * is always false: there a missing server is a failure.
 */
export function leftOut(server: ServerName): string | false {
  if (process.env["CI"] === "true" || !missingServers().includes(server)) return false;
  return `${server} is not installed: apt-get install ${packagesOf([server])}`;
}

/** Full path of an executable; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const versions = existsSync(DEBIAN_POSTGRES) ? readdirSync(DEBIAN_POSTGRES) : [];
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...FURTHER_FOLDERS,
    ...versions.map((version) => join(DEBIAN_POSTGRES, version, "bin")),
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function missingServers(): readonly ServerName[] {
  const names = Object.keys(SERVERS) as ServerName[];
  return names.filter((name) => {
    const { programs, files = [] }: Server = SERVERS[name];
    return !programs.every((program) => findProgram(program) !== undefined) || !files.every(existsSync);
  });
}

const packagesOf = (servers: readonly ServerName[]): string =>
  servers.flatMap((name) => SERVERS[name].packages).join(" ");

function aptGet(args: readonly string[]): boolean {
  const options = ["-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
  const { status } = spawnSync("apt-get", [...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: INSTALL_LIMIT_MS,
  });
  return status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
