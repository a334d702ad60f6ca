// The requirements of OWASP ASVS 5.0.0 that apply to Millrace. Chapters that do not apply are named in page.mjs.
import { interfaceRows } from './interface-rows.mjs';
import { ruleRows } from './rule-rows.mjs';

/**
 * A row: number, level, requirement, state, then tests, each a file with a title. States: `met`; `partly`, `operator` (whoever runs it
 * must do it) and `open`, which have a note.
 */
export const rows = [...interfaceRows, ...ruleRows];
