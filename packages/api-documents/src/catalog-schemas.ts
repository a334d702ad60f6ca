// The JSON Schemas of a catalog as parts of another document. That document gives each part its own key.
import {
  type AnyCatalog,
  createJsonSchemas,
  type EventTypeDeclaration,
  type JsonSchema,
  type JsonSchemas,
} from '@millrace/contract';

/** The schemas of one catalog. The parameter `payload` of the methods is a reference to the payload's schema in the document. */
export class CatalogSchemas {
  readonly #schemas: JsonSchemas;

  constructor(catalog: AnyCatalog) {
    this.#schemas = createJsonSchemas(catalog);
  }

  /** Fields that an event and an entry must have. */
  get requiredFields(): readonly string[] {
    return this.#schemas.event.required;
  }

  /** Returns the schema of a type's payload, without the `$schema` and `$id` that a separate document would have. */
  payload({ name }: EventTypeDeclaration): JsonSchema {
    const { $schema: _dialect, $id: _id, ...schema }: JsonSchema = this.#schemas.payloads[name] ?? {};
    return schema;
  }

  /** Returns the schemas of the fields of an event of this type. */
  eventProperties(type: EventTypeDeclaration, payload: JsonSchema): JsonSchema {
    const { properties } = this.#schemas.event;
    return { ...properties, event_type: onlyType(properties.event_type, type), payload };
  }

  /** Returns the schemas of the fields of a stream entry of this type. Payload and metadata are JSON texts. */
  entryProperties(type: EventTypeDeclaration, payload: JsonSchema): JsonSchema {
    const { properties } = this.#schemas.entry;
    return {
      ...properties,
      event_type: onlyType(properties.event_type, type),
      payload: { ...properties.payload, contentSchema: payload },
    };
  }
}

/** Returns the schema of `event_type`, restricted to one type. */
function onlyType({ enum: _names, ...schema }: JsonSchema, { name }: EventTypeDeclaration): JsonSchema {
  return { ...schema, const: name };
}
