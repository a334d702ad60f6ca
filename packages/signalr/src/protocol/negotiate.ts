/* Creates negotiate answers as JSON text. An error also has HTTP status 200. Its body has only the property `error`. */
import type { OptionRule } from '@millrace/internal';
import type { TransferFormat } from './hub-protocol.js';

/**
 * Maximum number that a client may send as its negotiate version. ASP.NET Core reads a 32-bit integer and refuses larger
 * numbers.
 */
const MAXIMUM_INT32 = 2_147_483_647;

/** Names of transports on the wire. @beta */
export type TransportName = 'WebSockets' | 'ServerSentEvents' | 'LongPolling';

/** All transports, in the order in which they are offered. */
export const TRANSPORT_NAMES: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

/** The rule for the option `transports`. */
export const TRANSPORTS_RULE: OptionRule = {
  mustBe: `a list of ${TRANSPORT_NAMES.join(', ')}`,
  isMet: (value) => Array.isArray(value) && value.every((name) => TRANSPORT_NAMES.includes(name)),
};

/** One offered transport. Clients try the offers in their order. */
export interface TransportOffer {
  readonly transport: TransportName;
  readonly transferFormats: readonly TransferFormat[];
}

/** The version of the answer, or the error text for a client that is refused. */
export type NegotiateVersion =
  | { readonly kind: 'version'; readonly version: 0 | 1 }
  | { readonly kind: 'refused'; readonly error: string };

/**
 * Reads `negotiateVersion` from the query. A missing version counts as 0. The answer to a version above 1 is 1.
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

/**
 * The content of a successful answer. In version 0, the connection id is also the token, so the answer contains only the id.
 */
export interface NegotiateAnswer {
  readonly version: 0 | 1;
  readonly useStatefulReconnect?: boolean;
  readonly connectionId: string;
  readonly connectionToken: string;
  readonly transports: readonly TransportOffer[];
  /** The lifetime of the credentials. Present if clients may refresh them. */
  readonly tokenLifetimeSeconds?: number | undefined;
}

/** Returns the body of a successful answer, with its properties in the same order as ASP.NET Core. */
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

/** Returns the body of an answer that redirects a client. */
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

/** Returns the body of an answer that refuses a client. */
export function writeNegotiateError(error: string): string {
  return JSON.stringify({ error });
}
