/*
 * The WebSocket data frame of a server (RFC 6455, 5.2). It is not masked, fragmented or compressed, so that all sockets can
 * share the bytes. Header and payload are in one buffer, so that each socket needs only one write.
 */
import type { MessageFraming } from '../protocol/encoded-message.js';
import type { TransferFormat } from '../protocol/hub-protocol.js';

const FIN = 0x80;
const OPCODE: Readonly<Record<TransferFormat, number>> = { text: 0x1, binary: 0x2 };

/** The framing that all WebSockets share. */
export const webSocketFraming: MessageFraming = { frame: frameMessage };

function frameMessage(payload: Buffer, format: TransferFormat, hasHeadroom: boolean): Buffer {
  const headerBytes = payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10;
  const frame = hasHeadroom
    ? Buffer.from(payload.buffer, payload.byteOffset - headerBytes, headerBytes + payload.length)
    : Buffer.allocUnsafe(headerBytes + payload.length);
  frame[0] = FIN | OPCODE[format];
  if (headerBytes === 2) {
    frame[1] = payload.length;
  } else if (headerBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(payload.length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  if (!hasHeadroom) payload.copy(frame, headerBytes);
  return frame;
}
