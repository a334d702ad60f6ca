/*
 * Encodes and decodes backplane messages. Each message is a MessagePack array `[version, kind, sender, sequence, …]`. Unknown items
 * at the end of the array are ignored, so that later releases can add items. All functions are pure.
 */
import type { Address } from '../hub/address.js';
import { malformed } from '../protocol/json-fields.js';
import { MessagePackReader } from '../protocol/message-pack-reader.js';
import { MessagePackWriter } from '../protocol/message-pack-writer.js';
import type { Encodings } from '../protocol/relayed-message.js';
import {
  type Answer,
  type BackplaneMessage,
  type Body,
  FAILURE_CODES,
  type FailureCode,
  type Head,
  type Request,
} from './backplane-message.js';

/**
 * The version of the format, the first item of every message. Every version of the package can read it. Instances with
 * different versions cannot read each other's messages. Increase the version only for a change that earlier releases would
 * misread. A new kind of message or an additional item at the end does not need a new version.
 */
const VERSION = 1;

/** On the wire, a value of these three lists is replaced by its index in its list. */
const ADDRESS_KINDS = ['all', 'connections', 'groups', 'users'] as const satisfies readonly Address['kind'][];
const REQUEST_KINDS = ['add', 'remove', 'abort', 'invoke'] as const satisfies readonly Request['kind'][];
const ANSWERS = ['elsewhere', 'done', 'not_done'] as const satisfies readonly Answer[];

type Kind = BackplaneMessage['kind'];
type FieldsOf<K extends Kind> = Omit<Body<K>, 'kind'>;

/**
 * Writes and reads the fields of one kind of message. In the array, these fields follow the version, the kind, the sender and
 * the sequence number.
 */
interface KindCodec<K extends Kind> {
  /** The number of the kind, which is the second item of the array. */
  readonly number: number;
  write(fields: FieldsOf<K>): readonly unknown[];
  read(reader: MessagePackReader): FieldsOf<K>;
}

const idOnly: Omit<KindCodec<'cancel'>, 'number'> = {
  write: ({ id }) => [id],
  read: (reader) => ({ id: readId(reader, 'id') }),
};

const idList: Omit<KindCodec<'check'>, 'number'> = {
  write: ({ ids }) => [ids],
  read: (reader) => ({ ids: readList(reader, 'ids', readId) }),
};

const KINDS: { readonly [K in Kind]: KindCodec<K> } = {
  announce: {
    number: 1,
    write: ({ isNew }) => [isNew],
    read: (reader) => ({ isNew: reader.readBoolean('isNew') }),
  },
  leave: { number: 2, write: () => [], read: () => ({}) },
  send: {
    number: 3,
    write: ({ address, key, encodings }) => [...fieldsOfAddress(address), key ?? null, encodings],
    read: (reader) => ({
      address: readAddress(reader),
      key: reader.readNullableString('key') ?? undefined,
      encodings: readEncodings(reader),
    }),
  },
  query: {
    number: 4,
    write: ({ id, connectionId, request }) => [id, connectionId, ...fieldsOfRequest(request)],
    read: (reader) => ({
      id: readId(reader, 'id'),
      connectionId: readText(reader, 'connectionId'),
      request: readRequest(reader),
    }),
  },
  answer: {
    number: 5,
    write: ({ id, answer }) => [id, ANSWERS.indexOf(answer)],
    read: (reader) => ({ id: readId(reader, 'id'), answer: readOneOf(reader, ANSWERS) }),
  },
  completion: {
    number: 6,
    write: ({ id, protocol, bytes }) => [id, protocol, bytes],
    read: (reader) => ({
      id: readId(reader, 'id'),
      protocol: readText(reader, 'protocol'),
      bytes: reader.readBinaryView('bytes'),
    }),
  },
  failure: {
    number: 7,
    write: ({ id, code, text }) => [id, code, text],
    read: (reader) => ({
      id: readId(reader, 'id'),
      code: readFailureCode(reader),
      text: readText(reader, 'text'),
    }),
  },
  cancel: { number: 8, ...idOnly },
  check: { number: 9, ...idList },
  missing: { number: 10, ...idList },
};

const KIND_NAMES = new Map<number, Kind>(
  Object.entries(KINDS).map(([name, { number }]) => [number, name as Kind]), // the cast is safe: the names are the keys of KINDS
);

/** The reason why bytes could not be read as a message. */
export type UnreadableReason = 'unknown_version' | 'unknown_kind' | 'malformed';

/**
 * A decoded message, or the reason why the bytes could not be read. `head` is present even for a message of
 * an unknown kind, because the receiver needs its sequence number to detect lost messages.
 */
export type Decoded =
  | { readonly message: BackplaneMessage }
  | {
      readonly message: undefined;
      readonly reason: UnreadableReason;
      readonly head: Head | undefined;
      /** The unknown version, if the reason is `unknown_version`. */
      readonly version?: number;
    };

/** Returns the bytes of a message. */
export function encodeBackplaneMessage(message: BackplaneMessage): Uint8Array {
  const { number, write } = codecOf(message.kind);
  const values = [VERSION, number, message.sender, message.sequence, ...write(message)];
  const writer = new MessagePackWriter();
  writer.writeArrayHeader(values.length);
  for (const value of values) writer.writeValue(value);
  return writer.written;
}

/** Decodes a message. Never throws for any bytes. Byte arrays in the message are views of `bytes`, not copies. */
export function decodeBackplaneMessage(bytes: Uint8Array): Decoded {
  const reader = new MessagePackReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const items = reader.readArrayHeader('message');
    const version = reader.readInteger('version');
    if (version !== VERSION) return { ...unreadable('unknown_version'), version };
    if (items < 4) return unreadable('malformed');
    const kind = KIND_NAMES.get(reader.readInteger('kind'));
    const head: Head = { sender: readId(reader, 'sender'), sequence: readCount(reader) };
    if (kind === undefined) return unreadable('unknown_kind', head);
    const message = { ...head, kind, ...codecOf(kind).read(reader) };
    return { message: message as BackplaneMessage }; // the cast is safe: the codec of this kind has read its fields
  } catch {
    // The error of the reader is dropped: it describes the content of the message, and this content must not reach logs.
    return unreadable('malformed');
  }
}

/**
 * Returns the codec of a kind that is known only at run time. The codec reads and writes only the fields of
 * this kind.
 */
function codecOf(kind: Kind): KindCodec<Kind> {
  return KINDS[kind];
}

function unreadable(reason: UnreadableReason, head?: Head) {
  return { message: undefined, reason, head };
}

function fieldsOfAddress(address: Address): readonly unknown[] {
  const { kind, exceptConnections = [], exceptUser = null } = address;
  const names = kind === 'all' ? [] : address.names;
  return [ADDRESS_KINDS.indexOf(kind), names, exceptConnections, exceptUser];
}

function fieldsOfRequest(request: Request): readonly unknown[] {
  const { kind } = request;
  const number = REQUEST_KINDS.indexOf(kind);
  if (kind === 'abort') return [number];
  return [number, kind === 'invoke' ? request.encodings : request.group];
}

function readAddress(reader: MessagePackReader): Address {
  const kind = readOneOf(reader, ADDRESS_KINDS);
  const names = readList(reader, 'names', readText);
  const exceptConnections = readList(reader, 'exceptConnections', readText);
  const exceptUser = reader.readNullableString('exceptUser');
  const exceptions = {
    ...(exceptConnections.length === 0 ? {} : { exceptConnections }),
    ...(exceptUser === null ? {} : { exceptUser }),
  };
  return kind === 'all' ? { kind, ...exceptions } : { kind, names, ...exceptions };
}

function readRequest(reader: MessagePackReader): Request {
  const kind = readOneOf(reader, REQUEST_KINDS);
  if (kind === 'abort') return { kind };
  if (kind === 'invoke') return { kind, encodings: readEncodings(reader) };
  return { kind, group: readText(reader, 'group') };
}

function readEncodings(reader: MessagePackReader): Encodings {
  const encodings = new Map<string, Uint8Array>();
  for (let count = reader.readMapHeader('encodings'); count > 0; count -= 1)
    encodings.set(readText(reader, 'protocol'), reader.readBinaryView('encoding'));
  return encodings;
}

function readList(
  reader: MessagePackReader,
  field: string,
  read: (reader: MessagePackReader, field: string) => string,
): readonly string[] {
  const items: string[] = [];
  for (let count = reader.readArrayHeader(field); count > 0; count -= 1) items.push(read(reader, field));
  return items;
}

/** Reads a string, which may be empty. For example, the hub's code may choose an empty name for a group. */
function readText(reader: MessagePackReader, field: string): string {
  const text = reader.readNullableString(field);
  if (text === null) throw malformed(`'${field}' is missing.`);
  return text;
}

/**
 * Reads an id. All instances create ids of exactly 22 characters. Any other length is refused, because ids are kept in memory and
 * must not be arbitrarily long.
 */
function readId(reader: MessagePackReader, field: string): string {
  const id = readText(reader, field);
  if (!/^[\w-]{22}$/.test(id)) throw malformed(`'${field}' is not an id of 22 characters.`);
  return id;
}

function readCount(reader: MessagePackReader): number {
  const count = reader.readInteger('sequence');
  if (count < 0) throw malformed("'sequence' is below 0.");
  return count;
}

function readOneOf<Item>(reader: MessagePackReader, items: readonly Item[]): Item {
  const item = items[reader.readInteger('choice')];
  if (item === undefined) throw malformed("'choice' is out of range.");
  return item;
}

function readFailureCode(reader: MessagePackReader): FailureCode {
  const text = readText(reader, 'code');
  const code = FAILURE_CODES.find((known) => known === text);
  if (code === undefined) throw malformed("'code' is unknown.");
  return code;
}
