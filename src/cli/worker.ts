/**
 * A worker: one gateway in a process of its own, driven by the primary.
 *
 * In: what the primary says. Out: a gateway that does so. Signals are the primary's: a terminal sends them to all processes at
 * once.
 */
import cluster from 'node:cluster';
import type { AddressPlaces, Place, PlaceLimits } from '../gateway/index.ts';
import { GatewayProcess } from './gateway-process.ts';
import { explain, type Log } from './log.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

/** Serves until the primary says otherwise, or is gone. */
export function runWorker(log: Log, name: string): void {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  const places = new PrimaryPlaces();
  let gateway: GatewayProcess | null = null;
  let isDraining = false;

  const drain = async (reason: string): Promise<void> => {
    if (isDraining) return;
    isDraining = true;
    await gateway?.drain(reason);
    if (gateway !== null) await send({ type: 'drained', counters: await gateway.counters() });
    process.exit(0);
  };
  // Without the primary nobody would ever end this process. Node would, at once: it is told that this is meant.
  cluster.worker?.once('disconnect', () => {
    (cluster.worker as { exitedAfterDisconnect: boolean }).exitedAfterDisconnect = true;
    void drain('Gateway is shutting down');
  });

  const act = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'start':
        try {
          gateway = new GatewayProcess(message.settings, log, name, { places, relay: message.relay });
          await send({ type: 'listening', urls: await gateway.start() });
        } catch (error) {
          await send({ type: 'failed', problem: explain(error) });
          process.exit(1);
        }
        break;
      case 'reload': {
        let problem: string | null = null;
        let notes: string[] = [];
        try {
          notes = (await gateway?.reload(message.settings)) ?? [];
        } catch (error) {
          problem = explain(error);
        }
        await send({ type: 'reloaded', id: message.id, problem, notes });
        break;
      }
      case 'count':
        if (gateway !== null) await send({ type: 'counted', id: message.id, counters: await gateway.counters() });
        break;
      case 'drain':
        await drain(message.reason);
        break;
      case 'place':
        places.answer(message.id, message.refusal);
        break;
    }
  };
  process.on('message', (message: ToWorker) => void act(message));
  void send({ type: 'hello' });
}

/** Resolves when it is on its way; a primary that is gone is no error: 'disconnect' says so. */
function send(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (cluster.worker?.isConnected() !== true) resolve();
    else cluster.worker.send(message, (() => resolve()) as (error: Error | null) => void);
  });
}

/** Has places counted by the primary: an address's clients are spread over the workers. */
class PrimaryPlaces implements AddressPlaces {
  readonly #asked = new Map<number, (refusal: 'connections' | 'perMinute' | null) => void>();
  #id = 0;

  async take(network: string, limits: PlaceLimits): Promise<Place> {
    const id = ++this.#id;
    const refusal = await new Promise<'connections' | 'perMinute' | null>((resolve) => {
      this.#asked.set(id, resolve);
      void send({ type: 'take', id, network, limits });
    });
    if (refusal !== null) return refusal;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      void send({ type: 'leave', id });
    };
  }

  answer(id: number, refusal: 'connections' | 'perMinute' | null): void {
    this.#asked.get(id)?.(refusal);
    this.#asked.delete(id);
  }
}
