// The JSON Schemas of a catalog as parts of another document, which gives each part a key of its own.
import {
  type AnyCatalog,
  createJsonSchemas,
  type EventTypeDeclaration,
  type JsonSchema,
  type JsonSchemas,
} from '@millrace/contract';

/** The schemas of one catalog. `payload` is always a reference to the payload's schema in the document. */
export class CatalogSchemas {
  readonly #schemas: JsonSchemas;

  constructor(catalog: AnyCatalog) {
    this.#schemas = createJsonSchemas(catalog);
  }

  /** Fields that an event and an entry must have. */
  get requiredFields(): readonly string[] {
    return this.#schemas.event.required;
  }

  /** The accepted payloads of a type, without the `$schema` and `$id` of a document. */
  payload({ name }: EventTypeDeclaration): JsonSchema {
    const { $schema: _dialect, $id: _id, ...schema }: JsonSchema = this.#schemas.payloads[name] ?? {};
    return schema;
  }

  /** The fields of an event of this type. */
  eventProperties(type: EventTypeDeclaration, payload: JsonSchema): JsonSchema {
    const { properties } = this.#schemas.event;
    return { ...properties, event_type: onlyType(properties.event_type, type), payload };
  }

  /** The fields of a stream entry of this type; payload and metadata are JSON texts. */
  entryProperties(type: EventTypeDeclaration, payload: JsonSchema): JsonSchema {
    const { properties } = this.#schemas.entry;
    return {
      ...properties,
      event_type: onlyType(properties.event_type, type),
      payload: { ...properties.payload, contentSchema: payload },
    };
  }
}

/** The schema of `event_type` for one type in place of all. */
function onlyType({ enum: _names, ...schema }: JsonSchema, { name }: EventTypeDeclaration): JsonSchema {
  return { ...schema, const: name };
}
