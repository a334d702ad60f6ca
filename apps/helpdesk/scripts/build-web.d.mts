/** Builds the pages if an input has changed. `bytes` is the compressed size of everything that a first visit loads. */
export function buildWeb(): Promise<{ readonly isFresh: boolean; readonly bytes: number }>;

/** Runs `act` while no other call with this file runs, in any process. The lock of a killed process is free at once. */
export function withLock<Result>(file: string, act: () => Promise<Result>): Promise<Result>;
