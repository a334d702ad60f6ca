// The kinds of projects. Each has a folder in `templates/`, in addition to `templates/common`.

/** The languages in which the backend of a project can be written. */
export const BACKENDS = ['fastapi', 'express'] as const;

/** One of {@link BACKENDS}. */
export type Backend = (typeof BACKENDS)[number];

/** The names of the backends for people. */
export const backendNames: Readonly<Record<Backend, string>> = {
  fastapi: 'FastAPI (Python)',
  express: 'Express (Node)',
};

/** Returns the backend with this name, in upper or lower case, or `undefined` if there is none. */
export function backendNamed(name: string): Backend | undefined {
  return BACKENDS.find((backend) => backend === name.toLowerCase());
}
