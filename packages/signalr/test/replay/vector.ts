/*
 * The format of the recorded conversations in `../vectors`: the client's half, which the replay sends, and
 * the recorded answers of the ASP.NET Core server. Text may contain `{{name}}` for values that differ from
 * run to run.
 */

/** The recorded answer to an HTTP request. Header names are in lower case. `hex` is a body that is not text. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly hex?: string;
}

/** One message of the server: `text` from a text frame or an event stream, `hex` from a binary frame. */
export interface Received {
  readonly text?: string;
  readonly hex?: string;
}

/** The end of a channel. Only a WebSocket has a close code and a reason. */
export interface Ended {
  readonly code?: number;
  readonly reason?: string;
}

/** A client's HTTP request. */
export interface RequestStep {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly hex?: string;
}

/** A step of the client, or an event that the client waits for. `expect` is the recorded observation. */
export type Step =
  /**
   * Sends a request, and reads its answer. If the step has a name, the ids in a negotiate answer become `{{name.id}}` and
   * `{{name.token}}`.
   */
  | (RequestStep & { readonly do: 'http'; readonly name?: string; readonly expect?: HttpAnswer })
  /** Sends a request without waiting for the answer. A later step reads the answer. */
  | (RequestStep & { readonly do: 'begin'; readonly name: string })
  | { readonly do: 'answer'; readonly of: string; readonly expect?: HttpAnswer }
  /** The client drops a request. */
  | { readonly do: 'give-up'; readonly of: string }
  /** Opens an event stream. `expect` is the head of the answer. */
  | (RequestStep & { readonly do: 'stream'; readonly name: string; readonly expect?: HttpAnswer })
  /** Opens a WebSocket. */
  | {
      readonly do: 'open';
      readonly name: string;
      readonly path: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly expect?: HttpAnswer;
    }
  /** The client sends a text frame or a binary frame. */
  | { readonly do: 'send'; readonly on: string; readonly text?: string; readonly hex?: string }
  /** Waits for the next message. `capture` stores the text that the group of each regular expression matches. */
  | {
      readonly do: 'receive';
      readonly on: string;
      readonly expect?: Received;
      readonly capture?: Readonly<Record<string, string>>;
    }
  /** Waits for silence. `expect` is empty if no message arrives. */
  | { readonly do: 'silent'; readonly on: string; readonly expect?: Received }
  /** The client sends a close frame. Without `code`, the frame is empty. */
  | { readonly do: 'close'; readonly on: string; readonly code?: number; readonly reason?: string }
  /** The connection breaks without a close frame. */
  | { readonly do: 'cut'; readonly on: string }
  | { readonly do: 'closed'; readonly on: string; readonly expect?: Ended }
  /** The server's clock advances. */
  | { readonly do: 'elapse'; readonly ms: number };

/** One conversation with one endpoint of `endpoints.ts`. */
export interface VectorCase {
  readonly name: string;
  readonly endpoint: string;
  readonly steps: readonly Step[];
}

/** A file in `../vectors`. */
export interface VectorFile {
  readonly about: string;
  readonly recordedFrom: string;
  readonly cases: readonly VectorCase[];
}
