// Fields of an entry kept as JSON text, as dead letters hold them.

/** The fields, or none where the text is not an object of texts. Never throws: another process may have written it. */
export function parseFieldsJson(text: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: nothing can be shown.
    return {};
  }
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => typeof field === 'string');
}
