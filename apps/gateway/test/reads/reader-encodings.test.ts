import { describe, expect, it } from 'vitest';
import { pollEncoding, readPollMessage, streamEncoding } from '../../src/reads/reader-encodings.js';

const event = '{"event_id":"1","payload":{"position":"not this"},"position":"kdf-1.a_~-"}';

describe('streamEncoding', () => {
  it('an event has its position as `id`, its type as `event` and its text on one line', () => {
    expect(streamEncoding.writeCall('notification', [event])).toBe(
      `id: kdf-1.a_~-\nevent: notification\ndata: ${event}\n\n`,
    );
    expect(streamEncoding.writeCall('position', ['{"position":"kdf-1"}'])).toBe(
      'id: kdf-1\nevent: position\ndata: {"position":"kdf-1"}\n\n',
    );
  });

  it('a message without a position has no `id`, so that a reader keeps its last one', () => {
    expect(streamEncoding.writeCall('resync', ['{"room_id":"r","reason":"gap"}'])).toBe(
      'event: resync\ndata: {"room_id":"r","reason":"gap"}\n\n',
    );
  });

  it('a line end in a payload becomes a blank, because it would end the data', () => {
    const text = '{"payload":{\n"a":1,\r\n"b":"x\\ny"},"position":"k-1"}';
    const written = streamEncoding.writeCall('notification', [text]);
    expect(written.split('\n')).toHaveLength(5);
    expect(written).toContain('data: {"payload":{ "a":1,  "b":"x\\ny"}');
  });

  it('pings and Close messages are comments, and a client that must stay away is told to wait longer', () => {
    expect(streamEncoding.writePing()).toBe(':\n\n');
    expect(streamEncoding.writeClose(true)).toMatch(/^: .*reconnect.*\n\n$/);
    expect(streamEncoding.writeClose(false)).toMatch(/^: .*\nretry: \d+\n\n$/);
  });
});

describe('pollEncoding', () => {
  it('a poll contains each message as it was written, without pings and Close messages', () => {
    expect(readPollMessage(pollEncoding.writeCall('my type', ['{\n"a":1}']))).toEqual({
      target: 'my type',
      text: '{\n"a":1}',
    });
    expect([pollEncoding.writePing(), pollEncoding.writeClose(true)]).toEqual(['', '']);
  });
});
