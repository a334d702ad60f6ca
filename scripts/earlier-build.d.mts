/** A build on disk. */
export interface EarlierBuild {
  /** The commit, short. */
  readonly name: string;
  readonly folder: string;
  /** The gateway's command-line program. */
  readonly cli: string;
  remove(): Promise<void>;
}

export function buildEarlier(reference: string): Promise<EarlierBuild>;
