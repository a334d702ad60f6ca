// The size of a text in UTF-8. Browsers have no faster way to count the bytes without a copy of the text.

/** Returns the number of bytes of a text in UTF-8. A lone surrogate counts as three bytes, like its replacement character. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    bytes += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }
  return bytes;
}
