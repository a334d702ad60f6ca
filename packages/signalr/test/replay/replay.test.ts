/*
 * Conversations that were recorded with an ASP.NET Core server. Millrace answers with the same bytes, except for the intended
 * differences in `replay/differences.ts`.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ADDED_HEADERS, DIFFERENCES } from './differences.js';
import { startEndpoint } from './endpoints.js';
import { Player } from './player.js';
import type { Ended, HttpAnswer, Received, VectorCase, VectorFile } from './vector.js';

type Seen = HttpAnswer | Received | Ended | undefined;

const FILES = [
  'negotiate',
  'handshake',
  'json',
  'message-pack',
  'streams',
  'http',
  'reconnect',
  'addressing',
];

function read(file: string): VectorFile {
  const url = new URL(`../vectors/${file}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as VectorFile; // written by the recorder, in this format
}

const seenAdditions = new Set<string>();

/** Removes the headers that Millrace adds and the recorded answer does not have. */
function withoutAdded(ours: Seen, recorded: Seen): Seen {
  if (ours === undefined || !('headers' in ours)) return ours;
  const lacked = recorded !== undefined && 'headers' in recorded ? recorded.headers : {};
  const headers = Object.entries(ours.headers).filter(([name, value]) => {
    const isAdded = ADDED_HEADERS[name]?.value === value && lacked[name] === undefined;
    if (isAdded) seenAdditions.add(name);
    return !isAdded;
  });
  return { ...ours, headers: Object.fromEntries(headers) };
}

/**
 * Plays a conversation up to the first step that differs. Returns the recorded step and Millrace's step, or undefined if no
 * step differs.
 */
async function firstDifference(vector: VectorCase) {
  await using endpoint = await startEndpoint(vector.endpoint);
  await using player = new Player(endpoint.played);
  for (const step of vector.steps) {
    const recorded = 'expect' in step ? step.expect : undefined;
    const played = await player.play(step);
    const ours = 'expect' in played ? withoutAdded(played.expect, recorded) : undefined;
    if (JSON.stringify(ours) !== JSON.stringify(recorded)) return { recorded, ours };
  }
  return undefined;
}

describe.each(FILES)('recorded: %s', (file) => {
  const { cases } = read(file);
  test.concurrent.each(cases.map((vector) => [vector.name, vector] as const))(
    'the replay of the recorded conversation “%s” has the expected answers',
    async (name, vector) => {
      const difference = await firstDifference(vector);
      const meant = DIFFERENCES[`${file}: ${name}`];
      if (meant === undefined) expect(difference?.ours).toEqual(difference?.recorded);
      else expect(difference?.ours).toEqual(meant.ours);
    },
  );

  test('every recorded case has a unique name', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });
});

test('every difference is described in docs/compatibility.md', () => {
  const url = new URL('../../docs/compatibility.md', import.meta.url);
  const text = readFileSync(url, 'utf8').replace(/\s+/g, ' ');
  const differences = [...Object.values(DIFFERENCES), ...Object.values(ADDED_HEADERS)];
  const untold = differences.filter(({ why }) => !text.includes(why));
  expect(untold.map(({ why }) => why)).toEqual([]);
});

test('every header that Millrace adds occurs in a replay', () => {
  expect([...seenAdditions].toSorted()).toEqual(Object.keys(ADDED_HEADERS).toSorted());
});

test('every difference belongs to a recorded case', () => {
  const names = FILES.flatMap((file) => read(file).cases.map(({ name }) => `${file}: ${name}`));
  expect(Object.keys(DIFFERENCES).filter((name) => !names.includes(name))).toEqual([]);
});
