// Finds the titles of tests in the text of a test file: the first argument of `test(…)` and `it(…)`, with `.each(…)`, `.for(…)`,
// `.skipIf(…)` and types in front of it. A title that is not written there (a variable) is left out.

/** The titles in `text`, with their lines from 1. */
export function testTitles(text) {
  return Array.from(text.matchAll(/^[ \t]*(?:it|test)\b/gm)).flatMap((match) => {
    const title = titleBehind(text, match.index + match[0].length);
    if (title === undefined) return [];
    return [{ title, line: text.slice(0, match.index).split('\n').length }];
  });
}

/** Skips `.name`, `<types>` and `(groups)` until a group begins with a text. */
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

/** The index behind the bracket that closes the one at `at`; brackets in texts do not count. */
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

/** The text between the quote at `at` and the next one like it, as it is written. */
function textAt(text, at) {
  const quote = text[at];
  for (let index = at + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === quote) return text.slice(at + 1, index);
  }
  return undefined;
}
