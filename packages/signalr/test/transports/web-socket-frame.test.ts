/* The frames of this package have the same bytes as the frames of `ws` for an uncompressed server message. */
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { HEADROOM_BYTES } from '../../src/protocol/encoded-message.js';
import { webSocketFraming } from '../../src/transports/web-socket-frame.js';

// `ws` exports its frame writer, but its type package does not declare it.
const { Sender } = ws as unknown as {
  readonly Sender: { frame(data: Buffer, options: Record<string, unknown>): readonly Buffer[] };
};

test.each([0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 200_000])(
  'a frame for a payload of %i bytes equals the frame that the library ws writes',
  (length) => {
    const payload = Buffer.alloc(length, 'é');
    for (const [format, opcode] of [
      ['text', 1],
      ['binary', 2],
    ] as const) {
      const expected = Buffer.concat(
        Sender.frame(payload, { fin: true, rsv1: false, opcode, mask: false, readOnly: true }),
      );
      expect(webSocketFraming.frame(payload, format, false).equals(expected)).toBe(true);
      const roomy = Buffer.concat([Buffer.alloc(HEADROOM_BYTES), payload]).subarray(HEADROOM_BYTES);
      expect(webSocketFraming.frame(roomy, format, true).equals(expected)).toBe(true);
      expect(roomy.equals(payload)).toBe(true);
    }
  },
);
