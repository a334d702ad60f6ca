/*
 * Answers negotiate requests: versions, offered transports, redirects. Errors are sent with status 200 and an `error` in the body.
 */
import type { RequestInfo } from '../connection/request-info.js';
import {
  readNegotiateVersion,
  type TransportName,
  type TransportOffer,
  writeNegotiateAnswer,
  writeNegotiateError,
  writeNegotiateRedirect,
} from '../protocol/negotiate.js';
import type { OpeningClient } from './connection-runner.js';
import type { ConnectionStore } from './connection-store.js';
import type { HttpAnswer } from './http-answer.js';

/** All transports, in the order in which clients must try them. */
const OFFERS: readonly TransportOffer[] = [
  { transport: 'WebSockets', transferFormats: ['text', 'binary'] },
  { transport: 'ServerSentEvents', transferFormats: ['text'] },
  { transport: 'LongPolling', transferFormats: ['text', 'binary'] },
];

/** The URL where a client must negotiate instead, and the token that the client must use there. @beta */
export interface NegotiateRedirect {
  readonly url: string;
  readonly accessToken?: string;
}

/**
 * Returns where to redirect a client, for example to the instance of its tenant. Returns undefined if the client is not
 * redirected.
 * @beta
 */
export type RedirectNegotiate = (request: RequestInfo) => NegotiateRedirect | undefined;

/** Headers of a response. A list writes the header several times, for example for several cookies. @beta */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Called for every negotiate request of an admitted client. The returned headers are added to the response. @beta */
export type OnNegotiate = (
  request: RequestInfo,
  client: { readonly userId: string | null },
) => ResponseHeaders | undefined | Promise<ResponseHeaders | undefined>;

/** The negotiation options of one endpoint. */
export interface NegotiationOptions {
  readonly minimumVersion: number;
  readonly transports: ReadonlySet<TransportName>;
  readonly redirect: RedirectNegotiate | undefined;
  readonly allowStatefulReconnects: boolean;
  readonly tokenLifetimeSeconds: number | undefined;
}

/** Answers a negotiate request. Returns undefined if too many negotiated connections wait already. */
export function answerNegotiate(
  { info, principal, budget }: OpeningClient,
  store: ConnectionStore,
  options: NegotiationOptions,
): HttpAnswer | undefined {
  const version = readNegotiateVersion(info.query.get('negotiateversion'), options.minimumVersion);
  if (version.kind === 'refused') return json(writeNegotiateError(version.error));
  const redirect = options.redirect?.(info);
  if (redirect !== undefined) return json(writeNegotiateRedirect(version.version, redirect));
  // The answer must not grant stateful reconnect to a client that did not ask for it. Such a client would refuse the answer.
  const hasAsked = info.query.get('usestatefulreconnect')?.trim().toLowerCase() === 'true';
  const useStatefulReconnect = options.allowStatefulReconnects && hasAsked;
  const stored = store.negotiate(version.version, principal.userId, useStatefulReconnect, budget);
  if (stored === undefined) return undefined;
  const transports = OFFERS.filter(({ transport }) => options.transports.has(transport));
  const { tokenLifetimeSeconds } = options;
  const answer = {
    version: version.version,
    useStatefulReconnect,
    ...stored.ids,
    transports,
    tokenLifetimeSeconds,
  };
  return json(writeNegotiateAnswer(answer));
}

function json(body: string): HttpAnswer {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}
