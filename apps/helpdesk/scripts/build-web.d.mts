/** Builds the pages if need be. `bytes`: what a first visit loads, compressed. */
export function buildWeb(): Promise<{ readonly isFresh: boolean; readonly bytes: number }>;
