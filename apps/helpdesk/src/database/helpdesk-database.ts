// The type of an open database.
import type Database from 'libsql';

/** An open database. Calls are synchronous, so transactions cannot interleave. */
export type HelpdeskDatabase = InstanceType<typeof Database>;
