// The sides that run ASP.NET Core SignalR, if .NET is installed. They are built on demand into a temporary folder, and never
// together with the project.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Part, startProgram } from '../harness/processes.js';
import { startPlainPublisher } from './node-sides.js';
import { hashOf, type Side, type SideSetup, type System } from './side.js';

const run = promisify(execFile);
const sources = fileURLToPath(new URL('../../peers/aspnet', import.meta.url));
const files = ['peers/aspnet/Program.cs', 'peers/aspnet/Publisher.cs', 'peers/aspnet/aspnet.csproj'];

/** Switches off telemetry and build servers, so that no process stays behind after a build. */
const environment = {
  ...process.env,
  DOTNET_CLI_TELEMETRY_OPTOUT: '1',
  DOTNET_NOLOGO: '1',
  MSBUILDDISABLENODEREUSE: '1',
};

/** The sides and the folder of their build, which the caller must remove. Without sides, the reason why there are none. */
export type AspNet =
  | { readonly sides: readonly Side[]; readonly folder: string }
  | { readonly reason: string };

/** Builds the ASP.NET Core program. The first build downloads its package from NuGet. */
export async function buildAspNet(): Promise<AspNet> {
  const isThere = await run('dotnet', ['--version'], { env: environment }).then(
    () => true,
    () => false,
  );
  if (!isThere) return { reason: 'there is no dotnet on this machine' };
  const folder = await mkdtemp(join(tmpdir(), 'millrace-aspnet-'));
  const outputs = ['-o', join(folder, 'out'), `-p:BaseIntermediateOutputPath=${folder}/obj/`];
  const args = ['build', sources, '-c', 'Release', '--disable-build-servers', '-v', 'quiet', ...outputs];
  try {
    await run('dotnet', args, { env: environment });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { stdout = '' } = error as { readonly stdout?: string }; // `execFile` adds `stdout` to its errors.
    // NU1301: no package source can be reached. Any other failure is a fault of the program's sources.
    if (stdout.includes('NU1301')) return { reason: 'NuGet cannot be reached' };
    throw new Error(`dotnet build failed:\n${stdout}`, { cause: error });
  }
  return { sides: sidesOf(join(folder, 'out', 'aspnet.dll')), folder };
}

function sidesOf(program: string): readonly Side[] {
  const start = (setup: SideSetup, mode: string): Part =>
    setup.own(startProgram('dotnet', [program, mode, new URL(setup.redisUrl).host]));
  const startServers = async (setup: SideSetup, mode: string) => {
    const gateways: Part[] = [];
    const urls: string[] = [];
    for (let number = 0; number < setup.gateways; number += 1) {
      const gateway = start(setup, mode);
      gateways.push(gateway);
      urls.push((await gateway.message<{ url: string }>()).url);
    }
    return { gateways, urls, dialect: 'signalr' as const };
  };
  const hash = hashOf(files);
  return [
    {
      name: 'aspnet-stream',
      label: 'ASP.NET Core SignalR, stream bridge',
      hash,
      async start(setup): Promise<System> {
        return { ...(await startServers(setup, 'stream')), publisher: await startPlainPublisher(setup) };
      },
    },
    {
      name: 'aspnet-backplane',
      label: 'ASP.NET Core SignalR, Redis backplane',
      hash,
      async start(setup): Promise<System> {
        const servers = await startServers(setup, 'backplane');
        const publisher = start(setup, 'publisher');
        await publisher.message();
        return { ...servers, publisher };
      },
    },
  ];
}
