export function resultOf(output: string): { readonly result: string; readonly runTwice: readonly string[] };
