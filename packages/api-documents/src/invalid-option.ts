// The error for wrong options of this package.
import { ContractError } from '@millrace/contract';

/** Returns the error for a wrong option. `fault` names the option, its value and what is allowed. */
export function invalidOption(fault: string): ContractError {
  return new ContractError('invalid_option', fault);
}
