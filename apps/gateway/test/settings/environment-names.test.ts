// A misspelt setting stops the start, and the message names the setting that was probably meant.
import { describe, expect, it } from 'vitest';
import { checkVariableNames, VARIABLE_NAMES } from '../../src/settings/environment-names.js';

/** Returns the message about these variables. */
function messageOf(variables: NodeJS.ProcessEnv): string {
  try {
    checkVariableNames(variables);
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_configuration' });
    return (error as Error).message;
  }
}

describe('checkVariableNames', () => {
  it.each([
    ['MILLRACE_ALLOWED_ORIGIN', 'MILLRACE_ALLOWED_ORIGINS'],
    ['MILLRACE_JWT_SECERT', 'MILLRACE_JWT_SECRET'],
    ['MILLRACE_API_KEY', 'MILLRACE_API_KEYS'],
    ['MILLRACE_REDIS', 'MILLRACE_REDIS_URL'],
    ['MILLRACE_LOGLEVEL', 'MILLRACE_LOG_LEVEL'],
    ['MILLRACE_DEVE', 'MILLRACE_DEV'],
    ['millrace_port', 'MILLRACE_PORT'],
  ])('the message about the variables %s names %s', (name, nearest) => {
    expect(messageOf({ [name]: 'x' })).toBe(`${name} is not a setting. Did you mean ${nearest}?`);
  });

  it.each(['MILLRACE_COLOUR_OF_THE_DOOR', 'MILLRACE_'])(
    'the message about the variables %s names the page of all settings',
    (name) => {
      expect(messageOf({ [name]: 'x' })).toBe(
        `${name} is not a setting. docs/settings.md lists the settings.`,
      );
    },
  );

  it('settings, variables of other programs, and those that Kubernetes sets are accepted', () => {
    const settings = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, '']));
    const others = { PATH: '/bin', NOT_MILLRACE_PORT: '1', MILLRACETRACK: '1' };
    const kubernetes = { MILLRACE_SERVICE_HOST: '10.0.0.1', MILLRACE_PORT_4400_TCP: 'tcp://10.0.0.1:4400' };
    expect(messageOf({ ...settings, ...others, ...kubernetes })).toBe('');
  });

  it('the number and the length of the reported names are bounded', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`MILLRACE_${index}_${'X'.repeat(10_000)}`, '1']),
    );
    expect(messageOf(many).match(/is not a setting/g)).toHaveLength(10);
    expect(messageOf(many).length).toBeLessThan(2_000);
  });

  it('the message about a variable does not repeat its value, which may be a secret', () => {
    expect(messageOf({ MILLRACE_JWT_SECERT: 'hunter2' })).not.toContain('hunter2');
  });
});
