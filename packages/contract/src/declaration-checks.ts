// The checks of declarations. A wrong one is a programmer's mistake and throws at once.
import { IsObject } from 'typebox';
import { ContractError } from './contract-error.js';
import { type EventTypeDeclaration, LANES, type StreamDeclaration } from './declaration.js';

/** Clients match hub methods without regard to case, so two names must not differ in case alone. */
const EVENT_TYPE_NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const SLOT_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const STREAM_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;
/** `events:chat.p0` is partition 0 of `events:chat`. */
const PARTITION_NAME = /\.p\d+$/;
/** Hub methods that Millrace itself calls on clients. */
const RESERVED_NAMES: readonly string[] = ['position', 'resync'];
const REPLAY_MODES: readonly unknown[] = ['all', 'latest', 'none'];

function check(isRight: boolean, message: string): void {
  if (!isRight) throw new ContractError('invalid_declaration', message);
}

function isPositiveInteger(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1; // A safe integer is a number.
}

/** @throws ContractError `invalid_declaration` */
export function checkStream(stream: StreamDeclaration): void {
  const name = JSON.stringify(stream.name);
  check(
    typeof stream.name === 'string' && STREAM_NAME.test(stream.name),
    `stream name ${name} must be 1 to 128 letters, digits or "_.:-", and begin with a letter or digit`,
  );
  check(!PARTITION_NAME.test(stream.name), `stream name ${name} looks like a partition of another stream`);
  check(isPositiveInteger(stream.maxLength), `stream ${name}: maxLength must be a whole number of 1 or more`);
}

/** @throws ContractError `invalid_declaration` */
export function checkEventType(type: EventTypeDeclaration): void {
  const { name } = type;
  check(
    typeof name === 'string' && EVENT_TYPE_NAME.test(name),
    `event type name ${JSON.stringify(name)} must be 1 to 64 lower-case letters, digits or "_.-", and begin with a letter`,
  );
  check(!RESERVED_NAMES.includes(name), `event type name "${name}" is reserved for a hub method of Millrace`);
  check(IsObject(type.payload), `event type "${name}": the payload must be a TypeBox object schema`);
  check(
    typeof type.stream === 'string',
    `event type "${name}": stream must be the name of a stream, as declared with defineStream`,
  );
  check(LANES.includes(type.lane), `event type "${name}": lane must be high, medium or low`);
  check(
    type.maxAgeMs === null || isPositiveInteger(type.maxAgeMs),
    `event type "${name}": maxAgeMs must be a whole number of 1 or more, or null for a type that is never stale`,
  );
  checkReplay(type);
  checkCoalescing(type);
}

function checkReplay({ name, replay }: EventTypeDeclaration): void {
  check(
    typeof replay === 'object' && replay !== null && REPLAY_MODES.includes(replay.mode),
    `event type "${name}": replay.mode must be all, latest or none`,
  );
  check(
    replay.mode !== 'latest' || typeof replay.key === 'function',
    `event type "${name}": replay of the latest needs a key`,
  );
}

function checkCoalescing({ name, coalescing, endsCoalescing }: EventTypeDeclaration): void {
  if (coalescing !== undefined) {
    checkSlot(name, coalescing);
    check(
      isPositiveInteger(coalescing.windowMs),
      `event type "${name}": coalescing.windowMs must be a whole number of 1 or more`,
    );
    check(typeof coalescing.merge === 'function', `event type "${name}": coalescing needs merge`);
  }
  if (endsCoalescing === undefined) return;
  checkSlot(name, endsCoalescing);
  check(coalescing === undefined, `event type "${name}" cannot both be coalesced and end coalescing`);
}

function checkSlot(name: string, rule: { readonly slot: string; readonly key: unknown }): void {
  check(
    typeof rule.slot === 'string' && SLOT_NAME.test(rule.slot),
    `event type "${name}": slot must be 1 to 64 lower-case letters, digits, "_" or "-", and begin with a letter`,
  );
  check(typeof rule.key === 'function', `event type "${name}": a slot needs a key`);
}

/**
 * The checks across a whole catalog: unique names, known streams, one window per slot. A type may end
 * coalescing in a slot that no type uses, so that a catalog can take over some of the built-in types.
 * @throws ContractError `invalid_declaration`
 */
export function checkCatalog(
  streams: readonly StreamDeclaration[],
  eventTypes: readonly EventTypeDeclaration[],
  maxEventBytes: number,
): void {
  check(isPositiveInteger(maxEventBytes), 'maxEventBytes must be a whole number of 1 or more');
  for (const stream of streams) checkStream(stream);
  for (const type of eventTypes) checkEventType(type);
  checkUnique('stream', streams);
  checkUnique('event type', eventTypes);
  const streamNames = new Set(streams.map((stream) => stream.name));
  for (const { name, stream } of eventTypes) {
    check(streamNames.has(stream), `event type "${name}": the catalog has no stream "${stream}"`);
  }
  checkSlots(eventTypes);
}

function checkUnique(what: string, declarations: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of declarations) {
    check(!seen.has(name), `${what} "${name}" is declared twice`);
    seen.add(name);
  }
}

function checkSlots(eventTypes: readonly EventTypeDeclaration[]): void {
  const windows = new Map<string, number>();
  for (const { name, coalescing } of eventTypes) {
    if (coalescing === undefined) continue;
    const { slot, windowMs } = coalescing;
    const first = windows.get(slot) ?? windowMs;
    check(
      first === windowMs,
      `event type "${name}": slot "${slot}" has a window of ${first} ms already, not ${windowMs} ms`,
    );
    windows.set(slot, first);
  }
}
