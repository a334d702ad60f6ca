/*
 * The negotiate answer as a pure function: query and new ids in, JSON text out. Errors are part of the protocol: HTTP 200 with an
 * `error` and nothing else.
 */
import type { TransferFormat } from './hub-protocol.js';

/** ASP.NET Core reads a 32-bit integer; larger numbers are invalid. */
const MAXIMUM_INT32 = 2_147_483_647;

/** Names of transports on the wire. */
export type TransportName = 'WebSockets' | 'ServerSentEvents' | 'LongPolling';

/** One offered transport; clients try them in their order. */
export interface TransportOffer {
  readonly transport: TransportName;
  readonly transferFormats: readonly TransferFormat[];
}

/** The version of the answer, or the text that refuses the client. */
export type NegotiateVersion =
  | { readonly kind: 'version'; readonly version: 0 | 1 }
  | { readonly kind: 'refused'; readonly error: string };

/**
 * Reads `negotiateVersion` of the query. Absent means 0, newer than 1 is answered with 1.
 * @param minimumVersion versions below it are refused
 */
export function readNegotiateVersion(value: string | undefined, minimumVersion: number): NegotiateVersion {
  const requested = value === undefined ? 0 : /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : Number.NaN;
  if (!(Math.abs(requested) <= MAXIMUM_INT32)) {
    return { kind: 'refused', error: 'The client requested a non-integer protocol version.' };
  }
  if (requested < minimumVersion) {
    const error = `The client requested version '${requested}', but the server does not support this version.`;
    return { kind: 'refused', error };
  }
  return { kind: 'version', version: requested >= 1 ? 1 : 0 };
}

/** The content of a successful answer. In version 0 the id is the token, so only the id is written. */
export interface NegotiateAnswer {
  readonly version: 0 | 1;
  readonly useStatefulReconnect?: boolean;
  readonly connectionId: string;
  readonly connectionToken: string;
  readonly transports: readonly TransportOffer[];
  /** How long the credentials last; present when clients may refresh them. */
  readonly tokenLifetimeSeconds?: number | undefined;
}

/** The body of a successful answer, in the order of properties that ASP.NET Core writes. */
export function writeNegotiateAnswer(answer: NegotiateAnswer): string {
  return JSON.stringify({
    ...(answer.useStatefulReconnect === true ? { useStatefulReconnect: true } : {}),
    negotiateVersion: answer.version,
    connectionId: answer.connectionId,
    ...(answer.version > 0 ? { connectionToken: answer.connectionToken } : {}),
    availableTransports: answer.transports.map((offer) => ({
      transport: offer.transport,
      transferFormats: offer.transferFormats.map((format) => (format === 'text' ? 'Text' : 'Binary')),
    })),
    ...(answer.tokenLifetimeSeconds === undefined
      ? {}
      : { tokenLifetimeSeconds: answer.tokenLifetimeSeconds }),
  });
}

/** The body that redirects a client. */
export function writeNegotiateRedirect(
  version: 0 | 1,
  to: { readonly url: string; readonly accessToken?: string },
): string {
  return JSON.stringify({
    negotiateVersion: version,
    url: to.url,
    ...(to.accessToken === undefined ? {} : { accessToken: to.accessToken }),
    availableTransports: [],
  });
}

/** The body of a refusal. */
export function writeNegotiateError(error: string): string {
  return JSON.stringify({ error });
}
