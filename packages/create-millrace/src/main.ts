// The program `create-millrace`, which `npm create millrace` runs.
import { projectOf } from './ask.js';
import { backendNames } from './backends.js';
import { readCommandLine, usage } from './command-line.js';
import { CreateError } from './create-error.js';
import { createProject, type Project } from './create-project.js';

/** Runs the program and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const commandLine = readCommandLine(args);
    if (commandLine.isHelp) {
      console.log(usage);
      return 0;
    }
    const project = await projectOf(commandLine);
    const files = await createProject(project);
    console.log(summary(project, files));
    return 0;
  } catch (error) {
    // Any other error is a defect of the program, or a disk that cannot be written. It is printed with its stack.
    console.error(error instanceof CreateError ? `create-millrace: ${error.message}` : error);
    return 1;
  }
}

function summary({ folder, backend }: Project, files: readonly string[]): string {
  const isHere = folder === '.' || folder === './';
  const python = [
    '  python3 -m venv .venv',
    '  .venv/bin/pip install -r backend/requirements.txt   # Windows: .venv\\Scripts\\pip',
  ];
  return [
    '',
    `${isHere ? 'This folder' : folder} now has a gateway, a backend with ${backendNames[backend]} and a React page:`,
    '',
    ...files.map((file) => `  ${file}`),
    '',
    'Next:',
    '',
    ...(isHere ? [] : [`  cd ${/\s/.test(folder) ? `"${folder}"` : folder}`]),
    '  npm install',
    ...(backend === 'fastapi' ? python : []),
    '  npm run dev',
    '',
    'Then open http://localhost:5173. README.md says what each file does.',
  ].join('\n');
}
