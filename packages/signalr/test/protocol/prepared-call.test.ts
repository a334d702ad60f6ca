/*
 * A call that is encoded once for any number of sends and receivers.
 */
import { expect, test, vi } from 'vitest';
import { defineHub, type Hub, JsonText, PreparedCall } from '../../src/index.js';
import { type HubMessage, MessageType } from '../../src/protocol/hub-message.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import { webSocketFraming } from '../../src/transports/web-socket-frame.js';
import { startHost } from '../support/host.js';
import { openRaw } from '../support/raw-client.js';

interface Client {
  note(value: unknown): void;
}

const texts = ['{}', '"x"', '{"text":"Grüße 👋","id":9007199254740993}', `"${'é'.repeat(70_000)}"`];

function asSent(text: string): HubMessage {
  return { type: MessageType.invocation, target: 'note "1"', arguments: [new JsonText(text)] };
}

/** Returns a copy of the call's bytes. Before the copy, memory is free as `PreparedCall` requires. */
function keep(call: PreparedCall): Buffer {
  const { headroomBytes } = PreparedCall;
  return Buffer.concat([Buffer.alloc(headroomBytes), call.bytes]).subarray(headroomBytes);
}

test.each(texts)(
  'a prepared call has the same bytes as an ordinary send in every protocol (text %#)',
  (text) => {
    const call = new PreparedCall('note "1"', text);
    const again = PreparedCall.fromBytes('note "1"', keep(call));
    expect(again.text).toBe(text);
    for (const protocol of [jsonHubProtocol, messagePackHubProtocol]) {
      const expected = protocol.write(asSent(text));
      for (const each of [call, again]) {
        const encoded = each.encodedFor(protocol);
        expect(encoded.payload.equals(expected)).toBe(true);
        expect(encoded.isSequenced).toBe(true);
        expect(each.encodedFor(protocol)).toBe(encoded);
        const copied = webSocketFraming.frame(expected, protocol.transferFormat, false);
        expect(encoded.framedBy(webSocketFraming).equals(copied)).toBe(true);
        expect(encoded.payload.equals(expected)).toBe(true);
      }
    }
  },
);

test('prepared calls from the same stored bytes do not overwrite each other', () => {
  const bytes = keep(new PreparedCall('note', '{"n":1}'));
  const [one, two] = [1, 2].map(() => PreparedCall.fromBytes('note', bytes).encodedFor(jsonHubProtocol));
  const frame = Buffer.from(one?.framedBy(webSocketFraming) ?? []);
  expect(two?.framedBy(webSocketFraming).equals(frame)).toBe(true);
  expect(one?.framedBy(webSocketFraming).equals(frame)).toBe(true);
});

test('a prepared call that is relayed twice is encoded once, and arrives in the order of the sends', async () => {
  let hub: Hub<Client> | undefined;
  await using host = await startHost((server) => {
    hub = server.mapHub('/hub', defineHub<Client>()({ methods: {} }));
  });
  await using client = await openRaw(host);
  await expect.poll(() => hub?.connections.count).toBe(1);
  const write = vi.spyOn(jsonHubProtocol, 'write');
  const frame = vi.spyOn(webSocketFraming, 'frame');
  try {
    const call = new PreparedCall('note', '{"n":1}');
    expect(hub?.clients.all.relay(call)).toBe(1);
    expect(hub?.clients.all.send('note', 'between')).toBe(1);
    expect(hub?.clients.all.latest('key').relay(call)).toBe(1);
    const relayed = '{"type":1,"target":"note","arguments":[{"n":1}]}';
    const sent = '{"type":1,"target":"note","arguments":["between"]}';
    for (const expected of [relayed, sent, relayed]) expect(await client.next()).toBe(expected);
    expect(write).toHaveBeenCalledTimes(1);
    expect(frame).toHaveBeenCalledTimes(2);
  } finally {
    write.mockRestore();
    frame.mockRestore();
  }
});
