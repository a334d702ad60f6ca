// JSON text of any kind, for property tests of code that reads it.
import fc from 'fast-check';

const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\r', '\n'), maxLength: 2 });
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 1, maxLength: 25 });
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits,
    fc.option(digits),
    fc.option(fc.tuple(fc.constantFrom('e', 'E+', 'e-'), fc.nat(400))),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign +
      whole.replace(/^0+(?=\d)/, '') +
      (fraction === null ? '' : `.${fraction}`) +
      (exponent ?? []).join(''),
  );
/**
 * Strings that look like JSON, and names of properties that every object has. `__proto__` is left out, because the official
 * MessagePack library refuses it.
 */
const string = fc
  .oneof(
    fc.string({
      unit: fc.constantFrom('"', '\\', '{', '}', ',', ':', '[', ' ', '1', 'é', '\u2028', '\0', '💥'),
    }),
    fc.constantFrom('constructor', 'toJSON', 'length', '9007199254740993'),
  )
  .map((text) => JSON.stringify(text));
/**
 * Generates text of any JSON value, with unusual white space, escapes, repeated names and unusual numbers. The name
 * `__proto__` never occurs.
 */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    number,
    string,
    fc.constantFrom('true', 'false', 'null'),
    fc
      .tuple(fc.array(tie('value'), { maxLength: 4 }), blank, blank)
      .map(([items, a, b]) => `[${a}${items.join(`${b},${a}`)}${b}]`),
    fc
      .tuple(fc.array(fc.tuple(string, blank, tie('value')), { maxLength: 4 }), blank)
      .map(
        ([members, a]) =>
          `{${a}${members.map(([name, b, value]) => `${name}${b}:${a}${value}${b}`).join(',')}${a}}`,
      ),
  ),
})).value;
