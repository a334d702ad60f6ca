// Finds payload schemas that no JSON value can match. TypeBox has kinds that only JavaScript has, such as `Type.BigInt()`. Every event of
// such a type would become a dead letter. Pure.

type Schema = Readonly<Record<string, unknown>>;

const JSON_TYPES: readonly unknown[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/**
 * Returns the place of the first part that no JSON value matches, with the reason, or `undefined` if the schema can be matched. Optional
 * members are left out, because a payload need not have them.
 */
export function unmatchablePart(schema: unknown, path = '/payload'): string | undefined {
  return partOf(schema, { path, names: new Set() });
}

interface SchemaPart {
  readonly path: string;
  /** The names to which `$ref` may refer here. */
  readonly names: ReadonlySet<string>;
}

function partOf(value: unknown, within: SchemaPart): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const schema = value as Schema; // A schema is a plain object of keywords.
  const here = { ...within, names: namesIn(schema, within.names) };
  return (
    ofReference(schema, here) ??
    ofType(schema, here) ??
    ofChoice(schema, here) ??
    firstOf(membersOf(schema), here) ??
    firstOf(tupleOf(schema), here)
  );
}

function namesIn(schema: Schema, names: ReadonlySet<string>): ReadonlySet<string> {
  const { $defs, $id } = schema;
  const own = [...Object.keys(Object($defs) as object), ...(typeof $id === 'string' ? [$id] : [])];
  return own.length === 0 ? names : new Set([...names, ...own]);
}

function ofReference({ $ref }: Schema, { path, names }: SchemaPart): string | undefined {
  const isUnknown = typeof $ref === 'string' && !$ref.startsWith('#') && !names.has($ref);
  return isUnknown
    ? `${path} refers to a schema ${JSON.stringify($ref)} that it does not contain: put both into one Type.Cyclic or Type.Module`
    : undefined;
}

function ofType({ type }: Schema, { path }: SchemaPart): string | undefined {
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  if (type === undefined || types.some((name) => JSON_TYPES.includes(name))) return undefined;
  return `${path} has the type ${JSON.stringify(type)}, which JSON does not have: use one of ${JSON_TYPES.join(', ')}`;
}

/** A choice needs one part that can be matched, and an intersection needs all of them. */
function ofChoice({ anyOf, allOf }: Schema, within: SchemaPart): string | undefined {
  if (Array.isArray(anyOf)) {
    const parts = anyOf.map((part: unknown) => partOf(part, within));
    if (parts.length > 0 && parts.every((part) => part !== undefined)) return parts[0];
  }
  return Array.isArray(allOf)
    ? firstOf(
        allOf.map((part: unknown) => ['', part]),
        within,
      )
    : undefined;
}

/** The members that every object must have. */
function membersOf({ properties, required }: Schema): readonly (readonly [string, unknown])[] {
  const members = Object(properties) as Schema;
  return Array.isArray(required)
    ? required.map((name) => [`/${String(name)}`, members[String(name)]] as const)
    : [];
}

/** The items that a list of this length must have. */
function tupleOf({ items, minItems = 0 }: Schema): readonly (readonly [string, unknown])[] {
  return Array.isArray(items)
    ? items.slice(0, Number(minItems)).map((item: unknown, index) => [`/${index}`, item] as const)
    : [];
}

function firstOf(parts: readonly (readonly [string, unknown])[], within: SchemaPart): string | undefined {
  for (const [name, part] of parts) {
    const found = partOf(part, { ...within, path: within.path + name });
    if (found !== undefined) return found;
  }
  return undefined;
}
