// A person's initials on a disc. The colour depends on the person.
import type { CSSProperties } from 'react';
import type { Person } from '../../src/api-types.js';

const colours = [
  ['#dcebe0', '#235a3a'],
  ['#e4e4f6', '#40408c'],
  ['#fbe6d4', '#84420f'],
  ['#f7e0e6', '#86274a'],
  ['#d9ecf5', '#155674'],
  ['#efe8d0', '#62500b'],
] as const;

/** The avatar of a person. Hidden from screen readers, because the name is beside it. */
export function Avatar({ person, size }: { readonly person: Person; readonly size?: string }) {
  const [background, ink] = colours[hashOf(person.id) % colours.length] ?? colours[0];
  const style = {
    '--avatar-background': background,
    '--avatar-ink': ink,
    ...(size === undefined ? {} : { '--avatar-size': size }),
  } as CSSProperties;
  return (
    <span className="avatar" style={style} aria-hidden="true">
      {initialsOf(person.fullName)}
    </span>
  );
}

function initialsOf(fullName: string): string {
  const words = fullName.split(/\s+/);
  return `${words[0]?.[0] ?? ''}${words.at(-1)?.[0] ?? ''}`;
}

function hashOf(text: string): number {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + character.charCodeAt(0)) % 9_973;
  return hash;
}
