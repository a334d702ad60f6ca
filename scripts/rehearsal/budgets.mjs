// Size budgets of the published packages. A package may reach its budget, which is about a tenth above its present size; a larger one
// needs a reason in the commit that raises it.

/** Bytes of the tarball, and of everything that `npm install` of the package alone brings, by package. */
export const budgets = {
  internal: { maxTarballBytes: 30_000, maxInstalledBytes: 90_000 },
  contract: { maxTarballBytes: 410_000, maxInstalledBytes: 4_000_000 },
  'api-documents': { maxTarballBytes: 40_000, maxInstalledBytes: 4_100_000 },
  broker: { maxTarballBytes: 600_000, maxInstalledBytes: 2_500_000 },
  signalr: { maxTarballBytes: 610_000, maxInstalledBytes: 2_800_000 },
  publisher: { maxTarballBytes: 140_000, maxInstalledBytes: 6_900_000 },
  client: { maxTarballBytes: 130_000, maxInstalledBytes: 10_100_000 },
  react: { maxTarballBytes: 40_000, maxInstalledBytes: 10_500_000 },
  gateway: { maxTarballBytes: 990_000, maxInstalledBytes: 32_400_000 },
  'create-millrace': { maxTarballBytes: 30_000, maxInstalledBytes: 70_000 },
};
