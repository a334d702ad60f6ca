// Anybody who may publish can send events with any text. `millrace tail` shows them in an operator's terminal.
import { expect, test } from 'vitest';
import { escapeControls } from '../../src/telemetry/terminal-text.js';

test.each([
  ['\u001b[2J', '\\u001b[2J'],
  ['\u009b31m', '\\u009b31m'],
  ['\u007f', '\\u007f'],
  ['user\u202egpj.exe', 'user\\u202egpj.exe'],
  ['a\u2028b', 'a\\u2028b'],
  ['\u{e0041}', '\\udb40\\udc41'],
  ['Zoë 你好 👍', 'Zoë 你好 👍'],
])('the text %j is shown as %s', (text, shown) => {
  expect(escapeControls(text)).toBe(shown);
});

test('JSON text has the same value before and after its characters are escaped', () => {
  const value = { text: '\u001b]0;title\u0007 \u009b \u202e \u{e0041} \u2028 \\ "' };
  const shown = escapeControls(JSON.stringify(value));
  expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(JSON.parse(shown)).toEqual(value);
});
