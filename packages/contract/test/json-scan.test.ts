// The scan of JSON text finds the same members and items as `JSON.parse`, in every format of the text.
import { jsonText } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { itemTexts, memberTexts, nestingOfText } from '../src/text/json-scan.js';

const blank = fc.constantFrom('', ' ', '\r\n', '\t\n ');
const name = fc.constantFrom('payload', 'metadata', '', 'x', '"', '\\', 'pay"load', 'constructor');

/** A name as a string token, as it is or with every character escaped. */
const nameToken = fc
  .tuple(name, fc.boolean())
  .map(([text, isEscaped]) => (isEscaped ? `"${escaped(text)}"` : JSON.stringify(text)));

function escaped(text: string): string {
  return text.replaceAll(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const objectText = fc
  .tuple(fc.array(fc.tuple(nameToken, blank, jsonText), { maxLength: 6 }), blank)
  .map(
    ([members, b]) =>
      `${b}{${b}${members.map(([token, gap, value]) => `${token}${gap}:${gap}${value}${gap}`).join(`,${b}`)}}${b}`,
  );

const listText = fc
  .tuple(fc.array(jsonText, { maxLength: 6 }), blank)
  .map(([items, b]) => `${b}[${b}${items.join(`${b},${b}`)}${b}]${b}`);

/** Returns the nesting by the simplest method: removes all strings, then counts brackets. */
function plainNesting(text: string): number {
  const brackets = text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '').replaceAll(/[^[\]{}]/g, '');
  let deepest = 0;
  let depth = 0;
  for (const bracket of brackets) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

describe('the scan of JSON text', () => {
  test('memberTexts finds the members of an object, and takes the last one of a repeated name', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        const value = JSON.parse(text) as Record<string, unknown>;
        const found = memberTexts(text, ['payload', 'metadata', 'constructor']);
        for (const [key, part] of found) expect(JSON.parse(part)).toEqual(value[key]);
        const expected = ['payload', 'metadata', 'constructor'].filter((key) => Object.hasOwn(value, key));
        expect([...found.keys()].sort()).toEqual(expected.sort());
      }),
      { numRuns: 1_000 },
    );
  });

  test('itemTexts finds the items of a list', () => {
    fc.assert(
      fc.property(listText, (text) => {
        expect(itemTexts(text).map((item) => JSON.parse(item) as unknown)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test('nestingOfText returns the maximum nesting of objects and lists', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(nestingOfText(text)).toBe(plainNesting(text));
      }),
    );
  });
});

test.each([
  ['{"payload":{"a" : 1.10}}', '{"a" : 1.10}'],
  ['{"payload":1,"pay\\u006coad":\r[ 2 ]\n}', '[ 2 ]'],
  ['{"payload\\u0000":0,"x":{"payload":1}}', undefined],
  ['{"a":"\\\\","payload":"\\"}"}', '"\\"}"'],
  ['{"payload":9007199254740993,"payload" :null}', 'null'],
  [' { } ', undefined],
])('the member “payload” of %s has the text %s', (text, payload) => {
  expect(memberTexts(text, ['payload']).get('payload')).toBe(payload);
});
