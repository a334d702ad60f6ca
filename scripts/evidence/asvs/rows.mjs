// The requirements of OWASP ASVS 5.0.0 that apply to Millrace. Chapters that do not apply are named in page.mjs.
import { interfaceRows } from './interface-rows.mjs';
import { ruleRows } from './rule-rows.mjs';

/**
 * The rows. In the lists, a row has a number, a level, a requirement and a state. A note or the tests follow, each test as a
 * file and a title. The states are `met`, and three states that have a note: `partly`, `operator` (whoever runs the gateway
 * must do it) and `open`.
 */
export const rows = [...interfaceRows, ...ruleRows].map(([id, level, requirement, state, ...shown]) => ({
  id: String(id),
  level: Number(level),
  requirement: String(requirement),
  state: String(state),
  note: shown.find((item) => typeof item === 'string'),
  tests: shown.filter((item) => Array.isArray(item)),
}));
