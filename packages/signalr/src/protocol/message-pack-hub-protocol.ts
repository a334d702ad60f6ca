/*
 * The MessagePack hub protocol: a length prefix and one array per message. Additional items and unknown message types are
 * ignored. Every other deviation from the protocol is refused. Decision 13 explains why no library is used.
 */
import { SignalRError } from '../errors.js';
import { type CompletionOutcome, type HubMessage, type MessageHeaders, MessageType } from './hub-message.js';
import type { HubMessageParser, HubProtocol } from './hub-protocol.js';
import { malformed } from './json-fields.js';
import { LengthPrefixReader, writeLengthPrefix } from './length-prefix-reader.js';
import { MessagePackReader } from './message-pack-reader.js';
import { MessagePackWriter } from './message-pack-writer.js';

/** The numbers of a completion's outcomes on the wire. */
const RESULT_KIND = { error: 1, void: 2, result: 3 } as const;

/** The MessagePack hub protocol. It accepts the same versions as the JSON protocol. */
export const messagePackHubProtocol: HubProtocol = {
  name: 'messagepack',
  transferFormat: 'binary',
  leavesHeadroom: false,
  isVersionSupported: (version) => version <= 2,
  createParser: (maximumMessageBytes) => new MessagePackMessageParser(maximumMessageBytes),
  write: (message) => {
    const writer = new MessagePackWriter();
    writeMessage(writer, message);
    const body = writer.written;
    return Buffer.concat([writeLengthPrefix(body.length), body]);
  },
};

class MessagePackMessageParser implements HubMessageParser {
  readonly #frames: LengthPrefixReader;

  constructor(maximumMessageBytes: number) {
    this.#frames = new LengthPrefixReader(maximumMessageBytes);
  }

  push(bytes: Buffer): void {
    this.#frames.push(bytes);
  }

  next(): HubMessage | undefined {
    for (;;) {
      const frame = this.#frames.next();
      if (frame === undefined) return undefined;
      const message = readMessage(new MessagePackReader(frame));
      if (message !== undefined) return message;
    }
  }
}

/**
 * Reads one message. Returns undefined for an unknown type, because the message may come from a later
 * protocol version. ASP.NET Core does the same.
 */
function readMessage(reader: MessagePackReader): HubMessage | undefined {
  const itemCount = reader.readArrayHeader('message');
  const type = reader.readInt32('messageType');
  switch (type) {
    case MessageType.invocation:
      return readInvocation(reader, itemCount);
    case MessageType.streamInvocation:
      return { type, ...readHeaders(reader), ...readId(reader), ...readCall(reader, itemCount) };
    case MessageType.streamItem:
      return { type, ...readHeaders(reader), ...readId(reader), item: reader.readValue() };
    case MessageType.completion:
      return { type, ...readHeaders(reader), ...readId(reader), outcome: readOutcome(reader) };
    case MessageType.cancelInvocation:
      return { type, ...readHeaders(reader), ...readId(reader) };
    case MessageType.ping:
      return { type };
    case MessageType.close:
      return readClose(reader, itemCount);
    case MessageType.ack:
    case MessageType.sequence:
      return { type, sequenceId: reader.readInteger('sequenceId') };
    default:
      return undefined;
  }
}

function readInvocation(reader: MessagePackReader, itemCount: number): HubMessage {
  const headers = readHeaders(reader);
  // An empty id counts as no id, as in ASP.NET Core.
  const invocationId = reader.readNullableString('invocationId') || undefined;
  const id = invocationId === undefined ? {} : { invocationId };
  return { type: MessageType.invocation, ...headers, ...id, ...readCall(reader, itemCount) };
}

function readHeaders(reader: MessagePackReader): { headers?: MessageHeaders } {
  const count = reader.readMapHeader('headers');
  if (count === 0) return {};
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    headers.set(reader.readRequiredString('key in header'), reader.readRequiredString('value in header'));
  }
  return { headers: Object.fromEntries(headers) };
}

function readId(reader: MessagePackReader): { invocationId: string } {
  return { invocationId: reader.readRequiredString('invocation ID') };
}

/** Reads the target, the arguments and the stream ids. Clients before .NET Core 3.0 send five items, without stream ids. */
function readCall(reader: MessagePackReader, itemCount: number) {
  const target = reader.readRequiredString('target');
  const args: unknown[] = [];
  const count = reader.readArrayHeader('arguments');
  for (let index = 0; index < count; index += 1) args.push(reader.readValue());
  const streamIds = itemCount > 5 ? readStreamIds(reader) : [];
  return { target, arguments: args, ...(streamIds.length === 0 ? {} : { streamIds }) };
}

function readStreamIds(reader: MessagePackReader): string[] {
  const streamIds: string[] = [];
  const count = reader.readArrayHeader('streamIds');
  for (let index = 0; index < count; index += 1)
    streamIds.push(reader.readRequiredString('value in streamIds'));
  return streamIds;
}

function readOutcome(reader: MessagePackReader): CompletionOutcome {
  switch (reader.readInt32('resultKind')) {
    case RESULT_KIND.error:
      return { kind: 'error', error: reader.readNullableString('error') ?? '' };
    case RESULT_KIND.void:
      return { kind: 'void' };
    case RESULT_KIND.result:
      return { kind: 'result', result: reader.readValue() };
    default:
      throw malformed('Invalid invocation result kind.');
  }
}

function readClose(reader: MessagePackReader, itemCount: number): HubMessage {
  const error = reader.readNullableString('error');
  const allowReconnect = itemCount > 2 && reader.readBoolean('allowReconnect');
  return {
    type: MessageType.close,
    ...(error === null ? {} : { error }),
    ...(allowReconnect ? { allowReconnect } : {}),
  };
}

function writeMessage(writer: MessagePackWriter, message: HubMessage): void {
  switch (message.type) {
    case MessageType.invocation:
    case MessageType.streamInvocation:
      begin(writer, 6, message);
      if (message.invocationId === undefined) writer.writeNil();
      else writer.writeString(message.invocationId);
      writer.writeString(message.target);
      writeAll(writer, message.arguments);
      writeAll(writer, message.streamIds ?? []);
      return;
    case MessageType.streamItem:
      begin(writer, 4, message);
      writer.writeString(message.invocationId);
      writeArgument(writer, message.item);
      return;
    case MessageType.completion:
      begin(writer, message.outcome.kind === 'void' ? 4 : 5, message);
      writer.writeString(message.invocationId);
      writeOutcome(writer, message.outcome);
      return;
    case MessageType.cancelInvocation:
      begin(writer, 3, message);
      writer.writeString(message.invocationId);
      return;
    case MessageType.ping:
      writer.writeArrayHeader(1);
      writer.writeInteger(message.type);
      return;
    case MessageType.close:
      writer.writeArrayHeader(3);
      writer.writeInteger(message.type);
      writer.writeValue(message.error ?? null);
      writer.writeValue(message.allowReconnect === true);
      return;
    case MessageType.ack:
    case MessageType.sequence:
      writer.writeArrayHeader(2);
      writer.writeInteger(message.type);
      writer.writeInteger(message.sequenceId);
      return;
  }
  exhausted(message);
}

/** Does not compile if the switch misses a type of message. */
function exhausted(message: never): never {
  return message;
}

function begin(
  writer: MessagePackWriter,
  itemCount: number,
  message: Extract<HubMessage, { headers?: unknown }>,
): void {
  writer.writeArrayHeader(itemCount);
  writer.writeInteger(message.type);
  writer.writeValue(message.headers ?? {});
}

function writeOutcome(writer: MessagePackWriter, outcome: CompletionOutcome): void {
  writer.writeInteger(RESULT_KIND[outcome.kind]);
  if (outcome.kind === 'error') writer.writeString(outcome.error);
  if (outcome.kind === 'result') writeArgument(writer, outcome.result);
}

function writeAll(writer: MessagePackWriter, values: readonly unknown[]): void {
  writer.writeArrayHeader(values.length);
  for (const value of values) writeArgument(writer, value);
}

/** Writes one value of the hub. An error of its getters or of `toJSON` becomes `unserializable`. */
function writeArgument(writer: MessagePackWriter, value: unknown): void {
  try {
    writer.writeValue(value);
  } catch (cause) {
    if (cause instanceof SignalRError) throw cause;
    throw new SignalRError('unserializable', 'The value cannot be written as MessagePack.', { cause });
  }
}
