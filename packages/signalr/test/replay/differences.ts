/*
 * The recorded cases in which Millrace intentionally answers differently from ASP.NET Core. A test checks that
 * packages/signalr/docs/compatibility.md contains each reason as a sentence.
 */
import type { Ended, HttpAnswer, Received } from './vector.js';

/** One difference: the answer of Millrace at the first different step, and the reason. */
export interface Difference {
  /** A sentence of docs/compatibility.md. */
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

const BUFFERING = 'Event streams ask proxies not to hold them back (`X-Accel-Buffering: no`).';
const DOUBLES =
  'MessagePack holds numbers in their shortest form, whole ones as integers; .NET keeps the width of its type.';
const ARGUMENTS =
  'Arguments that are not an array close the connection; with MessagePack ASP.NET Core fails that call only.';
const OWN_ERRORS =
  "Errors that a hub's code can catch are Millrace's own, with stable codes; .NET has its exceptions.";
const NO_ANSWER = 'An answer without a result to a call of the server is `undefined`; ASP.NET Core throws.';
const ANSWER_TYPE =
  'What a client answers reaches the hub as it was sent, to be checked there; ASP.NET Core converts it or throws.';
const OTHERS_ANSWER =
  'An answer to a call of another client is ignored; ASP.NET Core closes the connection that sent it.';
const DELETED = 'DELETE answers a poll that waits with 204; ASP.NET Core sends it a Close message.';
const EARLY_POST =
  'A POST to a connection that no poll or stream has opened yet is answered with 404; ASP.NET Core keeps its bytes.';
const OTHER_USER =
  "A request of another user than the connection's is refused with 403; ASP.NET Core takes the new user over, until .NET 11.";
const OTHER_OWNER =
  'What a user has negotiated is refused to another one with 403; ASP.NET Core 10 lets whoever has the token open it.';
const OTHER_PAGE =
  'A page of another host is refused, WebSockets included, until `allowedOrigins` names it; ASP.NET Core lets every page open a WebSocket, and CORS is left to the application.';
const SECOND_SOCKET =
  'A connection with stateful reconnect takes a second socket while the first is still there, also when that one is healthy.';

/** Headers that Millrace adds. The comparison ignores them if the recorded answer does not have them. */
export const ADDED_HEADERS: Readonly<Record<string, { readonly why: string; readonly value: string }>> = {
  'x-accel-buffering': { value: 'no', why: BUFFERING },
  vary: { value: 'Origin', why: CORS },
};

/** The differences. Each key is the name of the vector file and the name of the case: `file: case`. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
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
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'Cyclic\' on the server. SignalRError: The value cannot be written as JSON: it is nested too deep."}\u001e',
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
  'message-pack: a whole double': { why: DOUBLES, ours: { hex: '07950380a1310303' } },
  'message-pack: to the caller': { why: DOUBLES, ours: { hex: '11960180c0a4646174619181a34b65790190' } },
  'message-pack: an unknown type': { why: UNKNOWN_TYPE, ours: { hex: '07950380a1310303' } },
  'message-pack: arguments that are no array': {
    why: ARGUMENTS,
    ours: { hex: '259307d920436f6e6e656374696f6e20636c6f736564207769746820616e206572726f722ec3' },
  },
  'message-pack: arguments that are null': {
    why: ARGUMENTS,
    ours: { hex: '259307d920436f6e6e656374696f6e20636c6f736564207769746820616e206572726f722ec3' },
  },
  'message-pack: details: no array': {
    why: DETAILS,
    ours: {
      hex: '669307d961436f6e6e656374696f6e20636c6f736564207769746820616e206572726f722e20496e76616c696444617461457863657074696f6e3a2052656164696e67206172726179206c656e67746820666f7220276d65737361676527206661696c65642ec3',
    },
  },
  'message-pack: a message that is too large': {
    why: DETAILS,
    ours: {
      hex: '8e019307d989436f6e6e656374696f6e20636c6f736564207769746820616e206572726f722e20496e76616c696444617461457863657074696f6e3a20546865206d6178696d756d206d6573736167652073697a65206f6620323030422077617320657863656564656420286f7074696f6e206d6178696d756d526563656976654d6573736167654279746573292ec3',
    },
  },
  'streams: details: an item of the wrong type': {
    why: DETAILS,
    ours: {
      text: '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'Sum\' on the server. HubException: Failed to bind Stream message. InvalidDataException: An item of the stream is of the wrong type."}\u001e',
    },
  },
  'streams: the client answers without a result': {
    why: NO_ANSWER,
    ours: { text: '{"type":3,"invocationId":"1","result":"got undefined"}\u001e' },
  },
  'streams: the client answers with the wrong type': {
    why: ANSWER_TYPE,
    ours: { text: '{"type":3,"invocationId":"1","result":"got text"}\u001e' },
  },
  'streams: another client may not answer': {
    why: OTHERS_ANSWER,
    ours: { text: '{"type":3,"invocationId":"9","result":3}\u001e' },
  },
  'streams: the server asks an unknown client': {
    why: OWN_ERRORS,
    ours: {
      text: '{"type":3,"invocationId":"1","result":"SignalRError: Connection \'nobody\' does not exist."}\u001e',
    },
  },
  'streams: the server asks in OnConnected': {
    why: OWN_ERRORS,
    ours: {
      text: '{"type":1,"target":"caught","arguments":["SignalRError: A client cannot be asked inside its onConnected, because its answer would not be read."]}\u001e',
    },
  },
  'http: poll: DELETE while a poll waits': {
    why: DELETED,
    ours: {
      status: 204,
      headers: {
        'cache-control': 'no-cache, no-store',
        'content-type': 'text/plain',
        expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
        pragma: 'no-cache',
      },
    },
  },
  'http: post: before a transport is open': {
    why: EARLY_POST,
    ours: { status: 404, headers: { 'content-type': 'text/plain' }, text: 'No Connection with that ID' },
  },
  'http: post: a message that is too large': {
    why: DETAILS,
    ours: {
      status: 200,
      headers: {
        'cache-control': 'no-cache, no-store',
        'content-type': 'application/octet-stream',
        expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
        pragma: 'no-cache',
      },
      text: '{"type":7,"error":"Connection closed with an error. InvalidDataException: The maximum message size of 200B was exceeded (option maximumReceiveMessageBytes).","allowReconnect":true}\u001e',
    },
  },
  'handshake: a WebSocket of a connection that another user negotiated': {
    why: OTHER_OWNER,
    ours: { status: 403, headers: { 'content-length': '0' } },
  },
  'http: token: a post of another user': {
    why: OTHER_USER,
    ours: { status: 403, headers: { 'content-length': '0' } },
  },
  'http: cors: a preflight of DELETE': {
    why: CORS,
    ours: {
      status: 204,
      headers: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'x-requested-with, x-signalr-user-agent, authorization, content-type',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-origin': 'http://app.example',
        'access-control-max-age': '600',
      },
    },
  },
  'http: cors: a WebSocket of another origin': {
    why: OTHER_PAGE,
    ours: { status: 403, headers: { 'content-length': '0' } },
  },
  'http: cors: a WebSocket of another origin where no origin is named': {
    why: OTHER_PAGE,
    ours: { status: 403, headers: { 'content-length': '0' } },
  },
  'reconnect: a socket while the first is open': { why: SECOND_SOCKET, ours: { status: 101, headers: {} } },
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
      },
    },
  },
};
