// Finds the name that was probably meant by a misspelt name. Pure.

/**
 * Finds the candidate that begins with `name` and `_`. If there is none, finds the candidate that needs the fewest edits.
 * Returns `undefined` if that candidate needs more than one edit per three characters of `name`.
 *
 * @param sharedPrefix the beginning that all candidates share. It does not count towards the length of the name
 * @internal
 */
export function nearestName<Name extends string>(
  name: string,
  candidates: readonly Name[],
  sharedPrefix = '',
): Name | undefined {
  const ownLength = name.length - sharedPrefix.length;
  const longer = candidates.find((candidate) => ownLength > 2 && candidate.startsWith(`${name}_`));
  const [nearest] = candidates
    .map((candidate) => ({ candidate, edits: editsBetween(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const isNear = nearest !== undefined && nearest.edits <= Math.max(1, Math.ceil(ownLength / 3));
  return longer ?? (isNear ? nearest.candidate : undefined);
}

/** Levenshtein distance, computed one row of its table at a time. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (from[index] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
