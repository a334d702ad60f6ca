// Takes a processor's time and gives nothing back. Argument: seconds, after which it ends in any case.
const endMs = performance.now() + Number(process.argv[2] ?? '0') * 1_000;
process.send?.({ ready: true });
const spin = (): void => {
  const turnEndMs = performance.now() + 50;
  while (performance.now() < turnEndMs);
  // Its channel is to be read: the parent ends it by a signal, or by ending itself.
  if (performance.now() < endMs && process.connected) setImmediate(spin);
  else process.disconnect?.();
};
spin();
