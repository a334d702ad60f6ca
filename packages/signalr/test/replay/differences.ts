/*
 * Where Millrace is meant to answer otherwise than the recorded ASP.NET Core. The reasons are sentences of
 * docs/signalr-compatibility.md, which a test keeps so.
 */
import type { Ended, HttpAnswer, Received } from './vector.js';

/** One difference: what a client gets from Millrace at the first step that differs, and why that is wanted. */
export interface Difference {
  /** A sentence of the document. */
  readonly why: string;
  readonly ours: HttpAnswer | Received | Ended;
}

const CORS =
  'CORS answers name the origin in `Vary`, allow all methods of the transports and may be kept for ten minutes; in ASP.NET Core the application decides.';
const BOTH_PROTOCOLS = 'Choosing the protocols of a hub: every hub speaks both.';
const DETAILS =
  "Details of errors (`enableDetailedErrors`) name JavaScript's kinds of error and Millrace's options, and repeat nothing of what was received; wrong arguments have .NET's name.";
const SPELLING =
  'JSON is spelled as JavaScript spells it: the same values, fewer characters escaped, `1e+300` for `1E+300`.';
const SURROGATE = 'Half a surrogate pair in text is taken as it is; ASP.NET Core fails that call.';
const NAMES =
  "Values keep the names and the spelling that the hub's code gives them. .NET writes camelCase in JSON and PascalCase in MessagePack, and reads names without regard to case.";
const EMPTY_ERROR = 'A `HubError` without text adds none; a HubException without text names its own type.';
const UNWRITABLE = 'A result that cannot be encoded fails its call; ASP.NET Core closes the connection.';
const UNKNOWN_TYPE =
  'A message of an unknown type is ignored; ASP.NET Core ignores everything that follows it as well.';
const TRAILING =
  'Anything after the JSON of a message closes the connection; ASP.NET Core does not look at it.';
const DEPTH = 'JSON may be nested as deep as a message is long; .NET refuses it beyond 64 levels.';
const UTF8 = 'Text in a message that is not UTF-8 closes the connection; ASP.NET Core fails that call only.';

/** By vector file and name of the case. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'negotiate: a request of an allowed origin gets its CORS headers': {
    why: CORS,
    ours: {
      status: 200,
      headers: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-origin': 'http://app.example',
        'content-type': 'application/json',
        vary: 'Origin',
      },
      text: '{"negotiateVersion":1,"connectionId":"{{n.id}}","connectionToken":"{{n.token}}","availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},{"transport":"ServerSentEvents","transferFormats":["Text"]},{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}',
    },
  },
  'negotiate: a preflight of an allowed origin': {
    why: CORS,
    ours: {
      status: 204,
      headers: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'x-requested-with,x-signalr-user-agent',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-origin': 'http://app.example',
        'access-control-max-age': '600',
        vary: 'Origin',
      },
    },
  },
  'handshake: a protocol that the hub does not speak is not supported': {
    why: BOTH_PROTOCOLS,
    ours: { hex: '7b7d1e' },
  },
  'handshake: details: a handshake that is no JSON': {
    why: DETAILS,
    ours: {
      text: '{"error":"An unexpected error occurred during connection handshake. InvalidDataException: Error reading JSON."}\u001e',
    },
  },
  'handshake: details: a handshake without protocol': {
    why: DETAILS,
    ours: {
      text: '{"error":"An unexpected error occurred during connection handshake. InvalidDataException: Missing required property \'protocol\'."}\u001e',
    },
  },
  'handshake: details: a handshake without version': {
    why: DETAILS,
    ours: {
      text: '{"error":"An unexpected error occurred during connection handshake. InvalidDataException: Missing required property \'version\'."}\u001e',
    },
  },
  'handshake: details: a version with a fraction': {
    why: DETAILS,
    ours: {
      text: '{"error":"An unexpected error occurred during connection handshake. InvalidDataException: Expected \'version\' to be of type Number."}\u001e',
    },
  },
  'json: text': {
    why: SPELLING,
    ours: {
      text: '{"type":3,"invocationId":"1","result":"gr\u00fc\u00dfe \ud83d\udc4b \\u0001 \\u001f \u2028 \\"\'<>&+ \\\\ / \u007f"}\u001e',
    },
  },
  'json: text with the separator, escaped': {
    why: SPELLING,
    ours: { text: '{"type":3,"invocationId":"1","result":"a\\u001eb"}\u001e' },
  },
  'json: text with a lone surrogate, escaped': {
    why: SURROGATE,
    ours: { text: '{"type":3,"invocationId":"1","result":"\\ud83d"}\u001e' },
  },
  'json: a large double': {
    why: SPELLING,
    ours: { text: '{"type":3,"invocationId":"1","result":1e+300}\u001e' },
  },
  'json: a small double': {
    why: SPELLING,
    ours: { text: '{"type":3,"invocationId":"1","result":1e-7}\u001e' },
  },
  'json: an object of the client': {
    why: NAMES,
    ours: {
      text: '{"type":3,"invocationId":"1","result":{"name":"Bob","AGE":3,"unknown":[1],"avatar":"AQ==","scores":{"Go":1}}}\u001e',
    },
  },
  'json: a HubException with quotes and unicode': {
    why: SPELLING,
    ours: {
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'FailHub\' on the server. HubException: \\"gr\u00fc\u00dfe\\" <\ud83d\udc4b>"}\u001e',
    },
  },
  'json: a HubException without text': {
    why: EMPTY_ERROR,
    ours: {
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'FailHubEmpty\' on the server. HubException: "}\u001e',
    },
  },
  'json: a result that cannot be written closes the connection': {
    why: UNWRITABLE,
    ours: {
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'Cyclic\' on the server."}\u001e',
    },
  },
  'json: details: a result that cannot be written': {
    why: UNWRITABLE,
    ours: {
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'Cyclic\' on the server. SignalRError: The value cannot be written as JSON."}\u001e',
    },
  },
  'json: an unknown type': {
    why: UNKNOWN_TYPE,
    ours: { text: '{"type":3,"invocationId":"1","result":3}\u001e' },
  },
  'json: type 0': { why: UNKNOWN_TYPE, ours: { text: '{"type":3,"invocationId":"1","result":3}\u001e' } },
  'json: text after the object': {
    why: TRAILING,
    ours: { text: '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}\u001e' },
  },
  'json: a comment after the object': {
    why: TRAILING,
    ours: { text: '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}\u001e' },
  },
  'json: text after an invocation': {
    why: TRAILING,
    ours: { text: '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}\u001e' },
  },
  'json: nested too deep': {
    why: DEPTH,
    ours: {
      text: '{"type":3,"invocationId":"1","result":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\u001e',
    },
  },
  'json: invalid UTF-8 in an argument': {
    why: UTF8,
    ours: { text: '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}\u001e' },
  },
  'json: a message one byte too large': {
    why: DETAILS,
    ours: {
      text: '{"type":7,"error":"Connection closed with an error. InvalidDataException: The maximum message size of 200B was exceeded (option maximumReceiveMessageBytes).","allowReconnect":true}\u001e',
    },
  },
  'json: a message without an end, too large': {
    why: DETAILS,
    ours: {
      text: '{"type":7,"error":"Connection closed with an error. InvalidDataException: The maximum message size of 200B was exceeded (option maximumReceiveMessageBytes).","allowReconnect":true}\u001e',
    },
  },
};
