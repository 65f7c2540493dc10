/** The error of a connection that the hook did not let in. */
import { WebSocketError } from '../errors.ts';

/** The error that `connect` rejects with if the hook refuses: `status` and `reason` are what a real client is told. */
export class ConnectionRejectedError extends WebSocketError {
  /** The HTTP status; 101 where `rejectMode` is `close-frame`; 0 where the connection was closed without an answer. */
  readonly status: number;
  /** The body of the answer, or the reason in the Close frame. */
  readonly reason: string;
  /** The answer's header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The code of the Close frame; `null` where the answer is HTTP. */
  readonly closeCode: number | null;

  constructor(status: number, reason: string, headers: Readonly<Record<string, string>> = {}, closeCode: number | null = null) {
    super('ERR_REJECTED', status === 0 ? 'closed without an answer' : `${status} ${reason}`);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.closeCode = closeCode;
  }
}
