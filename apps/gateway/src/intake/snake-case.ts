// Converts the names of members in JSON text from camelCase to snake_case. The values stay exactly as they were written. Pure.

const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BLANK = 0x20;
/** Only such names are converted. Others are probably data, such as the name of a person as the key of a dictionary. */
const NAMES = { camel: /^[a-z_][A-Za-z0-9_]*$/, pascal: /^[A-Za-z_][A-Za-z0-9_]*$/ } as const;
/** A word ends before a capital that follows a small letter or digit, and before the last capital of a row: `HTTPServer`. */
const WORD_ENDS = /([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g;

/** The names that are converted: those that begin with a small letter (`camel`), or all (`pascal`). */
export type NameStyle = keyof typeof NAMES;

/** Maximum number of names that are kept for each style. Entries of one program have the same names. */
const MAX_KEPT_NAMES = 1_000;
/** Maximum length of a name that is kept. */
const MAX_KEPT_CHARS = 100;
const kept = { camel: new Map<string, string>(), pascal: new Map<string, string>() };

/**
 * Converts the names of all members, at every depth. Returns `text` itself if no name changes.
 * @param text JSON text. In any other text, other strings may be changed
 */
export function withSnakeCaseNames(text: string, style: NameStyle): string {
  let changed = '';
  let copied = 0;
  for (let start = text.indexOf('"'); start >= 0; ) {
    const end = closingQuote(text, start);
    if (end < 0) break;
    // A string in front of a colon is the name of a member.
    if (isBeforeColon(text, end)) {
      const name = text.slice(start + 1, end);
      const converted = snakeCase(name, style);
      if (converted !== name) {
        changed += text.slice(copied, start + 1) + converted;
        copied = end;
      }
    }
    start = text.indexOf('"', end + 1);
  }
  return copied === 0 ? text : changed + text.slice(copied);
}

/** Returns the index of the quote that closes the string, or -1. */
function closingQuote(text: string, start: number): number {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1);
    let escapes = end - 1;
    while (text.charCodeAt(escapes) === BACKSLASH) escapes -= 1;
    if (end < 0 || (end - escapes) % 2 === 1) return end;
  }
}

function isBeforeColon(text: string, end: number): boolean {
  let next = end + 1;
  while (text.charCodeAt(next) <= BLANK) next += 1;
  return text.charCodeAt(next) === COLON;
}

/** Converts one name: `requestId` and `requestID` to `request_id`. Returns a name of another form unchanged. */
function snakeCase(name: string, style: NameStyle): string {
  const known = kept[style].get(name);
  if (known !== undefined) return known;
  const converted = NAMES[style].test(name) ? name.replace(WORD_ENDS, '$1$3_$2$4').toLowerCase() : name;
  if (kept[style].size < MAX_KEPT_NAMES && name.length <= MAX_KEPT_CHARS) kept[style].set(name, converted);
  return converted;
}
