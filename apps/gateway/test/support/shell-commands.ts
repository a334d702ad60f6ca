// Reads the commands of a block of shell code, as far as pages use the language: quotes, comments, variables, pipes and `$(…)`.

/** A command: the variables that are set for it, and its words without quotes. */
export interface ShellCommand {
  readonly variables: readonly string[];
  readonly words: readonly string[];
}

/** One word, one operator, or a comment. A word may consist of quoted and unquoted parts, and of `$(…)`. */
const TOKEN =
  /[^\S\n]*(?:(\\\n)|(#[^\n]*)|(\n|;|&&|\|\||\||&(?!>))|((?:\$\((?:[^()]|\([^()]*\))*\)|'[^']*'|"(?:\\.|\$\([^()]*\)|[^"\\])*"|\\.|[^\s;|&'"\\])+))/gy;

/** A text that is the input of a command: from `<<END` to the line `END`. */
const HERE_DOCUMENT = /<<-?\s*(['"]?)(\w+)\1([^\n]*)\n[\s\S]*?\n\s*\2(?=\n|$)/g;

/** Returns all commands of the code, those inside of `$(…)` too. */
export function shellCommands(code: string): readonly ShellCommand[] {
  const commands: string[][] = [[]];
  for (const [, , , operator, word] of `${code.replaceAll(HERE_DOCUMENT, '$3')}\n`.matchAll(TOKEN)) {
    if (operator !== undefined) commands.push([]);
    else if (word !== undefined) commands.at(-1)?.push(word);
  }
  return commands.filter((words) => words.length > 0).flatMap(withInner);
}

function withInner(words: readonly string[]): readonly ShellCommand[] {
  const inner = words.flatMap((word) =>
    Array.from(word.matchAll(/\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g)).flatMap(([, code = '']) =>
      shellCommands(code),
    ),
  );
  const given = words[0] === 'export' ? words.slice(1) : words;
  const first = given.findIndex((word) => !/^\w+=/.test(word));
  const end = first === -1 ? given.length : first;
  return [
    {
      variables: given.slice(0, end).map((word) => word.slice(0, word.indexOf('='))),
      words: given.slice(end).map((word) => word.replaceAll(/(['"])(.*?)\1/gs, '$2')),
    },
    ...inner,
  ];
}
