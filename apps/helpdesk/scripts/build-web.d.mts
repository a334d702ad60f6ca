/** Builds the pages if an input has changed. `bytes` is the compressed size of everything that a first visit loads. */
export function buildWeb(): Promise<{ readonly isFresh: boolean; readonly bytes: number }>;
