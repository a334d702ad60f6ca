import { OldestFirstMap } from '@millrace/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';

it('an OldestFirstMap finds the entry that was set longest ago, after any sequence of calls', () => {
  const key = fc.integer({ min: 0, max: 9 });
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('set', 'delete'), key }),
    fc.record({ kind: fc.constantFrom('look', 'drop'), key: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = new OldestFirstMap<number, number>();
      let model: [number, number][] = [];
      for (const [index, { kind, key }] of steps.entries()) {
        const without = model.filter(([known]) => known !== key);
        if (kind === 'set') {
          map.set(key, index);
          model = [...without, [key, index]];
        } else if (kind === 'delete') {
          expect(map.delete(key)).toBe(without.length < model.length);
          model = without;
        } else {
          expect(map.oldest()).toEqual(model[0]);
          if (kind === 'look' || model[0] === undefined) continue;
          expect(map.delete(model[0][0])).toBe(true);
          model = model.slice(1);
        }
        expect(map.size).toBe(model.length);
        expect([...map.values()]).toEqual(model.map(([, value]) => value));
        expect(map.get(key)).toBe(model.find(([known]) => known === key)?.[1]);
      }
      for (; model.length > 0; model = model.slice(1)) {
        expect(map.oldest()).toEqual(model[0]);
        map.delete(model[0]?.[0] ?? -1);
      }
      expect(map.oldest()).toBeUndefined();
    }),
  );
});
