// Makes text from other people safe for a terminal. Such text could otherwise send escape sequences to the terminal, or
// reverse the direction of text. Pure.

/**
 * Returns the text with control and format characters as `\uXXXX`. In JSON, these escapes stand for the same characters, so a
 * program reads the same value.
 */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => escapeOf(character.charCodeAt(at))).join(''),
  );
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
