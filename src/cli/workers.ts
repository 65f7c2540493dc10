/**
 * Several gateways in worker processes that pass for one.
 *
 * In: settings, and how many. Out: {@link Gateways}. Connections are shared out by `node:cluster`; a worker that dies is started
 * again, with the settings in force and not with what the file says by then. It does not know what a gateway does.
 *
 * One file, although long: all of it is the life of the workers.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressCount } from '../gateway/address-count.ts';
import { type Counters, NO_COUNTS, sum, withoutClients } from './counters.ts';
import type { GatewaySettings } from './gateway-config.ts';
import type { Gateways } from './gateways.ts';
import { explain, type Log, type LogOptions } from './log.ts';
import { type ToPrimary, type ToWorker, WORKER_LOG, WORKER_NUMBER } from './messages.ts';
import { ProcessMeter } from './process-counts.ts';
import { workerArguments } from './worker-arguments.ts';

/** Milliseconds until a worker that died is started again: at once, then 1 s, 2 s, 4 s … */
const MAX_BACKOFF = 30_000;
/** A worker that lived as long has not died of what the one before died of. */
const HEALTHY_LIFE = 60_000;
/** Milliseconds for a worker to answer; one that is busy is counted as it was last. */
const ANSWER_TIMEOUT = 2_000;
/** What a drain may take beyond `closeTimeout`: the servers' five seconds for a `QUIT`, and some. */
const DRAIN_MARGIN = 8_000;

/** A place for a worker, and what its processes have come to. */
interface Slot {
  readonly number: number;
  worker: Worker | null;
  startedAt: number;
  /** How many in a row died young. */
  failures: number;
  timer: NodeJS.Timeout | null;
  /** As they were last told. */
  counters: Counters;
  /** What gives back the places of this worker's clients, by the id that it took them with. */
  places: Map<number, () => void>;
  /** Whether the worker takes clients. */
  isListening: boolean;
}

/** Runs a gateway in each of several processes. */
export class Workers implements Gateways {
  readonly #log: Log;
  readonly #logOptions: LogOptions;
  readonly #meter = new ProcessMeter('primary');
  readonly #slots: readonly Slot[];
  readonly #places = new AddressCount();
  /** Where the workers' private sockets are; nobody else can enter. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  readonly #answers = new Map<number, (message: ToPrimary) => void>();
  #settings: GatewaySettings;
  #id = 0;
  #restarts = 0;
  #isStarted = false;
  #isDraining = false;
  /** The counts of workers that are gone. */
  #past: Counters = NO_COUNTS;

  /** @param logOptions how the workers write their logs */
  constructor(count: number, settings: GatewaySettings, log: Log, logOptions: LogOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#logOptions = logOptions;
    cluster.setupPrimary({ execArgv: workerArguments() });
    this.#slots = Array.from({ length: count }, (_, i) => ({
      number: i + 1,
      worker: null,
      startedAt: 0,
      failures: 0,
      timer: null,
      counters: NO_COUNTS,
      places: new Map(),
      isListening: false,
    }));
  }

  async start(): Promise<string[]> {
    const [urls] = await Promise.all(this.#slots.map((slot) => this.#fork(slot)));
    this.#isStarted = true;
    return urls as string[];
  }

  async reload(settings: GatewaySettings): Promise<string[]> {
    // From here on new workers have them.
    this.#settings = settings;
    const notes: string[] = [];
    const answers = await Promise.all(
      this.#slots.map(async (slot) => {
        const { worker } = slot;
        const answer = await this.#ask(slot, (id) => ({ type: 'reload', id, settings }), 'reloaded');
        // One that is starting, or has died meanwhile, begins with the new settings.
        if (answer === null && worker !== null && slot.worker === worker) {
          notes.push(`worker ${slot.number} has not answered: it may have the old configuration`);
        }
        return answer;
      }),
    );
    const problem = answers.find((answer) => answer !== null && answer.problem !== null)?.problem;
    // The primary has checked all of it: only what differs between processes comes here, such as memory.
    if (problem != null) throw new Error(problem);
    return [...new Set([...notes, ...answers.flatMap((answer) => answer?.notes ?? [])])];
  }

  async counters(): Promise<Counters> {
    await Promise.all(
      this.#slots.map(async (slot) => {
        const { worker } = slot;
        const answer = await this.#ask(slot, (id) => ({ type: 'count', id }), 'counted');
        if (answer !== null && slot.worker === worker) slot.counters = answer.counters;
      }),
    );
    const total = sum([this.#past, ...this.#slots.map(({ counters }) => counters)]);
    return { ...total, processes: [this.#meter.counts(), ...total.processes] };
  }

  workers(): { workers: number; restarts: number } {
    return { workers: this.#slots.filter(({ isListening }) => isListening).length, restarts: this.#restarts };
  }

  async drain(reason: string): Promise<void> {
    this.#isDraining = true;
    const leaving = this.#slots.map(async ({ worker, timer }) => {
      if (timer !== null) clearTimeout(timer);
      if (worker === null || worker.process.pid === undefined) return;
      const exited = once(worker, 'exit');
      tell(worker, { type: 'drain', reason });
      await exited;
    });
    const closeTimeouts = Object.values(this.#settings.hooks).map(({ closeTimeout = 5_000 }) => closeTimeout);
    const limit = setTimeout(() => this.kill(), Math.max(...closeTimeouts) + DRAIN_MARGIN);
    await Promise.all(leaving);
    clearTimeout(limit);
    this.#removeFolder();
  }

  kill(): void {
    this.#isDraining = true;
    for (const { worker, timer } of this.#slots) {
      if (timer !== null) clearTimeout(timer);
      worker?.process.kill('SIGKILL');
    }
    this.#removeFolder();
  }

  #removeFolder(): void {
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // No descriptor is left to look into it: an empty folder stays, and the end is not held up.
    }
  }

  /**
   * Starts a worker; resolves with its addresses when it listens.
   *
   * Where the system has no descriptor, memory or process left, `fork` throws, or there is an 'error' and no 'exit': that worker
   * has never lived.
   */
  #fork(slot: Slot): Promise<string[]> {
    slot.startedAt = performance.now();
    slot.timer = null;
    return new Promise((resolve, reject) => {
      let problem = 'it died while it was starting';
      let isBuried = false;
      const bury = (cause: string): void => {
        if (isBuried) return;
        isBuried = true;
        this.#bury(slot, cause);
        reject(new Error(problem));
      };
      const notStarted = (error: Error): void => {
        problem = explain(error);
        bury(problem);
      };
      let worker: Worker;
      try {
        worker = cluster.fork({ [WORKER_NUMBER]: String(slot.number), [WORKER_LOG]: JSON.stringify(this.#logOptions) });
      } catch (error) {
        notStarted(error as Error);
        return;
      }
      slot.worker = worker;
      worker.on('message', (message: ToPrimary) => {
        // What a worker sent before it died may be read behind its 'exit': its places are free by then.
        if (isBuried) return;
        if (message.type === 'hello') {
          tell(worker, {
            type: 'start',
            settings: this.#settings,
            relay: { folder: this.#folder, worker: slot.number, workers: this.#slots.length },
          });
        } else if (message.type === 'listening') {
          slot.isListening = true;
          resolve([...message.urls]);
        } else if (message.type === 'failed') {
          problem = message.problem;
        } else {
          this.#hear(slot, worker, message);
        }
      });
      // Behind an unwritable channel 'exit' follows.
      worker.on('error', (error: Error) => {
        if (worker.process.pid === undefined) notStarted(error);
      });
      worker.once('exit', (code, signal) => bury(signal ?? `exit code ${code}`));
    });
  }

  #hear(slot: Slot, worker: Worker, message: ToPrimary): void {
    switch (message.type) {
      case 'take': {
        const place = this.#places.take(message.network, message.limits);
        const refusal = typeof place === 'string' ? place : null;
        if (typeof place !== 'string') slot.places.set(message.id, place);
        tell(worker, { type: 'place', id: message.id, refusal });
        break;
      }
      case 'leave':
        slot.places.get(message.id)?.();
        slot.places.delete(message.id);
        break;
      case 'drained':
        slot.counters = message.counters;
        break;
      case 'counted':
      case 'reloaded':
        this.#answers.get(message.id)?.(message);
        break;
    }
  }

  /** Takes stock of a worker that is gone, and starts the next. */
  #bury(slot: Slot, cause: string): void {
    slot.worker = null;
    this.#past = sum([this.#past, withoutClients(slot.counters)]);
    slot.counters = NO_COUNTS;
    for (const leave of slot.places.values()) leave();
    slot.places.clear();
    slot.isListening = false;
    if (this.#isDraining || !this.#isStarted) return;
    slot.failures = performance.now() - slot.startedAt >= HEALTHY_LIFE ? 0 : slot.failures + 1;
    const delay = slot.failures <= 1 ? 0 : Math.min(MAX_BACKOFF, 1_000 * 2 ** (slot.failures - 2));
    this.#log.error(
      `worker ${slot.number} died (${cause}): the next one starts ${delay === 0 ? 'now' : `in ${delay / 1_000} s`}`,
    );
    slot.timer = setTimeout(() => {
      this.#restarts++;
      this.#fork(slot).then(
        () => this.#log.info(`worker ${slot.number} is back, process ${slot.worker?.process.pid}`),
        (error: Error) => this.#log.error(`worker ${slot.number} did not start: ${error.message}`),
      );
    }, delay);
  }

  /** Asks a worker; `null` where there is none, or it does not answer in time. */
  #ask<T extends ToPrimary['type']>(
    { worker }: Slot,
    question: (id: number) => ToWorker,
    type: T,
  ): Promise<Extract<ToPrimary, { type: T }> | null> {
    if (worker === null) return Promise.resolve(null);
    const id = ++this.#id;
    return new Promise((resolve) => {
      const done = (answer: Extract<ToPrimary, { type: T }> | null): void => {
        clearTimeout(timer);
        worker.off('exit', gone);
        this.#answers.delete(id);
        resolve(answer);
      };
      const gone = (): void => done(null);
      const timer = setTimeout(gone, ANSWER_TIMEOUT);
      worker.once('exit', gone);
      this.#answers.set(id, (message) => done(message.type === type ? (message as Extract<ToPrimary, { type: T }>) : null));
      tell(worker, question(id));
    });
  }
}

/** A worker that dies meanwhile is buried by its 'exit'. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, (() => {}) as (error: Error | null) => void);
}
