// The rules of the house that no linter knows: how long a file is, how many lie in one folder, words with one meaning,
// comments that begin with their subject, test titles that are full statements. With paths: only files below them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import nlp from 'compromise';
import { retiredWords } from './house-words.mjs';

const MAX_LINES = 400;
/** At the top of a package's `src`, and in any folder of sources or tests. */
const MAX_LOOSE_FILES = 10;
const MAX_FOLDER_FILES = 24;

const isCode = (path) => ['.ts', '.tsx', '.mjs', '.js'].includes(extname(path));
const isTest = (path) => /\.test(-d)?\.tsx?$/.test(path);

/** A finding as one line: where, and what to do. */
function finding(path, line, text) {
  return `${path}:${line}  ${text}`;
}

function lengthFindings(path, lines) {
  if (!isCode(path) || lines.length <= MAX_LINES) return [];
  return [finding(path, lines.length, `${lines.length} lines; at most ${MAX_LINES}: split it by subject`)];
}

function commentFindings(path, lines) {
  if (!isCode(path)) return [];
  const opening = /^\s*(?:\/\/|\/\*\*?|\*)\s+(What|Who|Whether|Told|Of)\b/;
  return lines.flatMap((line, index) => {
    const word = opening.exec(line)?.[1];
    return word === undefined
      ? []
      : [finding(path, index + 1, `a comment opens with "${word}": begin with the subject`)];
  });
}

/** The words of `path` that were replaced. The list itself and the changelogs may name them. */
export function wordFindings(path, lines) {
  if (path.startsWith('scripts/house') || path.endsWith('CHANGELOG.md') || path === 'docs/upgrading.md')
    return [];
  return lines.flatMap((line, index) =>
    retiredWords
      .filter(({ pattern, inside }) => (inside === undefined || inside.test(path)) && pattern.test(line))
      .map(({ pattern, use }) => finding(path, index + 1, `"${pattern.exec(line)?.[0].trim()}": ${use}`)),
  );
}

/** Whether a title is a full statement: somebody or something, and a verb that says what it does. */
export function isStatement(title) {
  const plain = title.replace(/\$\{[^}]*\}|\$\w+|%[sdijo]|`[^`]*`|"[^"]*"/g, 'it').replace(/\(.*?\)/g, '');
  const text = nlp(`${plain.charAt(0).toUpperCase()}${plain.slice(1)}.`);
  const [first] = text.json({ offset: false })[0]?.terms ?? [];
  if (first === undefined || plain.trim().split(/\s+/).length < 3) return false;
  const { tags } = first;
  const opensWithVerb = tags.includes('Verb') && !tags.includes('Gerund') && !tags.includes('Auxiliary');
  return !opensWithVerb && text.has('(#PresentTense|#PastTense|#Copula|#Modal|#Auxiliary|#Infinitive)');
}

function titleFindings(path, text) {
  if (!isTest(path) && !path.includes('/conformance/')) return [];
  const call =
    /^[ \t]*(?:it|test)(?:\.\w+(?:<[^>]*>)?(?:\((?:[^()]|\([^()]*\))*\))?)*\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*?)\1/gm;
  return Array.from(text.matchAll(call)).flatMap((match) => {
    const title = match[2] ?? '';
    if (isStatement(title)) return [];
    const line = text.slice(0, match.index).split('\n').length;
    return [finding(path, line, `the title "${title}" is no full statement (subject, verb)`)];
  });
}

function folderFindings(paths) {
  const counts = new Map();
  for (const path of paths) {
    if (!isCode(path) || !/\/(src|test|tests|faults|web)(\/|$)/.test(dirname(path))) continue;
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  return Array.from(counts).flatMap(([folder, count]) => {
    const most = folder.endsWith('/src') ? MAX_LOOSE_FILES : MAX_FOLDER_FILES;
    return count <= most ? [] : [finding(folder, 0, `${count} files; at most ${most}: put them into rooms`)];
  });
}

/** All findings in the tracked files below the given paths. */
function findingsIn(paths) {
  const tracked = execFileSync('git', ['ls-files', '--', ...paths], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const read = tracked.filter((path) => (isCode(path) || path.endsWith('.md')) && !path.endsWith('.d.mts'));
  return [
    ...folderFindings(tracked),
    ...read.flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      const lines = text.trimEnd().split('\n');
      return [
        ...lengthFindings(path, lines),
        ...commentFindings(path, lines),
        ...wordFindings(path, lines),
        ...titleFindings(path, text),
      ];
    }),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const findings = findingsIn(process.argv.slice(2));
  for (const line of findings) console.log(line);
  if (findings.length > 0) {
    console.error(`house: ${findings.length} findings`);
    process.exitCode = 1;
  }
}
