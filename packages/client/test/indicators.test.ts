// Indicators: typing as the built-in catalog declares it, and indicators of the application's own catalog.
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { agentEvents } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { IndicatorRules } from '../src/indicators/indicator-rules.js';
import { joinAnswer, setUp } from './support/fake-gateway.js';

const ana = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301', username: 'Ana' };
const bob = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3302', username: 'Bob' };

const { agentViewing, agentLeft } = agentEvents({ expiresAfterMs: 30_000 });
const catalog = defineCatalog({
  ...eventCatalog,
  eventTypes: [...eventCatalog.eventTypes, agentViewing, agentLeft],
});

describe('the rules of a client without a catalog', () => {
  const own = new IndicatorRules();
  const declared = new IndicatorRules(eventCatalog);

  test('a client without a catalog follows the rules of the built-in catalog', () => {
    expect(own.expiries).toEqual(declared.expiries);
    const typing = { ...ana, is_typing: true };
    const payloads: [string, unknown][] = [
      ['typing_start', typing],
      ['typing_stop', { ...typing, is_typing: false }],
      ['chat_message', { sender_id: ana.user_id, content: 'Hi' }],
      ['chat_message', { sender_id: null, content: 'Hi' }],
      ['read_receipt', { user_id: ana.user_id }],
    ];
    for (const [type, payload] of payloads) {
      const { shown, ...news } = own.read(type, payload) ?? {};
      const { shown: declaredShown, ...declaredNews } = declared.read(type, payload) ?? {};
      expect(news).toEqual(declaredNews);
      expect(shown?.username).toBe(declaredShown?.username);
    }
  });

  test('the built-in indicator rules ignore a payload of an unexpected form', () => {
    for (const payload of [null, 5, 'text', {}, { user_id: 7 }])
      for (const type of ['typing_start', 'typing_stop', 'chat_message'])
        expect(own.read(type, payload)).toBeUndefined();
  });
});

describe('an indicator of the application’s own catalog', () => {
  async function inRoom() {
    const setup = setUp({ catalog });
    setup.gateway.answerTo = (method, args) =>
      method === 'JoinRoom'
        ? { ...joinAnswer(String(args[0]), 0), indicators: { agent_viewing: [bob], other: [bob] } }
        : null;
    await setup.client.connect();
    const room = setup.client.join('a');
    await room.joined;
    let position = 100;
    const receive = (type: string, payload: object): void =>
      setup.gateway.connection.event('a', position++, { type, payload });
    const show = ({ user_id, username }: typeof ana, is_viewing: boolean): void =>
      receive('agent_viewing', { agent_id: user_id, agent_name: username, is_viewing });
    return { ...setup, room, receive, show };
  }

  test('the users of an application’s own indicator are listed by a join, change with events, and expire', async () => {
    const { room, show, receive, clock } = await inRoom();
    const changes: string[] = [];
    room.onIndicatorChange((name, users) => changes.push(`${name}: ${users.map((u) => u.username).join()}`));
    expect(room.shownUsers('agent_viewing')).toEqual([bob]);
    expect(room.shownUsers('other')).toEqual([]);
    show(ana, true);
    show(bob, false);
    receive('agent_left', { agent_id: ana.user_id });
    show(ana, true);
    receive('typing_start', { ...bob, is_typing: true });
    await clock.advance(29_999);
    expect(room.shownUsers('agent_viewing')).toEqual([ana]);
    await clock.advance(1);
    expect(room.shownUsers('agent_viewing')).toEqual([]);
    expect(changes).toEqual([
      'agent_viewing: Bob,Ana',
      'agent_viewing: Ana',
      'agent_viewing: ',
      'agent_viewing: Ana',
      'typing: Bob',
      'typing: ',
      'agent_viewing: ',
    ]);
  });

  test('an event whose payload the indicator rule cannot read is reported, and still reaches the handlers', async () => {
    const { room, receive, client } = await inRoom();
    const codes: string[] = [];
    client.onError(({ code }) => void codes.push(code));
    const types: string[] = [];
    room.onAny(({ event_type }) => void types.push(event_type));
    receive('agent_viewing', [{ agent_id: 7 }]);
    expect([codes, types]).toEqual([['bad_message'], ['agent_viewing']]);
  });
});
