/** The model as a server's end of a conversation. It carries any text, empty lines too. */
import type { FakeTransport } from '../browser/fake-network.ts';
import { ModelServer, type ModelSession } from '../browser/model-server.ts';
import type { ServerEnd } from './play.ts';

export class ModelEnd implements ServerEnd {
  readonly hasTurns = false;
  readonly #server: ModelServer;

  constructor(window: number) {
    this.#server = new ModelServer(window);
  }

  accept(transport: FakeTransport): void {
    this.#server.accept(transport);
  }

  get authorizing(): () => number {
    return this.#server.authorizing;
  }

  set authorizing(authorizing: () => number) {
    this.#server.authorizing = authorizing;
  }

  lineOf(text: string): string {
    return text;
  }

  write(line: string): void {
    this.#session.send(line);
  }

  get isOver(): boolean {
    return this.#session.state === 'ended';
  }

  get lines(): readonly string[] {
    return this.#session.lines;
  }

  get clientCount(): number {
    return this.#server.sessions.length;
  }

  get resumedCount(): number {
    return this.#session.history.filter((event) => event === 'attached').length - 1;
  }

  get closeCount(): number {
    return this.#session.history.filter((event) => event.startsWith('ended')).length;
  }

  stop(): void {
    this.#session.end();
  }

  get #session(): ModelSession {
    return this.#server.sessions[0] as ModelSession;
  }
}
