// Makes an example event with which a person can try a gateway. Its type is not an indicator. It has the fields that its schema requires. Pure.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';

/** An event in the form that `POST /v1/events` accepts. */
export interface SampleEvent {
  readonly event_type: string;
  readonly room_id: string;
  readonly payload: unknown;
}

/** A JSON Schema as far as this file reads it. */
interface Schema {
  readonly type?: unknown;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly format?: unknown;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Returns an event for this room, or `undefined` if no type of the catalog has a payload that can be made up. */
export function sampleEventOf(catalog: AnyCatalog, roomId: string): SampleEvent | undefined {
  if (catalog === eventCatalog)
    return { event_type: 'notification', room_id: roomId, payload: { title: 'Hello from the shell' } };
  for (const { name, payload: schema, indicator } of catalog.eventTypes) {
    if (indicator !== undefined) continue;
    const payload = valueOf(schema);
    // `valueOf` does not know every rule of a schema, for example `pattern`. The payload is then invalid, and the type is skipped.
    if (catalog.parsePayload(name, payload).ok) return { event_type: name, room_id: roomId, payload };
  }
  return undefined;
}

const textsOfFormats: Readonly<Record<string, string>> = {
  uuid: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  'date-time': '2026-01-31T12:00:00Z',
  date: '2026-01-31',
  uri: 'https://app.example',
  email: 'ana@app.example',
};

function valueOf(schema: Schema): unknown {
  const { const: only, default: preset, examples = [], enum: choices = [], anyOf = [] } = schema;
  const given = [only, preset, examples[0], choices[0]].find((value) => value !== undefined);
  if (given !== undefined) return given;
  if (anyOf[0] !== undefined) return valueOf(anyOf[0]);
  switch (schema.type) {
    case 'string':
      return textsOfFormats[String(schema.format)] ?? 'text'.padEnd(schema.minLength ?? 0, '.');
    case 'integer':
    case 'number':
      return Math.ceil(schema.minimum ?? 1);
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => valueOf(schema.items ?? {}));
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, valueOf(schema.properties?.[name] ?? {})]),
      );
    default:
      return null;
  }
}
