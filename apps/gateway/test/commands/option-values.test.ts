// Every option of every command refuses an empty value, and values that it cannot use.
import type { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { program } from '../../src/commands/program.js';

beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true));
afterEach(() => void vi.restoreAllMocks());

/** All options and arguments with a value: the words of a command line that gives the value, and the name in the message. */
function valuesOf(command: Command, path: readonly string[] = []): readonly [string, string][] {
  const options = command.options.filter(({ required }) => required);
  const own = [
    ...options.map(({ long, flags }): [string, string] => [[...path, long].join(' '), flags]),
    ...command.registeredArguments.map((argument): [string, string] => [path.join(' '), argument.name()]),
  ];
  return [...own, ...command.commands.flatMap((child) => valuesOf(child, [...path, child.name()]))];
}

test.each(valuesOf(program))(
  'the command millrace %s refuses an empty value, and names %s',
  async (words, name) => {
    for (const empty of ['', '  '])
      await expect(program.parseAsync([...words.split(' '), empty], { from: 'user' })).rejects.toThrow(
        new RegExp(`'${name.replaceAll(/[[\]<>]/g, '\\$&')}'.*must not be empty`),
      );
  },
);

test.each([
  ['token --minutes 5256001', /'--minutes <n>'.*5256000 at most/],
  ['token --rooms ,', /'--rooms <ids>'.*at least one/],
  ['tail --count 9007199254740992', /'--count <n>'.*9007199254740991 at most/],
  ['tail --url http://ann:secret@host', /--url must be an address without a user and a password/],
  ['tail --token a\tb', /--token must be printable ASCII/],
  ['erase --key ä', /--key must be printable ASCII/],
])('the command millrace %s is refused with the name of the option and its rule', async (line, message) => {
  const words = line.split(' ');
  await expect(program.parseAsync(words, { from: 'user' })).rejects.toThrow(message);
  await expect(program.parseAsync(words, { from: 'user' })).rejects.not.toThrow(/secret|a\tb|ä/);
});
