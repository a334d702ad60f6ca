// Checks the rules of the project for which no linter exists: length of files, number of files in a folder, retired words,
// beginnings of comments, titles of tests, and paths, links and code in pages. If paths are given as arguments, only the files below them are
// checked.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import nlp from 'compromise';
import { retiredWords } from './house-words.mjs';
import { anchorFindings, blockFindings, shownTexts } from './pages.mjs';
import { testTitles } from './test-titles.mjs';

const MAX_LINES = 400;
/** Maximum number of code files directly in a `src` folder. `MAX_FOLDER_FILES` is the maximum for any other folder. */
const MAX_LOOSE_FILES = 10;
const MAX_FOLDER_FILES = 24;

const CODE_ENDINGS = new Set(['.ts', '.tsx', '.mjs', '.js', '.cs', '.css']);
const isCode = (path) => CODE_ENDINGS.has(extname(path)) && !path.endsWith('.d.mts');
const isTest = (path) => /\.test(-d)?\.(tsx?|mjs)$/.test(path) || path.includes('/conformance/');

/** The files of the house rules and their test. They contain the words that the rules search for. */
const OWN = /^scripts\/(test\/)?house/;

/** Formats a finding as one line: the place, and the remedy. */
function finding(path, line, text) {
  return `${path}:${line}  ${text}`;
}

function lengthFindings(path, lines) {
  if (!isCode(path) || path.endsWith('.css') || lines.length <= MAX_LINES) return [];
  return [finding(path, lines.length, `${lines.length} lines; at most ${MAX_LINES}: split it by subject`)];
}

/**
 * Matches a comment that begins with a forbidden word, on its own line, in JSX or behind code. Does not match the `://` of a URL.
 */
const COMMENT_OPENING =
  /(?:^|[\s;,{}()])(?:\/\/|\/\*\*?)\s+(What|Who|Whether|Told|Of)\b|^\s*\*\s+(What|Who|Whether|Told|Of)\b/;

function commentFindings(path, lines) {
  if (!isCode(path) || OWN.test(path)) return [];
  return lines.flatMap((line, index) => {
    const match = COMMENT_OPENING.exec(line);
    return match === null
      ? []
      : [finding(path, index + 1, `a comment opens with "${match[1] ?? match[2]}": begin with the subject`)];
  });
}

/** Files whose hash is part of the results in docs/performance.md. Their comments change only together with a new measurement. */
const MEASURED = /^bench\/src\/(floor|peers|traffic\/(chat-payload|events|metronome|publisher)\.)/;

/**
 * Finds retired words. Some files may contain them: the list of retired words, its test, the changelogs and
 * docs/upgrading.md.
 */
function wordFindings(path, lines) {
  const mayName =
    /^scripts\/(test\/)?house/.test(path) || /(^|\/)CHANGELOG\.md$|^docs\/upgrading\.md$/.test(path);
  if (mayName || MEASURED.test(path)) return [];
  return (path.endsWith('.md') ? withoutGenerated(lines) : lines).flatMap((line, index) =>
    retiredWords
      .filter(({ pattern, inside }) => (inside === undefined || inside.test(path)) && pattern.test(line))
      .map(({ pattern, use }) => finding(path, index + 1, `"${pattern.exec(line)?.[0].trim()}": ${use}`)),
  );
}

/**
 * Replaces the lines of a page's generated blocks with empty lines. The text of such a block is checked in the program that
 * writes it.
 */
function withoutGenerated(lines) {
  let isInside = false;
  return lines.map((line) => {
    if (line.startsWith('<!-- begin ')) isInside = true;
    if (line.startsWith('<!-- end ')) isInside = false;
    return isInside ? '' : line;
  });
}

/** The language library takes these verbs for plural nouns. */
nlp.plugin({ words: { hears: 'PresentTense', holds: 'PresentTense', survives: 'PresentTense' } });
const FINITE_VERB = '(#PresentTense|#PastTense|#Copula|#Modal|#Auxiliary|#Infinitive)';

/** Matches a title that begins with a condition or a relative clause instead of its subject. */
const BURIED_SUBJECT =
  /^(after|although|as|at|because|before|behind|beside|between|beyond|by|during|for|from|however|if|in|inside|of|on|once|only|outside|over|since|so|than|then|there|through|to|under|unless|until|what(ever)?|when|where|while|who(ever)?|with(in|out)?)\b/i;

/** True when a title is a full statement: it begins with its subject and has a finite verb. */
export function isStatement(title) {
  if (BURIED_SUBJECT.test(title)) return false;
  const plain = title.replace(/\$\{[^}]*\}|\$\w+|%[sdijo#]|`[^`]*`|"[^"]*"/g, 'it').replace(/\(.*?\)/g, '');
  if (plain.trim().split(/\s+/).length < 3) return false;
  const text = nlp(`${plain.charAt(0).toUpperCase()}${plain.slice(1)}.`);
  const [first, second] = text.json({ offset: false })[0]?.terms ?? [];
  if (first === undefined || !text.has(FINITE_VERB)) return false;
  if (!isVerb(first)) return !(first.normal === 'that' && second !== undefined && isVerb(second));
  return isSubject(first, second) && nlp(plain.trim().split(/\s+/).slice(1).join(' ')).has(FINITE_VERB);
}

const isVerb = ({ tags }) => tags.includes('Verb') && !tags.includes('Gerund') && !tags.includes('Auxiliary');

/**
 * Tells whether a title's first word belongs to the subject although it could be a verb. It may be a noun in front of a verb
 * ("marks are", "fetch reads"), or an adjective in front of a noun ("stored entries").
 */
function isSubject(first, second) {
  if (second === undefined || first.tags.includes('Copula')) return false;
  const isBefore = (...tags) => tags.some((tag) => second.tags.includes(tag));
  const isBeforeVerb = !first.normal.endsWith('s') && isBefore('PresentTense') && second.normal.endsWith('s');
  const isParticiple = first.tags.includes('PastTense') && isBefore('Plural');
  return isBefore('Copula', 'Auxiliary', 'Modal') || isBeforeVerb || isParticiple;
}

/**
 * The only files of the gateway that send to clients. Every message of an event goes through one of the senders, so that order, slow
 * clients, removals and resuming hold for it. A new hub, route or loop gives its events to them instead of sending itself.
 */
const SENDERS =
  /^apps\/gateway\/src\/(rooms\/(connection-notices|connection-rooms|receivers|room-sender|stream-losses)|presence\/compose-presence|reads\/room-stream|views\/view-(connection|rooms|sender))\.ts$/;
const USE_OF_CLIENTS =
  /\bclients\.(all|caller|client|group|other|user)|=\s*[\w.#]+\.clients;|\{[^{}]*(?<!\.)\bclients\b[^{}]*\}\s*[=):]/;

function sendFindings(path, lines) {
  if (!path.startsWith('apps/gateway/src/') || SENDERS.test(path)) return [];
  return lines.flatMap((line, index) =>
    /^\s*(\/\/|\*|\/\*)/.test(line) || !USE_OF_CLIENTS.test(line)
      ? []
      : [
          finding(
            path,
            index + 1,
            'this code can send past delivery: let RoomSender, ViewSender or ConnectionRooms send',
          ),
        ],
  );
}

function titleFindings(path, text) {
  if (!isTest(path)) return [];
  return testTitles(text)
    .filter(({ title }) => !isStatement(title))
    .map(({ title, line }) =>
      finding(path, line, `the title "${title}" is not a full statement (subject first, then a verb)`),
    );
}

/** Returns a finding for each folder that contains too many of the code files among `paths`. */
export function folderFindings(paths) {
  const counts = new Map();
  for (const path of paths) {
    if (!isCode(path)) continue;
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  return Array.from(counts).flatMap(([folder, count]) => {
    const most = folder.endsWith('/src') ? MAX_LOOSE_FILES : MAX_FOLDER_FILES;
    return count <= most
      ? []
      : [finding(folder, 0, `${count} files; at most ${most}: put them into folders by subject`)];
  });
}

/** Matches paths of files in backticks, from the root of the repository or of a package, and links to files. */
const NAMED_PATH = /`((?:[\w.-]+\/)+[\w.-]+\.(?:tsx?|mjs|js|json|md))`|\]\(([^)#:\s]+)(?:#[^)]*)?\)/g;

/** Returns a finding for each path in a page that does not exist, for example because the file was moved. */
export function pathFindings(page, text, files) {
  if (page.endsWith('CHANGELOG.md')) return [];
  const exists = (path) => files.some((file) => file === path || file.endsWith(`/${path}`));
  const isLinked = (path) => files.some((file) => file === path || file.startsWith(`${path}/`));
  return withoutGenerated(text.split('\n')).flatMap((line, index) =>
    Array.from(line.matchAll(NAMED_PATH)).flatMap(([, path, link]) => {
      const linked = link === undefined ? undefined : join(dirname(page), link).replace(/\/$/, '');
      const isFound = linked === undefined ? exists(path) : linked === '.' || isLinked(linked);
      return isFound ? [] : [finding(page, index + 1, `there is no file ${path ?? link}: correct the path`)];
    }),
  );
}

/** Returns the findings in one file. */
export function fileFindings(path, text) {
  const lines = text.trimEnd().split('\n');
  return [
    ...lengthFindings(path, lines),
    ...commentFindings(path, lines),
    ...wordFindings(path, lines),
    ...sendFindings(path, lines),
    ...titleFindings(path, text),
  ];
}

function trackedFiles(paths) {
  return execFileSync('git', ['ls-files', '--', ...paths], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

/** Returns the findings in all tracked files below the given paths. */
function findingsIn(paths) {
  const files = trackedFiles([]);
  const tracked = trackedFiles(paths);
  const read = tracked.filter((path) => isCode(path) || path.endsWith('.md'));
  const evidence = evidenceOf(files);
  const readPage = (path) => (files.includes(path) ? readFileSync(path, 'utf8') : undefined);
  const pageFindings = (path, text) => [
    ...pathFindings(path, text, files),
    ...anchorFindings(path, text, readPage),
    ...blockFindings(path, text, evidence),
  ];
  return [
    ...folderFindings(tracked),
    ...read.flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      return [...fileFindings(path, text), ...(path.endsWith('.md') ? pageFindings(path, text) : [])];
    }),
  ];
}

/** The texts with which the code in pages is compared: all tests with their fixtures, and all examples that a test names. */
function evidenceOf(files) {
  const tests = files
    .filter((path) => isCode(path) && /(^|\/)(test|e2e)\//.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const isTested = (path) =>
    /\/test\/(readme|examples)\//.test(path) || tests.includes(path.replace(/^(examples|deploy)\//, ''));
  const examples = files.filter(
    (path) => /^(examples|deploy)\/|\/test\/(readme|examples)\//.test(path) && isTested(path),
  );
  return { tests, examples: new Set(examples.flatMap((path) => shownTexts(readFileSync(path, 'utf8')))) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const findings = findingsIn(process.argv.slice(2));
  for (const line of findings) console.log(line);
  if (findings.length > 0) {
    console.error(`house: ${findings.length} findings`);
    process.exitCode = 1;
  }
}
