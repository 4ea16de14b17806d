/** Where a cell's contestants find their servers; empty where the suite has none of the kind. */
export interface Addresses {
  readonly redisPort: number;
  readonly postgresUrl: string;
  readonly mysqlUrl: string;
}

/** The servers of a run, private to it. */
export interface Servers {
  readonly addresses: Addresses;
  /** Names and versions. */
  readonly description: string;
  /** Leaves nothing of what the last measurement kept. */
  flush(): Promise<void>;
  /** Resolves when Redis has read all that was sent to it before, over whatever connection. */
  settle(): Promise<void>;
  /** Processor time used since they started. */
  busyMs(): number;
  stop(): Promise<void>;
}

export const NOWHERE: Addresses = { redisPort: 0, postgresUrl: "", mysqlUrl: "" };
