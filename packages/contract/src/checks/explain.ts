// Explains in words why a value does not match its schema. The explanation may be slow, because it runs only
// after the compiled check has refused the value. The explanation stops after `MAX_ISSUES` issues. Keywords
// for which this file has no words are reported by their names.
import type { TSchema } from 'typebox';
import { Check, Errors } from 'typebox/schema';
import { type ActualType, actualTypeOf, type Issue, MAX_ISSUES, pointerStep } from './issue.js';
import { namedCheckOf } from './named-check.js';

type Keywords = Readonly<Record<string, unknown>>;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'an object',
  string: 'a string',
};

/**
 * The expected value of each keyword, in words that follow "must be". Contains only keywords that limit the
 * value itself, not the values inside it.
 */
const LIMIT_WORDS: Readonly<Record<string, (limit: string) => string>> = {
  minLength: (limit) => `at least ${limit} characters long`,
  maxLength: (limit) => `at most ${limit} characters long`,
  pattern: () => 'of the declared pattern',
  format: (format) => `of the format ${format}`,
  minimum: (limit) => `at least ${limit}`,
  maximum: (limit) => `at most ${limit}`,
  exclusiveMinimum: (limit) => `greater than ${limit}`,
  exclusiveMaximum: (limit) => `less than ${limit}`,
  multipleOf: (step) => `a multiple of ${step}`,
  minItems: (limit) => `a list of at least ${limit}`,
  maxItems: (limit) => `a list of at most ${limit}`,
  uniqueItems: () => 'a list without repeated items',
};

function isObject(value: unknown): value is Keywords {
  return actualTypeOf(value) === 'object';
}

function isOfType(value: unknown, type: string): boolean {
  const actual: ActualType = actualTypeOf(value);
  return type === 'integer' ? Number.isInteger(value) : actual === type;
}

function wordsForType(type: unknown): string {
  return TYPE_WORDS[String(type)] ?? `a value of type ${String(type)}`;
}

class Explainer {
  readonly issues: Issue[] = [];

  get isFull(): boolean {
    return this.issues.length >= MAX_ISSUES;
  }

  add(path: string, rule: string, expected: string, value: unknown): void {
    if (!this.isFull) this.issues.push({ path, rule, expected, actualType: actualTypeOf(value) });
  }

  /**
   * Adds the issues of `value`. Adds at least one issue if the schema refuses the value. Stops when the list
   * of issues is full.
   */
  explain(schema: TSchema, value: unknown, path: string): void {
    if (this.isFull || Check(schema, value)) return;
    const before = this.issues.length;
    const keywords = schema as Keywords; // A schema is a plain object of keywords.
    // A wrong constant gets no issue about its type, because the expected value says more.
    if (typeof keywords.type === 'string' && !('const' in keywords) && !isOfType(value, keywords.type)) {
      this.add(path, 'type', wordsForType(keywords.type), value);
      return;
    }
    this.explainValue(keywords, value, path);
    this.explainLimits(keywords, value, path);
    this.explainObject(keywords, value, path);
    this.explainList(keywords, value, path);
    this.explainNamedChecks(keywords, value, path);
    if (this.issues.length === before) this.explainByKeyword(schema, value, path);
  }

  private explainValue(keywords: Keywords, value: unknown, path: string): void {
    if ('const' in keywords) this.add(path, 'const', JSON.stringify(keywords.const), value);
    if (Array.isArray(keywords.enum)) {
      this.add(path, 'enum', `one of ${keywords.enum.map((item) => JSON.stringify(item)).join(', ')}`, value);
    }
    if (Array.isArray(keywords.anyOf)) this.explainAnyOf(keywords.anyOf, value, path);
  }

  /**
   * If the union consists of one schema and null, as for an optional field, reports the issues of that schema. Otherwise reports
   * one issue with the rule `anyOf`.
   */
  private explainAnyOf(alternatives: readonly TSchema[], value: unknown, path: string): void {
    const others = alternatives.filter((alternative) => (alternative as Keywords).type !== 'null');
    const [only] = others;
    if (others.length === 1 && only !== undefined) this.explain(only, value, path);
    else this.add(path, 'anyOf', 'of one of the declared shapes', value);
  }

  private explainLimits(keywords: Keywords, value: unknown, path: string): void {
    for (const [rule, words] of Object.entries(LIMIT_WORDS)) {
      if (!(rule in keywords)) continue;
      const limit = keywords[rule];
      // Each keyword is checked by a schema of its own. That schema needs the type, too: TypeBox ignores a keyword without
      // its type.
      const alone = { type: keywords.type, [rule]: limit } as TSchema;
      if (!Check(alone, value)) this.add(path, rule, words(String(limit)), value);
    }
  }

  private explainObject(keywords: Keywords, value: unknown, path: string): void {
    if (!isObject(value) || !isObject(keywords.properties)) return;
    const required = Array.isArray(keywords.required) ? keywords.required : [];
    for (const [key, schema] of Object.entries(keywords.properties)) {
      const fieldPath = `${path}/${pointerStep(key)}`;
      const isPresent = Object.hasOwn(value, key) && value[key] !== undefined;
      if (isPresent) this.explain(schema as TSchema, value[key], fieldPath);
      else if (required.includes(key)) this.add(fieldPath, 'required', 'present', undefined);
    }
  }

  private explainList(keywords: Keywords, value: unknown, path: string): void {
    if (!Array.isArray(value) || keywords.items === undefined) return;
    for (let index = 0; index < value.length && !this.isFull; index += 1) {
      this.explain(keywords.items as TSchema, value[index], `${path}/${index}`);
    }
  }

  private explainNamedChecks(keywords: Keywords, value: unknown, path: string): void {
    const refinements = keywords['~refine'];
    if (!Array.isArray(refinements)) return;
    for (const { check } of refinements as { check: (value: unknown) => boolean }[]) {
      if (check(value)) continue;
      const named = namedCheckOf(check);
      this.add(path, named?.rule ?? 'refine', named?.expected ?? 'accepted by the check of its field', value);
    }
  }

  /**
   * Reports the name of a keyword for which this file has no words. The path is that of the whole value, because names of
   * fields inside the value may be private.
   */
  private explainByKeyword(schema: TSchema, value: unknown, path: string): void {
    const [, [first]] = Errors(schema, value);
    this.add(path, first?.keyword ?? 'schema', 'of the declared shape', value);
  }
}

/**
 * Returns the reasons why `schema` refuses `value`, at most `MAX_ISSUES`. Returns an empty list if `schema` accepts the value.
 * @param path JSON Pointer to the value.
 */
export function explain(schema: TSchema, value: unknown, path: string): readonly Issue[] {
  const explainer = new Explainer();
  explainer.explain(schema, value, path);
  return explainer.issues;
}
