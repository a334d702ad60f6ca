/*
 * Values that differ from run to run (ids, tokens): `{{name}}` in a vector, its value on the wire.
 */

/** Values by name, put in and taken out of texts and of bytes in hexadecimal. */
export class Variables {
  readonly #values = new Map<string, string>();

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /** Replaces every `{{name}}`, and `{{hex:name}}` by the bytes of the value. */
  fill(text: string): string {
    return text.replace(/\{\{(hex:)?([^}]+)\}\}/g, (_whole, hex: string | undefined, name: string) => {
      const value = this.#values.get(name);
      if (value === undefined) throw new Error(`nothing is known as ${name} yet`);
      return hex === undefined ? value : Buffer.from(value).toString('hex');
    });
  }

  /** The way back: every known value of 16 letters or more becomes its name. Shorter ones could be anything. */
  hide(text: string, encoding: 'text' | 'hex'): string {
    let hidden = text;
    for (const [name, value] of this.#values) {
      if (value.length < 16) continue;
      if (encoding === 'text') hidden = hidden.replaceAll(value, `{{${name}}}`);
      else hidden = hidden.replaceAll(Buffer.from(value).toString('hex'), `{{hex:${name}}}`);
    }
    return hidden;
  }

  /** Remembers what the first group of each pattern finds, and puts its name there. */
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
