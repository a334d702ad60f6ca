// Runs a script that may find a value of another program at a key of Millrace. The script has then deleted the value, and done nothing
// else; see `repairFunction` in `scripts/repair.ts`.
import { isRefusal } from '../../errors.js';
import type { ScriptCall } from './script-calls.js';

const REPAIRED = /^Redis: REPAIRED (.+)$/s;

/** Runs a script, and once more if it has repaired a key. `onRepaired` receives this key. */
export async function runRepaired<T>(
  run: (call: ScriptCall<T>) => Promise<T>,
  call: ScriptCall<T>,
  onRepaired: (key: string) => void,
): Promise<T> {
  try {
    return await run(call);
  } catch (error) {
    const [, key] = isRefusal(error) ? (REPAIRED.exec(error.message) ?? []) : [];
    if (key === undefined) throw error;
    onRepaired(key);
    return run(call);
  }
}
