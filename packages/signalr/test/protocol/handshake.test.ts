/*
 * The functions that read and write the handshake and the negotiate answer, without a server.
 */
import { describe, expect, test } from 'vitest';
import {
  decideHandshake,
  parseHandshakeRequest,
  writeHandshakeResponse,
} from '../../src/protocol/handshake.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import {
  readNegotiateVersion,
  writeNegotiateAnswer,
  writeNegotiateError,
} from '../../src/protocol/negotiate.js';

const binary = { ...jsonHubProtocol, name: 'binary', transferFormat: 'binary' as const };

describe('the handshake', () => {
  test('the handshake ignores unknown properties', () => {
    const record = Buffer.from('{"version":1,"extra":[1],"protocol":"json","type":6}');
    expect(parseHandshakeRequest(record)).toEqual({ protocol: 'json', version: 1 });
  });

  test.each([
    '',
    '[]',
    '{"version":1}',
    '{"protocol":"json"}',
    '{"protocol":1,"version":1}',
    '{"protocol":"json","version":"1"}',
    '{"protocol":"json","version":2147483648}',
    '{"protocol":"json","version":-2147483649}',
  ])('the handshake request %j is refused as malformed', (text) => {
    expect(() => parseHandshakeRequest(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'malformed_message' }),
    );
  });

  test('the handshake accepts the name of a protocol in upper and lower case', () => {
    const decision = decideHandshake({ protocol: 'JSON', version: 1 }, [jsonHubProtocol], ['text']);
    expect(decision).toMatchObject({ kind: 'accepted' });
  });

  test.each([0, 1, 2])('a handshake with version %i of the JSON protocol is accepted', (version) => {
    const decision = decideHandshake({ protocol: 'json', version }, [jsonHubProtocol], ['text']);
    expect(decision).toEqual({ kind: 'accepted', protocol: jsonHubProtocol, version });
  });

  test.each([
    ['bson', 1, "The protocol 'bson' is not supported."],
    ['json', 3, "The server does not support version 3 of the 'json' protocol."],
    [
      'binary',
      1,
      "Cannot use the 'binary' protocol on the current transport. The transport does not support 'Binary' transfer format.",
    ],
  ])(
    'a handshake for the protocol %s in version %i is refused with the error text of ASP.NET Core',
    (protocol, version, error) => {
      const decision = decideHandshake({ protocol, version }, [jsonHubProtocol, binary], ['text']);
      expect(decision).toEqual({ kind: 'refused', error });
    },
  );

  test('the handshake response has no property named type', () => {
    expect(writeHandshakeResponse().toString()).toBe('{}\u001e');
    expect(writeHandshakeResponse('no "x"').toString()).toBe('{"error":"no \\"x\\""}\u001e');
  });
});

describe('negotiate', () => {
  test.each([
    [undefined, 0],
    ['0', 0],
    ['1', 1],
    [' 1 ', 1],
    ['7', 1],
    ['2147483647', 1],
  ])('the negotiate version %j is read as %i', (text, version) => {
    expect(readNegotiateVersion(text, 0)).toEqual({ kind: 'version', version });
  });

  test.each([
    ['', 0, 'The client requested a non-integer protocol version.'],
    ['x', 0, 'The client requested a non-integer protocol version.'],
    ['1.0', 0, 'The client requested a non-integer protocol version.'],
    ['99999999999', 0, 'The client requested a non-integer protocol version.'],
    ['-1', 0, "The client requested version '-1', but the server does not support this version."],
    [undefined, 1, "The client requested version '0', but the server does not support this version."],
  ])(
    'the requested negotiate version %j is refused when the minimum version is %i',
    (text, minimum, error) => {
      expect(readNegotiateVersion(text, minimum)).toEqual({ kind: 'refused', error });
    },
  );

  test('the negotiate answer has its properties in the order of ASP.NET Core, and no token in version 0', () => {
    const answer = {
      connectionId: 'i',
      connectionToken: 't',
      transports: [
        { transport: 'WebSockets' as const, transferFormats: ['text' as const, 'binary' as const] },
      ],
    };
    const offer = '"availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]}';
    expect(writeNegotiateAnswer({ ...answer, version: 1 })).toBe(
      `{"negotiateVersion":1,"connectionId":"i","connectionToken":"t",${offer}`,
    );
    expect(writeNegotiateAnswer({ ...answer, version: 0 })).toBe(
      `{"negotiateVersion":0,"connectionId":"i",${offer}`,
    );
    expect(writeNegotiateError('e')).toBe('{"error":"e"}');
  });
});
