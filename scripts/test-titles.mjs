// Finds the titles of tests in the text of a test file. A title is the first argument of `test(…)` and `it(…)`, also after
// `.each(…)`, `.for(…)`, `.skipIf(…)` and type arguments. A title that is not a string literal, such as a variable, is left
// out.

/** Returns the titles in `text` with their line numbers, which start at 1. */
export function testTitles(text) {
  return Array.from(text.matchAll(/^[ \t]*(?:it|test)\b/gm)).flatMap((match) => {
    const title = titleBehind(text, match.index + match[0].length);
    if (title === undefined) return [];
    return [{ title, line: text.slice(0, match.index).split('\n').length }];
  });
}

/**
 * Returns the title that follows `start`. Skips `.name`, `<types>` and `(…)` until a parenthesis begins with a string
 * literal.
 */
function titleBehind(text, start) {
  let at = start;
  for (;;) {
    const name = /^\s*\.\w+/.exec(text.slice(at, at + 100));
    if (name !== null) at += name[0].length;
    else if (text[at] === '<') at = endOf(text, at, '<', '>');
    else if (text[at] === '(') {
      const opening = /^\(\s*(['"`])/.exec(text.slice(at, at + 200));
      if (opening !== null) return textAt(text, at + opening[0].length - 1);
      at = endOf(text, at, '(', ')');
    } else return undefined;
  }
}

/** Returns the index after the bracket that closes the bracket at `at`. Ignores brackets in string literals. */
function endOf(text, at, open, close) {
  let depth = 0;
  for (let index = at; index < text.length; index += 1) {
    const character = text[index];
    if (character === "'" || character === '"' || character === '`') {
      index += (textAt(text, index)?.length ?? 0) + 1;
    } else if (character === '=' && text[index + 1] === '>') index += 1;
    else if (character === open) depth += 1;
    else if (character === close) {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return text.length;
}

/** Returns the text between the quote at `at` and the next quote of the same kind. */
function textAt(text, at) {
  const quote = text[at];
  for (let index = at + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === quote) return text.slice(at + 1, index);
  }
  return undefined;
}
