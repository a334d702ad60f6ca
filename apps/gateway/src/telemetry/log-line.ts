// Formats a JSON log line for a person at a terminal.

/**
 * Fields that are not printed in parentheses. A terminal shows only one gateway, so `instance` is one of them. The others are
 * printed elsewhere in the line.
 */
const omittedFields = new Set(['level', 'time', 'msg', 'instance', 'err']);

/**
 * Returns a line such as `12:34:56 warn   broker state (broker redis, state unavailable)`. The stack of an error follows on
 * the next lines. Control characters are escaped, because text from outside the gateway must not move the cursor.
 */
export function logLineForPeople(json: string): string {
  const fact = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const { msg = '' } = fact;
  const fields = Object.entries(fact)
    .filter(([name]) => !omittedFields.has(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const time = new Date(String(fact['time'])).toTimeString().slice(0, 8);
  const head = `${time} ${String(fact['level']).padEnd(5)}  ${String(msg)}`;
  const line = fields.length === 0 ? head : `${head} (${fields.join(', ')})`;
  return `${[line, ...stackOf(fact['err'])].map(withoutControls).join('\n')}\n`;
}

function stackOf(error: unknown): readonly string[] {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return [];
  return String(error.stack).split('\n');
}

function withoutControls(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
