// Remembers which errors already name address, cause and remedy, so that no error is explained twice.
import type { BrokerError } from '../../errors.js';

const explained = new WeakSet<BrokerError>();

/** Records that the message of the error is an explanation, and returns the error. */
export function noteExplanation(error: BrokerError): BrokerError {
  explained.add(error);
  return error;
}

/** True when the message of the error is an explanation. */
export function hasExplanation(error: BrokerError): boolean {
  return explained.has(error);
}
