// Uses CPU time without doing any work. Argument: the number of seconds after which it ends.
const endMs = performance.now() + Number(process.argv[2] ?? '0') * 1_000;
process.send?.({ ready: true });
const spin = (): void => {
  const turnEndMs = performance.now() + 50;
  while (performance.now() < turnEndMs);
  // Ends early when the channel to the parent process closes. The event loop can notice that because of `setImmediate`.
  if (performance.now() < endMs && process.connected) setImmediate(spin);
  else process.disconnect?.();
};
spin();
