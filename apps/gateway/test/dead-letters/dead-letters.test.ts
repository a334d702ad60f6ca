// The list of dead letters of several streams, and the actions on them.
import { type Broker, createMemoryBroker } from '@millrace/broker';
import { type Clock, systemClock } from '@millrace/internal';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  applyToDeadLetters,
  type DeadLetterSelection,
  outcomeJson,
  outcomeText,
} from '../../src/dead-letters/dead-letter-actions.js';
import {
  eachDeadLetter,
  findDeadLetter,
  newestDeadLetters,
  streamsNamed,
} from '../../src/dead-letters/dead-letter-list.js';

const chat = 'events:chat';
const ticket = 'events:ticket';
let nowMs = 1_000;
let broker: Broker;

beforeEach(async () => {
  nowMs = 1_000;
  broker = await openBroker();
});

describe('the list', () => {
  it('the list has dead letters of all streams, newest first, and the next page has older ones', async () => {
    const all = [await reject(chat), await reject(ticket), await reject(chat), await reject(ticket)];
    const streams = streamsNamed(broker, undefined);
    const first = await newestDeadLetters(broker, streams, { limit: 3 });
    expect(first.map(({ id }) => id)).toEqual(all.slice(1).toReversed());
    expect(first.map(({ stream }) => stream)).toEqual([ticket, chat, ticket]);
    const next = await newestDeadLetters(broker, streams, { limit: 3, before: all[1] ?? '' });
    expect(next.map(({ id }) => id)).toEqual([all[0]]);
    expect((await newestDeadLetters(broker, [chat], { limit: 9 })).map(({ id }) => id)).toEqual([
      all[2],
      all[0],
    ]);
  });

  it('two dead letters with the same ID are on the same page, so that neither is skipped', async () => {
    const older = await reject(chat);
    nowMs += 5;
    const ids = [await reject(chat, 0), await reject(ticket, 0)];
    expect(ids[0]).toBe(ids[1]);
    const page = await newestDeadLetters(broker, [chat, ticket], { limit: 1 });
    expect(page.map(({ id }) => id)).toEqual(ids);
    const next = await newestDeadLetters(broker, [chat, ticket], { limit: 1, before: ids[0] ?? '' });
    expect(next.map(({ id }) => id)).toEqual([older]);
  });
});

describe('a name of a stream', () => {
  it('a stream’s name also selects its partitions, and a partition’s name selects only itself', async () => {
    const parted = await openBroker(3);
    const partitions = [0, 1, 2].map((index) => `${chat}.p${index}`);
    expect(streamsNamed(parted, chat)).toEqual([chat, ...partitions]);
    expect(streamsNamed(parted, `${chat}.p1`)).toEqual([`${chat}.p1`]);
    expect(streamsNamed(parted, undefined)).toHaveLength(8);
  });

  it.each(['events', 'events:cha', 'events:chat.p', 'events:chat.p7', ''])(
    'the unknown stream %j is refused, and the error message names the existing streams',
    (name) => {
      expect(() => streamsNamed(broker, name)).toThrow(
        expect.objectContaining({
          code: 'invalid_arguments',
          message: expect.stringContaining('events:chat, events:ticket'),
        }),
      );
    },
  );
});

describe('an ID', () => {
  it('a dead letter is found by its ID in any of the streams', async () => {
    await reject(chat);
    const id = await reject(ticket);
    expect(await findDeadLetter(broker, [chat, ticket], id)).toMatchObject({
      id,
      stream: ticket,
      reason: 'why',
    });
    expect(await findDeadLetter(broker, [chat], id)).toBeUndefined();
  });

  it('an ID that exists in two streams is refused unless the stream is named', async () => {
    const id = await reject(chat, 0);
    expect(await reject(ticket, 0)).toBe(id);
    await expect(findDeadLetter(broker, [chat, ticket], id)).rejects.toMatchObject({
      code: 'invalid_arguments',
      message: expect.stringMatching(/events:chat and events:ticket.*--stream/),
    });
    expect(await findDeadLetter(broker, [ticket], id)).toMatchObject({ stream: ticket });
  });
});

describe('replaying', () => {
  it('requeueing reports the outcome for each ID, and requeues no entry twice', async () => {
    const good = await reject(chat);
    const empty = await reject(ticket, 1, {});
    const outcomes = await apply('replay', { ids: [good, '9-9', empty, good] });
    expect(outcomes).toEqual([
      { stream: chat, id: good, status: 'replayed', newId: expect.any(String) },
      { id: '9-9', status: 'not_found' },
      { stream: ticket, id: empty, status: 'not_replayable' },
      { id: good, status: 'not_found' },
    ]);
    expect((await broker.inspect(chat)).length).toBe(1);
    expect((await broker.inspect(ticket)).deadLetters).toBe(1);
  });

  it('requeueing all dead letters ends even if each entry is rejected again at once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 45; n++) ids.push(await reject(chat));
    const seen: string[] = [];
    for await (const outcome of applyToDeadLetters(broker, [chat, ticket], 'replay', {
      limit: Number.POSITIVE_INFINITY,
    })) {
      seen.push(outcome.id);
      await reject(chat);
    }
    expect(seen).toEqual(ids);
    expect(await broker.inspect(chat)).toMatchObject({ length: 45, deadLetters: 45 });
  });
});

describe('dropping', () => {
  it('dropping all dead letters takes one stream after the other, oldest first, and stops at the limit', async () => {
    const ids = [await reject(chat), await reject(ticket), await reject(chat), await reject(ticket)];
    const outcomes = await apply('drop', { limit: 3 });
    expect(outcomes.map(({ id }) => id)).toEqual([ids[0], ids[2], ids[1]]);
    expect(outcomes.every(({ status }) => status === 'dropped')).toBe(true);
    expect((await newestDeadLetters(broker, [chat, ticket], { limit: 9 })).map(({ id }) => id)).toEqual([
      ids[3],
    ]);
    expect((await broker.inspect(chat)).length).toBe(0);
  });

  it('dropping a dead letter that was already removed reports that it was not found', async () => {
    const id = await reject(chat);
    const deadLetters = eachDeadLetter(broker, [chat], 9);
    expect((await deadLetters.next()).value).toMatchObject({ id });
    await apply('drop', { ids: [id] });
    expect(await apply('drop', { ids: [id] })).toEqual([{ id, status: 'not_found' }]);
  });
});

it('every outcome can be formatted as text and as a line of JSON', () => {
  const outcomes = [
    { stream: chat, id: '1-1', status: 'replayed', newId: '2-2' },
    { stream: chat, id: '1-1', status: 'dropped' },
    { id: '1-1', status: 'not_found' },
    { stream: chat, id: '1-1', status: 'not_replayable' },
  ] as const;
  expect(outcomes.map(outcomeText)).toEqual([
    'replayed  events:chat  1-1  as 2-2',
    'dropped  events:chat  1-1',
    'not found: 1-1 is not a dead letter (any more)',
    'not replayable: the exact content of the entry of 1-1 in events:chat is not known; drop is possible',
  ]);
  expect(outcomes.map((outcome) => JSON.parse(outcomeJson(outcome)) as unknown)).toEqual([
    { stream: chat, id: '1-1', status: 'replayed', entry_id: '2-2' },
    { stream: chat, id: '1-1', status: 'dropped', entry_id: null },
    { stream: null, id: '1-1', status: 'not_found', entry_id: null },
    { stream: chat, id: '1-1', status: 'not_replayable', entry_id: null },
  ]);
});

async function openBroker(partitions = 1): Promise<Broker> {
  const clock: Clock = { ...systemClock, wallMs: () => nowMs };
  const streams = [chat, ticket].map((name) => ({ name, maxLength: 100, partitions }));
  const opened = createMemoryBroker({ streams, clock });
  await opened.open();
  return opened;
}

let origins = 0;

/** Rejects an entry `laterMs` after the previous rejection. Returns the ID of the new dead letter. */
async function reject(
  stream: string,
  laterMs = 1,
  fields: Readonly<Record<string, string>> = { n: '1' },
): Promise<string> {
  nowMs += laterMs;
  origins += 1;
  const entry = { id: `${origins}-1`, fields };
  await broker.deadLetter({ stream, entry, reason: 'why', rejectedBy: 'gateway-1' });
  const [deadLetter] = await broker.listDeadLetters(stream, { count: 1, direction: 'backward' });
  return deadLetter?.id ?? '';
}

async function apply(action: 'replay' | 'drop', selection: DeadLetterSelection) {
  const outcomes = [];
  for await (const outcome of applyToDeadLetters(broker, [chat, ticket], action, selection))
    outcomes.push(outcome);
  return outcomes;
}
