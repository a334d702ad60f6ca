/*
 * The format of the recorded conversations in `../vectors`: a client's half to replay, and what the server of
 * ASP.NET Core answered. Text may hold `{{name}}` for what differs from run to run.
 */

/** The recorded answer of an HTTP request. Header names are in lower case; `hex` stands for a body that is no text. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly hex?: string;
}

/** One message of the server: `text` from a text frame, an event stream; `hex` from a binary frame. */
export interface Received {
  readonly text?: string;
  readonly hex?: string;
}

/** How a channel ended: a WebSocket with its close code and reason, an event stream without. */
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

/** A step of the client, or something that it waits for, with what was seen there. */
export type Step =
  /** A request and its answer. When named, the ids of a negotiate answer become `{{name.id}}` and `{{name.token}}`. */
  | (RequestStep & { readonly do: 'http'; readonly name?: string; readonly expect?: HttpAnswer })
  /** A request whose answer is not awaited yet. */
  | (RequestStep & { readonly do: 'begin'; readonly name: string })
  | { readonly do: 'answer'; readonly of: string; readonly expect?: HttpAnswer }
  /** The client drops a request. */
  | { readonly do: 'give-up'; readonly of: string }
  /** An event stream: the head of its answer. */
  | (RequestStep & { readonly do: 'stream'; readonly name: string; readonly expect?: HttpAnswer })
  /** A WebSocket upgrade. */
  | {
      readonly do: 'open';
      readonly name: string;
      readonly path: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly expect?: HttpAnswer;
    }
  /** A frame: text or binary. */
  | { readonly do: 'send'; readonly on: string; readonly text?: string; readonly hex?: string }
  /** The next message; `capture` names what a regular expression's group finds in it. */
  | {
      readonly do: 'receive';
      readonly on: string;
      readonly expect?: Received;
      readonly capture?: Readonly<Record<string, string>>;
    }
  /** For a while nothing comes: then nothing is in `expect`. */
  | { readonly do: 'silent'; readonly on: string; readonly expect?: Received }
  /** The client sends a close frame; without a code an empty one. */
  | { readonly do: 'close'; readonly on: string; readonly code?: number; readonly reason?: string }
  /** The connection breaks without a close frame. */
  | { readonly do: 'cut'; readonly on: string }
  | { readonly do: 'closed'; readonly on: string; readonly expect?: Ended }
  /** Time passes. */
  | { readonly do: 'elapse'; readonly ms: number };

/** One conversation with one endpoint of `endpoints.ts`. */
export interface VectorCase {
  readonly name: string;
  readonly endpoint: string;
  readonly steps: readonly Step[];
}

/** A file of `../vectors`. */
export interface VectorFile {
  readonly about: string;
  readonly recordedFrom: string;
  readonly cases: readonly VectorCase[];
}
