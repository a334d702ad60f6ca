import { expect, it } from 'vitest';
import { resolveOptions } from '../../src/settings/options.js';

const development = { isDevelopment: true } as const;

it('fills in what is not given, and freezes it', () => {
  const resolved = resolveOptions(
    { ...development, maxOutboundBytes: 1_000, maxBodyBytes: undefined as never },
    'here',
  );
  expect(resolved).toMatchObject({ instance: 'here', maxOutboundBytes: 1_000, maxBodyBytes: 1_048_576 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

it.each([
  'maxBodyBytes',
  'maxRoomsPerConnection',
  'replayWindowMs',
  'maxOutboundBytes',
  'maxOutboundMessages',
  'sendTimeoutMs',
  'maxClientEventsBurst',
] as const)('refuses a %s that is no whole number from 1, and names it', (option) => {
  for (const value of [0, -1, 1.5, Number.NaN, '7' as never]) {
    expect(() => resolveOptions({ ...development, [option]: value }, 'here')).toThrow(
      expect.objectContaining({
        code: 'invalid_configuration',
        message: `${option} must be a whole number from 1.`,
      }),
    );
  }
});

it.each(['drainMs', 'shutdownTimeoutMs'] as const)('refuses a %s that is no time, and names it', (option) => {
  for (const value of [-1, 0.5, 3_600_001]) {
    expect(() => resolveOptions({ ...development, [option]: value }, 'here')).toThrow(
      expect.objectContaining({ message: expect.stringContaining(option) as string }),
    );
  }
});
