/** The build of an earlier commit in a temporary folder. */
export interface EarlierBuild {
  /** The short hash of the commit. */
  readonly name: string;
  readonly folder: string;
  /** The gateway's command-line program. */
  readonly cli: string;
  remove(): Promise<void>;
}

export function buildEarlier(reference: string): Promise<EarlierBuild>;
