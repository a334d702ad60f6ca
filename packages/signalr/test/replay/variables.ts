/* Values that differ from run to run (ids, tokens). A vector contains `{{name}}` where the wire contains the value. */

/** Values by name. `fill` inserts them into text and hexadecimal bytes, and `hide` replaces them by their names again. */
export class Variables {
  readonly #values = new Map<string, string>();

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /** Replaces every `{{name}}` by its value, and every `{{hex:name}}` by the bytes of its value in hexadecimal. */
  fill(text: string): string {
    return text.replace(/\{\{(hex:)?([^}]+)\}\}/g, (_whole, hex: string | undefined, name: string) => {
      const value = this.#values.get(name);
      if (value === undefined) throw new Error(`nothing is known as ${name} yet`);
      return hex === undefined ? value : Buffer.from(value).toString('hex');
    });
  }

  /**
   * Replaces every known value of at least 16 characters by its name. A shorter value is not replaced, because other text
   * could contain it.
   */
  hide(text: string, encoding: 'text' | 'hex'): string {
    let hidden = text;
    for (const [name, value] of this.#values) {
      if (value.length < 16) continue;
      if (encoding === 'text') hidden = hidden.replaceAll(value, `{{${name}}}`);
      else hidden = hidden.replaceAll(Buffer.from(value).toString('hex'), `{{hex:${name}}}`);
    }
    return hidden;
  }

  /** Stores the text that the first group of each pattern matches. Replaces this text by the name of the pattern. */
  capture(text: string, patterns: Readonly<Record<string, string>>): string {
    let hidden = text;
    for (const [name, pattern] of Object.entries(patterns)) {
      const match = new RegExp(pattern, 'd').exec(hidden);
      const [start, end] = match?.indices?.[1] ?? [];
      if (start === undefined || end === undefined) throw new Error(`no ${name} in ${hidden}`);
      this.set(name, hidden.slice(start, end));
      hidden = `${hidden.slice(0, start)}{{${name}}}${hidden.slice(end)}`;
    }
    return hidden;
  }
}
