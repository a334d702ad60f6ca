// The requirements of OWASP ASVS 5.0.0 that apply to Millrace. Chapters that do not apply are named in page.mjs.
import { interfaceRows } from './interface-rows.mjs';
import { ruleRows } from './rule-rows.mjs';

/**
 * The rows. In the lists, a row is number, level, requirement, state, then a note or tests, each a file with a title. States: `met`; `partly`, `operator` (whoever runs it
 * must do it) and `open`, which have a note.
 */
export const rows = [...interfaceRows, ...ruleRows].map(([id, level, requirement, state, ...shown]) => ({
  id: String(id),
  level: Number(level),
  requirement: String(requirement),
  state: String(state),
  note: shown.find((item) => typeof item === 'string'),
  tests: shown.filter((item) => Array.isArray(item)),
}));
