// Asks at the terminal for the choices that the command line does not contain.
import { createInterface } from 'node:readline/promises';
import { BACKENDS, type Backend, backendNamed, backendNames } from './backends.js';
import type { CommandLine } from './command-line.js';
import { CreateError } from './create-error.js';
import type { Project } from './create-project.js';

const defaults: Project = { folder: 'millrace-app', backend: 'express' };

/**
 * Returns the wanted project. Asks only at a terminal.
 *
 * @throws CreateError if the folder or the backend is not given and there is no terminal
 */
export async function projectOf({ folder, backend, isYes }: CommandLine): Promise<Project> {
  if (isYes || (folder !== undefined && backend !== undefined))
    return { folder: folder ?? defaults.folder, backend: backend ?? defaults.backend };
  if (!process.stdin.isTTY)
    throw new CreateError(
      `There is no terminal to ask at. Give a folder and --backend ${BACKENDS.join(' or ')}, or --yes for ${defaults.backend} in ${defaults.folder}.`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Lines that are typed ahead wait in the iterator. Ctrl+C and Ctrl+D end it.
  const lines = terminal[Symbol.asyncIterator]();
  const question = async (text: string): Promise<string> => {
    process.stdout.write(text);
    const { value, done } = await lines.next();
    if (done === true) {
      process.stdout.write('\n');
      throw new CreateError('Stopped. Nothing was written.');
    }
    return value.trim();
  };
  try {
    return {
      folder: folder ?? ((await question(`Folder (${defaults.folder}): `)) || defaults.folder),
      backend: backend ?? (await askBackend(question)),
    };
  } finally {
    terminal.close();
  }
}

/** Asks until the answer is the number or the name of a backend. Without an answer, it is the default. */
async function askBackend(question: (text: string) => Promise<string>): Promise<Backend> {
  const list = BACKENDS.map((backend, index) => `  ${index + 1}  ${backendNames[backend]}`).join('\n');
  for (;;) {
    const answer = await question(`Backend:\n${list}\nNumber or name (${defaults.backend}): `);
    const backend = BACKENDS[Number(answer) - 1] ?? backendNamed(answer || defaults.backend);
    if (backend !== undefined) return backend;
    console.log(`There is no backend "${answer}". Give a number from 1 to ${BACKENDS.length}, or a name.`);
  }
}
