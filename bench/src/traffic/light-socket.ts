// A WebSocket client that does as little work as possible: it reads only the length of each frame. The client's cost
// therefore does not hide the server's. All sides of a comparison use it.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Dialect, joined } from './dialects.js';

const textFrame = 0x81;
const pongFrame = 0x8a;

/** Returns a frame of a client. Its mask is four zeros, which do not change the text. */
function clientFrame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header =
    length < 126
      ? Buffer.from([first, 0x80 | length, 0, 0, 0, 0])
      : Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([header, payload]);
}

/** Address of a light client, and its handlers. */
export interface LightSocketOptions {
  readonly url: string;
  readonly dialect: Dialect;
  readonly rooms: readonly string[];
  /** Called with every message, including messages before the join. The bytes are not copied. */
  readonly onMessage: (payload: Buffer) => void;
  readonly onClose?: () => void;
}

/** One connection. */
export class LightSocket {
  readonly #socket: Socket;
  readonly #options: LightSocketOptions;
  /** The bytes of an incomplete frame. */
  #rest: Buffer | undefined;
  /** The frames of an incomplete message. */
  #parts: Buffer[] = [];
  #state: 'upgrading' | 'joining' | 'joined' | 'closed' = 'upgrading';
  #onJoined: (error?: Error) => void = () => {};
  #pings: NodeJS.Timeout | undefined;

  private constructor(options: LightSocketOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // A `close` event follows every error.
    socket.on('error', () => {});
    socket.on('close', () => this.#onClose());
  }

  /** Connects and joins. @throws Error if the server refuses the client or ends the connection */
  static async open(options: LightSocketOptions): Promise<LightSocket> {
    const { hostname, port, host } = new URL(options.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const light = new LightSocket(options, socket);
    await once(socket, 'connect');
    const isIn = new Promise<void>((resolve, reject) => {
      light.#onJoined = (error) => (error === undefined ? resolve() : reject(error));
    });
    socket.write(
      `GET ${options.dialect.path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    await isIn;
    return light;
  }

  /** Stops reading from the socket. */
  pause(): void {
    this.#socket.pause();
  }

  /** Ends the connection without a Close message, as a broken network does. */
  drop(): void {
    this.#socket.resetAndDestroy();
  }

  #say(text: string): void {
    this.#socket.write(clientFrame(textFrame, Buffer.from(text)));
  }

  #onData(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    if (this.#state === 'upgrading') {
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1) {
        this.#rest = bytes;
        return;
      }
      if (bytes.toString('latin1', 9, 12) !== '101') {
        this.#refuse(new Error(`no WebSocket: ${bytes.toString('latin1', 0, end)}`));
        return;
      }
      this.#state = 'joining';
      const { hello } = this.#options.dialect;
      if (hello !== undefined) this.#say(hello);
      bytes = bytes.subarray(end + 4);
    }
    this.#readFrames(bytes);
  }

  #readFrames(bytes: Buffer): void {
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes.readUInt8(at + 1) & 0x7f;
      const headerLength = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < headerLength) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const end = at + headerLength + length;
      if (end > bytes.length) break;
      this.#onFrame(bytes.readUInt8(at), bytes.subarray(at + headerLength, end));
      at = end;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  #onFrame(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if (opcode === 9) this.#socket.write(clientFrame(pongFrame, payload));
    else if (opcode === 8) this.#socket.end();
    else if (opcode > 2) return;
    else if ((first & 0x80) === 0) this.#parts.push(payload);
    else if (this.#parts.length === 0) this.#onMessage(payload);
    else {
      const whole = Buffer.concat([...this.#parts, payload]);
      this.#parts = [];
      this.#onMessage(whole);
    }
  }

  #onMessage(payload: Buffer): void {
    const { dialect, onMessage, rooms } = this.#options;
    const { question } = dialect;
    if (question !== undefined && payload.length === question.text.length) {
      if (payload.toString('latin1') === question.text) this.#say(question.answer);
    }
    if (this.#state === 'joining') {
      try {
        const next = dialect.answer(payload.toString('latin1'), rooms);
        if (next === joined) this.#enter();
        else if (next !== undefined) this.#say(next);
      } catch (error) {
        this.#refuse(error as Error); // The cast is safe: a dialect throws only errors.
      }
    }
    onMessage(payload);
  }

  #enter(): void {
    this.#state = 'joined';
    this.#onJoined();
    const { ping } = this.#options.dialect;
    if (ping !== undefined) this.#pings = setInterval(() => this.#say(ping.text), ping.everyMs);
  }

  #refuse(error: Error): void {
    this.#onJoined(error);
    this.#socket.destroy();
  }

  #onClose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#pings);
    this.#onJoined(new Error('the connection ended before the join'));
    this.#options.onClose?.();
  }
}
