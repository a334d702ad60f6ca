// Gives views their workspace. A workspace exists as long as its person is on the page.
import { createContext, useContext, useEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Person } from '../../src/api-types.js';
import type { PeopleById, WorkspaceState } from '../state/workspace-state.js';
import { Workspace } from '../workspace/workspace.js';

/** Creates and opens a person's workspace, and closes it with the view. */
export function useNewWorkspace(person: Person, people: PeopleById, ticketId: string | null): Workspace {
  // `ticketId` is only the ticket that is opened first. Later the open ticket is in the state of the workspace.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  const workspace = useMemo(() => new Workspace(person, people, ticketId), [person, people]);
  useEffect(() => {
    // In development, React runs effects twice, which closes the workspace and opens it again.
    void workspace.open();
    return () => void workspace.close();
  }, [workspace]);
  return workspace;
}

/**
 * Reads a part of a workspace's state and renders the view again when that part changes. `select` must return a part of the
 * state or a plain value, never a new object.
 */
export function useStateOf<Part>(workspace: Workspace, select: (state: WorkspaceState) => Part): Part {
  return useStore(workspace.store, select);
}

const WorkspaceContext = createContext<Workspace | null>(null);

/** Provides a workspace to the views inside. */
export const WorkspaceProvider = WorkspaceContext.Provider;

/** Returns the workspace around this view. */
export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (workspace === null) throw new Error('useWorkspace() needs a WorkspaceProvider around the view.');
  return workspace;
}

/** Calls {@link useStateOf} with the workspace around this view. */
export function useWorkspaceState<Part>(select: (state: WorkspaceState) => Part): Part {
  return useStateOf(useWorkspace(), select);
}
