// The declared fields that name the people whom an event is about.
import { describe, expect, it } from 'vitest';
import { defineEventType, eventCatalog, namesPerson, Type } from '../src/index.js';

const user = '0B8F6F5E-3c51-4c0b-8a53-5b6a5f0f2d10';
const names = (type: string, payload: unknown, userId = user.toLowerCase()): boolean =>
  namesPerson(eventCatalog.find(type) ?? {}, payload, userId);

describe('the people whom an event is about', () => {
  it('every built-in type that names a person declares the field', () => {
    expect(names('chat_message', { sender_id: user })).toBe(true);
    expect(names('chat_message', { sender_id: null, sender: { id: user } })).toBe(true);
    expect(names('typing_start', { user_id: user })).toBe(true);
    expect(names('typing_stop', { user_id: user })).toBe(true);
    expect(names('read_receipt', { user_id: user })).toBe(true);
    expect(names('status_change', { changed_by: 'maria' }, 'maria')).toBe(true);
    expect(names('assignment_change', { assigned_by: 'maria' }, 'maria')).toBe(true);
    expect(names('assignment_change', { assignee_id: user })).toBe(true);
    for (const type of ['remote_session_start', 'remote_session_end'])
      expect([names(type, { agent_id: user }), names(type, { requester_id: user })]).toEqual([true, true]);
  });

  it('an undeclared field names nobody, and no payload makes the search fail', () => {
    expect(names('chat_message', { content: user, id: user })).toBe(false);
    for (const payload of [
      undefined,
      null,
      7,
      'text',
      [],
      { sender: null },
      { sender: 'x' },
      { sender_id: 7 },
    ])
      expect(names('chat_message', payload)).toBe(false);
    expect(names('notification', { user_id: user })).toBe(false);
  });

  it('IDs that are not UUIDs are compared unchanged', () => {
    expect(names('status_change', { changed_by: 'Maria' }, 'maria')).toBe(false);
  });

  it('a declaration with a wrong field name is refused', () => {
    const declare = (persons: readonly string[]) =>
      defineEventType({
        name: 'order',
        payload: Type.Object({}),
        stream: 'events:orders',
        lane: 'high',
        maxAgeMs: null,
        replay: { mode: 'all' },
        persons,
      });
    expect(declare(['buyer.id', 'seller']).persons).toEqual(['buyer.id', 'seller']);
    expect(() => declare(['buyer..id'])).toThrow(/persons must be a list of field names/);
    expect(() => declare('buyer' as never)).toThrow(/persons must be a list of field names/);
  });
});
