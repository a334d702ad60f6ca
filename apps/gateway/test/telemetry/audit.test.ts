// The audit log: which acts it contains, who did them, and how they ended.
import { readFileSync } from 'node:fs';
import { BrokerError, createMemoryBroker } from '@millrace/broker';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { auditedDeadLetters } from '../../src/dead-letters/audited-dead-letters.js';
import { AUDIT_ACTIONS, type AuditRecord, createAudit, operator } from '../../src/telemetry/audit.js';

const chat = 'events:chat';

async function setUp() {
  const broker = createMemoryBroker({ streams: [{ name: chat, maxLength: 100 }] });
  await broker.open();
  const entry = { id: '1-1', fields: { n: '1' } };
  await broker.deadLetter({ stream: chat, entry, reason: 'wrong', rejectedBy: 'test' });
  const records: AuditRecord[] = [];
  const audited = auditedDeadLetters(broker, (record) => records.push(record), 'ana@box');
  return { broker, audited, records };
}

test('a replay, a drop and a refused repetition each have one record in the audit log', async () => {
  const { broker, audited, records } = await setUp();
  const [deadLetter] = await broker.listDeadLetters(chat, { count: 1 });
  const id = deadLetter?.id ?? '';
  const by = 'ana@box';
  const target = { stream: chat, id };
  const replay = await audited.requeueDeadLetter(chat, id);
  await audited.requeueDeadLetter(chat, id);
  await audited.dropDeadLetters(chat, [id]);
  expect(records).toEqual([
    {
      action: 'dead_letter_replay',
      by,
      target: { ...target, entry_id: replay.status === 'requeued' ? replay.id : '' },
      outcome: 'done',
    },
    { action: 'dead_letter_replay', by, target, outcome: 'refused', reason: 'not_found' },
    { action: 'dead_letter_drop', by, target, outcome: 'refused', reason: '0 of 1 were there' },
  ]);
});

test('an act that ends with an error has a record in the audit log', async () => {
  const { broker, records } = await setUp();
  const broken = {
    partitioning: broker.partitioning,
    listDeadLetters: broker.listDeadLetters.bind(broker),
    readDeadLetter: broker.readDeadLetter.bind(broker),
    requeueDeadLetter: () => Promise.reject(new BrokerError('timeout', 'no answer')),
    dropDeadLetters: () => Promise.reject(new BrokerError('timeout', 'no answer')),
  };
  const audited = auditedDeadLetters(broken, (record) => records.push(record), 'ana@box');
  await expect(audited.requeueDeadLetter(chat, '1-1')).rejects.toThrow('no answer');
  await expect(audited.dropDeadLetters(chat, ['1-1', '1-2'])).rejects.toThrow('no answer');
  expect(records.map(({ action, outcome, reason }) => [action, outcome, reason])).toEqual([
    ['dead_letter_replay', 'failed', 'no answer'],
    ['dead_letter_drop', 'failed', 'no answer'],
    ['dead_letter_drop', 'failed', 'no answer'],
  ]);
});

test.each([
  ['error', 1],
  ['info', 1],
  ['silent', 0],
])('a gateway with the log level %s writes %i lines for an act', (level, count) => {
  const lines: string[] = [];
  const logger = pino({ level }, { write: (line: string) => lines.push(line) });
  createAudit(logger)({ action: 'reload_secrets', by: 'SIGHUP', outcome: 'done' });
  expect(lines).toHaveLength(count);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({
      msg: 'audit',
      audit: { action: 'reload_secrets', by: 'SIGHUP', outcome: 'done' },
    });
});

test('the operator of a command is the person who called sudo, or else the user of the process', () => {
  expect(operator({ SUDO_USER: 'ana' })).toMatch(/^ana@.+/);
  expect(operator({})).toMatch(/^[^@]+@.+/);
});

test('the page docs/operations.md lists every audited action and no other', () => {
  const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
  const table = page.split('| action |')[1]?.split('\n\n')[0] ?? '';
  const actions = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, action]) => action);
  expect(new Set(actions)).toEqual(new Set(Object.keys(AUDIT_ACTIONS)));
});
