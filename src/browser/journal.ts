/**
 * The lines that the page has sent and the server has not acknowledged, oldest first.
 *
 * In: what the page sends; acknowledgements. Out: the lines for the present transport. It does not know sockets or time.
 *
 * | part of the journal | lines | leaves it by |
 * | --- | --- | --- |
 * | before `#handed` | given to a transport; arrived, or lost with it | `acknowledge` |
 * | from `#handed` on | waiting: there is no transport, or a `Blob` is being read | `flush` |
 */
import { decode } from './wire.ts';

/** One line. A `Blob` stands in it until its bytes have been read. */
interface Entry {
  line: string | Blob;
}

export class Journal {
  readonly #entries: Entry[] = [];
  /** How many lines of the session the server has acknowledged: they are no longer here. */
  #acknowledged = 0;
  #handed = 0;

  /** How many lines are not acknowledged. */
  get size(): number {
    return this.#entries.length;
  }

  /** The bytes that wait. */
  get waitingSize(): number {
    // A Blob counts the UTF-8 bytes of text.
    return new Blob(this.#entries.slice(this.#handed).map(({ line }) => line)).size;
  }

  /**
   * Adds what the page sends; `onReady` is called where a `Blob` had to be read first. What follows a `Blob` waits for it: order
   * is kept.
   */
  add(data: unknown, onReady: () => void): void {
    const entry: Entry = { line: data instanceof Blob ? data : isBytes(data) ? decode(data) : `${data}` };
    this.#entries.push(entry);
    if (!(data instanceof Blob)) return;
    const settle = (bytes?: ArrayBuffer): void => {
      entry.line = bytes ? decode(bytes) : '';
      onReady();
    };
    // A Blob whose file is gone becomes an empty message, which IRC ignores; the counts at both ends stay right.
    data.arrayBuffer().then(settle, () => settle());
  }

  /** Passes the lines that wait to the transport, up to one that is not read yet. */
  flush(send: (line: string) => void): void {
    for (; ; this.#handed++) {
      const line = this.#entries[this.#handed]?.line;
      if (typeof line !== 'string') return;
      send(line);
    }
  }

  /**
   * Drops the lines up to this count of the session; `false` where it is lower than the last one, or higher than what was sent.
   */
  acknowledge(count: number): boolean {
    const dropped = count - this.#acknowledged;
    if (dropped < 0 || dropped > this.#handed) return false;
    this.#entries.splice(0, dropped);
    this.#handed -= dropped;
    this.#acknowledged = count;
    return true;
  }

  /** Begins anew, on a new transport, with the oldest line that is not acknowledged. */
  rewind(): void {
    this.#handed = 0;
  }
}

function isBytes(data: unknown): data is ArrayBuffer | ArrayBufferView {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}
