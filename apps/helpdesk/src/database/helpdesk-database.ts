// The type of an open database, for all who read and write it.
import type Database from 'libsql';

/** An open database. Calls are synchronous, so what happens in one `transaction` cannot interleave with another. */
export type DeskDatabase = InstanceType<typeof Database>;
