/*
 * The JSON hub protocol: one JSON object per message, ended by 0x1E. The parser accepts properties in any order, ignores
 * unknown properties, and skips messages of unknown types. It refuses every other deviation from the protocol.
 */
import { SignalRError } from '../errors.js';
import { textWithHeadroom } from './encoded-message.js';
import { type CompletionOutcome, type HubMessage, MessageType } from './hub-message.js';
import type { HubMessageParser, HubProtocol } from './hub-protocol.js';
import {
  field,
  hasField,
  type JsonRecord,
  malformed,
  optionalBoolean,
  optionalHeaders,
  optionalString,
  optionalStrings,
  parseJsonRecord,
  requiredArray,
  requiredId,
  requiredInt32,
  requiredInteger,
  requiredString,
} from './json-fields.js';
import { stringifyJson } from './json-values.js';
import { RecordReader } from './record-reader.js';

const SEPARATOR_TEXT = '\u001e';

/**
 * The JSON hub protocol. It accepts versions up to 2. Official clients send version 2 only together with stateful reconnect,
 * otherwise version 1.
 */
export const jsonHubProtocol: HubProtocol = {
  name: 'json',
  transferFormat: 'text',
  leavesHeadroom: true,
  isVersionSupported: (version) => version <= 2,
  createParser: (maximumMessageBytes) => new JsonMessageParser(maximumMessageBytes),
  write: (message) => textWithHeadroom(writeText(message) + SEPARATOR_TEXT),
};

class JsonMessageParser implements HubMessageParser {
  readonly #records: RecordReader;

  constructor(maximumMessageBytes: number) {
    this.#records = new RecordReader(maximumMessageBytes);
  }

  push(bytes: Buffer): void {
    this.#records.push(bytes);
  }

  next(): HubMessage | undefined {
    for (;;) {
      const record = this.#records.next();
      if (record === undefined) return undefined;
      const message = readMessage(parseJsonRecord(record));
      if (message !== undefined) return message;
    }
  }
}

/**
 * Reads one message. Returns undefined for an unknown type, because the message may come from a later
 * protocol version. ASP.NET Core does the same.
 */
function readMessage(record: JsonRecord): HubMessage | undefined {
  const type = requiredInt32(record, 'type');
  switch (type) {
    case MessageType.invocation:
      return { type, ...readCall(record), ...idOf(optionalString(record, 'invocationId')) };
    case MessageType.streamInvocation:
      return { type, ...readCall(record), invocationId: requiredId(record, 'invocationId') };
    case MessageType.streamItem:
      if (!hasField(record, 'item')) throw malformed("Missing required property 'item'.");
      return { type, ...readIdentified(record), item: record['item'] };
    case MessageType.completion:
      return { type, ...readIdentified(record), outcome: readOutcome(record) };
    case MessageType.cancelInvocation:
      return { type, ...readIdentified(record) };
    case MessageType.ping:
      return { type };
    case MessageType.close:
      return { type, ...readClose(record) };
    case MessageType.ack:
    case MessageType.sequence:
      return { type, sequenceId: requiredInteger(record, 'sequenceId') };
    default:
      return undefined;
  }
}

/** Returns the id as a property. An empty id counts as no id, as in ASP.NET Core. */
function idOf(invocationId: string | undefined): { invocationId?: string } {
  return invocationId === undefined || invocationId === '' ? {} : { invocationId };
}

function readCall(record: JsonRecord) {
  const headers = optionalHeaders(record);
  const streamIds = optionalStrings(record, 'streamIds');
  return {
    ...(headers === undefined ? {} : { headers }),
    target: requiredString(record, 'target'),
    arguments: requiredArray(record, 'arguments'),
    ...(streamIds === undefined ? {} : { streamIds }),
  };
}

function readIdentified(record: JsonRecord) {
  const headers = optionalHeaders(record);
  return {
    ...(headers === undefined ? {} : { headers }),
    invocationId: requiredId(record, 'invocationId'),
  };
}

function readOutcome(record: JsonRecord): CompletionOutcome {
  const error = optionalString(record, 'error');
  const hasResult = hasField(record, 'result');
  if (error !== undefined && hasResult) {
    throw malformed("The 'error' and 'result' properties are mutually exclusive.");
  }
  if (error !== undefined) return { kind: 'error', error };
  return hasResult ? { kind: 'result', result: field(record, 'result') } : { kind: 'void' };
}

function readClose(record: JsonRecord) {
  const error = optionalString(record, 'error');
  const allowReconnect = optionalBoolean(record, 'allowReconnect');
  return {
    ...(error === undefined ? {} : { error }),
    ...(allowReconnect === true ? { allowReconnect } : {}),
  };
}

function writeText(message: HubMessage): string {
  switch (message.type) {
    case MessageType.invocation:
    case MessageType.streamInvocation: {
      const id =
        message.invocationId === undefined ? '' : `,"invocationId":${JSON.stringify(message.invocationId)}`;
      const streams = message.streamIds?.length ? `,"streamIds":${JSON.stringify(message.streamIds)}` : '';
      return `{${head(message)}${id},"target":${JSON.stringify(message.target)},"arguments":[${message.arguments
        .map(writeValue)
        .join(',')}]${streams}}`;
    }
    case MessageType.streamItem:
      return `{${head(message)},"invocationId":${JSON.stringify(message.invocationId)},"item":${writeValue(message.item)}}`;
    case MessageType.completion:
      return `{${head(message)},"invocationId":${JSON.stringify(message.invocationId)}${writeOutcome(message.outcome)}}`;
    case MessageType.cancelInvocation:
      return `{${head(message)},"invocationId":${JSON.stringify(message.invocationId)}}`;
    case MessageType.ping:
      return '{"type":6}';
    case MessageType.close: {
      const error = message.error === undefined ? '' : `,"error":${JSON.stringify(message.error)}`;
      return `{"type":7${error}${message.allowReconnect === true ? ',"allowReconnect":true' : ''}}`;
    }
    case MessageType.ack:
    case MessageType.sequence:
      return `{"type":${message.type},"sequenceId":${message.sequenceId}}`;
  }
  return exhausted(message);
}

/** Does not compile if the switch misses a type of message. */
function exhausted(message: never): never {
  return message;
}

function head(message: Extract<HubMessage, { headers?: unknown }>): string {
  const headers = message.headers === undefined ? '' : `,"headers":${JSON.stringify(message.headers)}`;
  return `"type":${message.type}${headers}`;
}

function writeOutcome(outcome: CompletionOutcome): string {
  if (outcome.kind === 'error') return `,"error":${JSON.stringify(outcome.error)}`;
  return outcome.kind === 'result' ? `,"result":${writeValue(outcome.result)}` : '';
}

/**
 * Writes one value. A value that JSON does not have (undefined, a function) becomes null, as `JSON.stringify` does in arrays.
 */
function writeValue(value: unknown): string {
  try {
    const text = stringifyJson(value);
    return text ?? 'null';
  } catch (cause) {
    if (cause instanceof SignalRError) throw cause;
    throw new SignalRError('unserializable', 'The value cannot be written as JSON.', { cause });
  }
}
