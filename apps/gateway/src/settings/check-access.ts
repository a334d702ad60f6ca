// Checks the options of access together: there must be exactly one rule, and no setting may be without effect.
import { nameOf } from '../application/application.js';
import { GatewayError } from '../errors.js';
import { ACCESS_DEFAULTS } from './access-options.js';
import type { ResolvedGatewayOptions } from './options.js';

/** @throws GatewayError `invalid_configuration` */
export function checkAccess(options: ResolvedGatewayOptions): void {
  const { app, accessUrl, accessKey, accessKeyHeader, isDevelopment } = options;
  const mayEnter = app?.access?.mayEnter;
  if (mayEnter !== undefined && accessUrl !== undefined)
    throw invalid(
      `Give one access rule: access.mayEnter of the application ${nameOf(app ?? {})}, or MILLRACE_ACCESS_URL, not both.`,
    );
  if (accessKey !== undefined && accessUrl === undefined)
    throw invalid('MILLRACE_ACCESS_KEY needs MILLRACE_ACCESS_URL.');
  if (accessKeyHeader !== ACCESS_DEFAULTS.accessKeyHeader && accessKey === undefined)
    throw invalid('MILLRACE_ACCESS_KEY_HEADER needs MILLRACE_ACCESS_KEY.');
  if (accessUrl !== undefined || typeof mayEnter === 'function') return;
  const names = Object.keys(ACCESS_DEFAULTS) as (keyof typeof ACCESS_DEFAULTS)[];
  const idle = names.find((name) => options[name] !== ACCESS_DEFAULTS[name]);
  if (idle !== undefined)
    throw invalid(
      `${idle} has no effect without a rule that is asked: MILLRACE_ACCESS_URL, or access.mayEnter in the application module.`,
    );
  if (app?.access !== undefined && mayEnter === undefined && !isDevelopment)
    throw invalid(
      `The application ${nameOf(app)} has the part access, but no rule opens rooms. Define access.mayEnter(user, room), set MILLRACE_ACCESS_URL, or let ` +
        "the claim `rooms` of the tokens decide: mayEnter: 'claim'. To try it with open rooms on this machine only, set MILLRACE_DEV=1.",
    );
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_configuration', message);
}
