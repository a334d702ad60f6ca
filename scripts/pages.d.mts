/** A block of code of a page. */
export interface CodeBlock {
  readonly line: number;
  readonly language: string;
  readonly words: string;
  readonly before: string;
  readonly code: string;
}
export function codeBlocks(text: string): readonly CodeBlock[];
