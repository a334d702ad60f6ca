// Finds out what kind of server listens at an address, after a connection there has failed. The error can then name the
// remedy. Sends no secrets.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostAndPort } from '../connection/open-socket.js';
import type { NodeAddress } from '../connection/redis-url.js';

/**
 * The kind of server that listens. `unknown` means that it closes the connection, does not answer, or sends an unknown
 * answer.
 */
export type Listener = 'redis' | 'sentinel' | 'http' | 'tls' | 'unknown';

/** Maximum time of each of the two attempts, in milliseconds. */
const PROBE_TIMEOUT_MS = 1_000;
/** Maximum number of bytes that are read. They are enough to recognise every known answer. */
const MAX_ANSWER_BYTES = 1_024;

/** Asks the server first without TLS, then with TLS. Never rejects. Resolves within two seconds. */
export async function probe(address: NodeAddress): Promise<Listener> {
  const isSocket = address.startsWith('/');
  const target = isSocket ? { path: address } : hostAndPort(address);
  const plain = listenerOf(await answerTo('PING\r\nROLE\r\n', connect(target)));
  if (plain !== 'unknown') return plain;
  // An invalid certificate is accepted: the only question is whether the server supports TLS.
  const isSecure = await settles(connectTls({ ...target, rejectUnauthorized: false }), 'secureConnect');
  return isSecure ? 'tls' : 'unknown';
}

/** Recognises the server by its answer to PING and ROLE. A Sentinel answers ROLE with `sentinel`. */
function listenerOf(answer: string): Listener {
  if (/\$8\r\nsentinel\r\n/.test(answer)) return 'sentinel';
  if (answer.startsWith('HTTP/')) return 'http';
  return /^(?:\+PONG|-[A-Z]+ )/.test(answer) ? 'redis' : 'unknown';
}

function answerTo(question: string, socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, done);
    socket.on('error', done);
    socket.on('close', done);
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      const isWhole = /\$\d+\r\n\w+\r\n/.test(answer) || answer.length > MAX_ANSWER_BYTES;
      if (isWhole || answer.startsWith('HTTP/')) done();
    });
    socket.once('connect', () => socket.write(question));
  });
}

/** Resolves to true if the event comes in time, otherwise to false. Destroys the socket in both cases. */
function settles(socket: Socket, event: string): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, done(false));
    socket.on('error', done(false));
    socket.on('close', done(false));
    socket.once(event, done(true));
  });
}
