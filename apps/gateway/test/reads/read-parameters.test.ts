import { describe, expect, it } from 'vitest';
import { readParameters } from '../../src/reads/read-parameters.js';

const limits = { maxEvents: 1_000, maxWaitMs: 90_500 };
const position = 'abcdefgh1-mx18owim';

function read(query: Record<string, string>, lastEventId?: string) {
  return readParameters(new Map(Object.entries(query)), lastEventId, limits);
}

describe('readParameters', () => {
  it('a query without parameters begins now, allows 100 events and does not wait', () => {
    expect(read({})).toEqual({ after: undefined, limit: 100, waitMs: 0 });
    expect(readParameters(new Map(), '', { maxEvents: 5, maxWaitMs: 0 })).toMatchObject({ limit: 5 });
  });

  it('the least and the greatest values are accepted', () => {
    expect(read({ limit: '1', wait: '0' })).toMatchObject({ limit: 1, waitMs: 0 });
    expect(read({ limit: '1000', wait: '90' })).toMatchObject({ limit: 1_000, waitMs: 90_000 });
  });

  it('a wait beyond the limit of the gateway is valid and cut to the limit', () => {
    const short = { maxEvents: 1_000, maxWaitMs: 25_000 };
    const waitOf = (wait: string) => readParameters(new Map([['wait', wait]]), undefined, short);
    expect(waitOf('20')).toMatchObject({ waitMs: 20_000 });
    expect(waitOf('90')).toMatchObject({ waitMs: 25_000 });
    expect(waitOf('91')).toHaveProperty('wrong');
  });

  it('`Last-Event-ID` wins over `after` unless it is empty', () => {
    const other = 'abcdefgh1-0';
    const cursor = (found: ReturnType<typeof read>) =>
      'after' in found ? found.after?.[0]?.cursor : 'wrong';
    expect(cursor(read({ after: other }, position))).not.toBe(cursor(read({ after: other })));
    expect(cursor(read({ after: other }, ''))).toBe(cursor(read({ after: other })));
    expect(cursor(read({ after: '' }, ''))).toBeUndefined();
    expect(read({ after: 'garbage' }, '')).toMatchObject({ wrong: expect.stringContaining('`after`') });
    expect(cursor(read({ after: 'garbage' }, position))).not.toBe('wrong');
  });

  it('a position of a later build is accepted as an unknown position', () => {
    expect(read({ after: 'v2~later' })).toMatchObject({ after: [] });
  });

  it.each([
    [{ after: 'garbage' }, 'after'],
    [{ limit: '0' }, 'limit'],
    [{ limit: '1001' }, 'limit'],
    [{ limit: '1,2' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ wait: '91' }, 'wait'],
    [{ wait: '-1' }, 'wait'],
    [{ wait: '1e1' }, 'wait'],
    [{ wait: '9999999' }, 'wait'],
  ])('the query %j is refused, and the text names %s', (query, name) => {
    expect(read(query)).toEqual({ wrong: expect.stringContaining(`\`${name}\``) as string });
  });

  it('a garbled `Last-Event-ID` is refused, and the problem names the header', () => {
    expect(read({}, 'garbage')).toEqual({ wrong: expect.stringContaining('Last-Event-ID') as string });
  });
});
