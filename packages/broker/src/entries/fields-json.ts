// Parses the fields of an entry from the JSON text in a dead letter.

/**
 * Returns the fields, or no fields if the text is not a JSON object of strings. Never throws, because another process may have
 * written the text.
 */
export function parseFieldsJson(text: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The text is not JSON, so there are no fields to show.
    return {};
  }
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => typeof field === 'string');
}
