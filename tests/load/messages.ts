/**
 * What the processes of the soak say to each other over Node's IPC.
 *
 * In: nothing. Out: the shapes of messages. The lines that clients and server exchange are in `server.ts`.
 */

/** From the soak to the server. */
export type ToServer =
  | { readonly type: 'measure' }
  | { readonly type: 'count' }
  | { readonly type: 'close'; readonly spread: number };

/** What one look at the server process found, after a collection of garbage. */
export interface Measurement {
  readonly type: 'measured';
  /** Bytes. */
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
  /** Open file descriptors; -1 where the system does not tell. */
  readonly fds: number;
  readonly clients: number;
  readonly accepted: number;
  readonly closed: Readonly<Record<number, number>>;
  readonly rejected: Readonly<Record<number, number>>;
  readonly channels: number;
  /** How often the configuration was replaced. */
  readonly rehashes: number;
  /** Milliseconds that the event loop was late at the worst, and at the 99th percentile, since the last look. */
  readonly delayMax: number;
  readonly delayP99: number;
  /** Milliseconds of processor time, user and system, since the last look. */
  readonly cpu: number;
}

/** How many clients the server has: what it can tell without a descriptor to spare. */
export interface Count {
  readonly type: 'counted';
  readonly clients: number;
}

/** From the server to the soak. */
export type FromServer =
  | Count
  | { readonly type: 'listening'; readonly port: number }
  | Measurement
  | { readonly type: 'closed' };

/** From the soak to a crowd: clients come; talk and churn begin; they end and all is checked; the server is about to close. */
export type ToCrowd =
  | { readonly type: 'connect' }
  | { readonly type: 'talk' }
  | { readonly type: 'churn' }
  | { readonly type: 'settle' }
  | { readonly type: 'leave' };

/** Counts of one crowd, and every promise that it saw broken. */
export interface CrowdReport {
  readonly type: 'settled' | 'gone';
  readonly connected: number;
  readonly live: number;
  readonly said: number;
  readonly delivered: number;
  readonly echoed: number;
  readonly quitsSeen: number;
  readonly pings: number;
  /** Clients that left, by how. */
  readonly left: Readonly<Record<string, number>>;
  /** Clients that were closed by 1001 in the end. */
  readonly sentHome: number;
  readonly brokenCount: number;
  /** The first few, in words. */
  readonly broken: readonly string[];
}

/** From a crowd to the soak. */
export type FromCrowd = { readonly type: 'connected' } | CrowdReport;
