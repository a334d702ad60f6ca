// Checks that a misspelt setting is reported with the name that was probably meant.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/settings/environment.js';
import {
  describeUnknownVariable,
  unknownVariables,
  VARIABLE_NAMES,
} from '../../src/settings/environment-names.js';

describe('unknownVariables', () => {
  it.each([
    ['MILLRACE_ALLOWED_ORIGIN', 'MILLRACE_ALLOWED_ORIGINS'],
    ['MILLRACE_JWT_SECERT', 'MILLRACE_JWT_SECRET'],
    ['MILLRACE_API_KEY', 'MILLRACE_API_KEYS'],
    ['MILLRACE_REDIS', 'MILLRACE_REDIS_URL'],
    ['MILLRACE_LOGLEVEL', 'MILLRACE_LOG_LEVEL'],
    ['MILLRACE_DEVE', 'MILLRACE_DEV'],
    ['millrace_port', 'MILLRACE_PORT'],
    ['MILLRACE_COLOUR_OF_THE_DOOR', undefined],
    ['MILLRACE_', undefined],
  ])('the setting nearest to %s is %s', (name, nearest) => {
    expect(unknownVariables({ [name]: 'x' })).toEqual([nearest === undefined ? { name } : { name, nearest }]);
  });

  it('settings, variables of other programs, and those that Kubernetes sets are not reported', () => {
    const settings = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, '']));
    const others = { PATH: '/bin', NOT_MILLRACE_PORT: '1', MILLRACETRACK: '1' };
    const kubernetes = { MILLRACE_SERVICE_HOST: '10.0.0.1', MILLRACE_PORT_4400_TCP: 'tcp://10.0.0.1:4400' };
    expect(unknownVariables({ ...settings, ...others, ...kubernetes })).toEqual([]);
  });

  it('the number and length of reported names are bounded', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`MILLRACE_${index}_${'X'.repeat(10_000)}`, '1']),
    );
    const unknown = unknownVariables(many);
    expect(unknown).toHaveLength(10);
    for (const { name } of unknown) expect(name.length).toBeLessThanOrEqual(64);
  });

  it('the environment reports unknown variables without their values', () => {
    const { unknown } = readEnvironment({ MILLRACE_JWT_SECRETS: 'hunter2' });
    expect(unknown.map(describeUnknownVariable)).toEqual([
      'MILLRACE_JWT_SECRETS is not a setting and is ignored. Did you mean MILLRACE_JWT_SECRET?',
    ]);
  });
});

it.each(['../../../../README.md', '../../README.md'])('%s explains every setting', (page) => {
  const readme = readFileSync(new URL(page, import.meta.url), 'utf8');
  for (const name of VARIABLE_NAMES) expect(readme).toContain(`\`${name}\``);
});
